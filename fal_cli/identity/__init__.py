"""What makes two paid calls the same call: `keys` the identity itself, `canonical` the input, `digests` the files.

Pure but for the files that are read. Nothing here decides what becomes of a call that is the same as another.
"""
