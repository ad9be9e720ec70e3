"""A file a verb, a folder where a verb has rooms of its own. `cli.registry` lists them."""
