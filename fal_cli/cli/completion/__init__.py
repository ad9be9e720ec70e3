"""Shell completion. A shell's script (`scripts`) asks `fal __complete SHELL …`, which `answer` replies to before
anything else of the program is imported.

`line` reads what a shell has in its line, `walk` finds out from the generated `table` what may stand at the cursor,
`values` offers it, from files (`paths`) and from what this machine keeps (`home`, `inputs`). `generate` makes the
table and the scripts of the command tree; `install` puts a script where a shell looks for it.
"""
