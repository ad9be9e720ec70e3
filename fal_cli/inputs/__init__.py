"""Words of the command line, files and stdin into the one JSON object that an endpoint receives.

`items` is the grammar of one word, `nesting` sets a value at a path, `documents` reads JSON strictly,
`stdin` knows when to read it, `gather` puts them together in the documented order.
"""
