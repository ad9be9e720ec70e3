"""Many calls at once, each paid for once: from a list to what is sent, followed, saved and told.

`sources` reads a list, `mapping` makes inputs of its rows and `grid` multiplies them, `names` says where their files
go, `plan` puts all of it on the disk before anything is paid for. `engine` runs a plan, through a `window` that finds
how much the account runs at once and a `gate` that closes while it may send nothing; `manifest` tells what came.
"""
