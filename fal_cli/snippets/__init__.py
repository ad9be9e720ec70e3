"""A call as a script in another language."""
