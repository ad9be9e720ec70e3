"""Shell completion. `answer` replies to a TAB from `table`, which `generate` makes of the command tree;
`scripts` is the text that each shell loads.
"""
