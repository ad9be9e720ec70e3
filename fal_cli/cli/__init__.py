"""The command line itself: the tree of commands, its words, its help and its completion."""
