"""The synchronous request layer: values in, dataclasses out.

It prints nothing and knows no terminal, no Typer and no ledger. `wire` exchanges bytes, `phases` knows how
far an exchange got, `queue`, `follow` and `direct` are the calls, `errors` is the one family of failures.
"""
