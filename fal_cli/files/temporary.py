"""Temporary files, also where no folder takes any: a system without `/tmp` keeps them in memory."""

import os
import tempfile
from typing import IO

PREFIX = "fal-spool-"


def opened() -> IO[bytes]:
    """A file without a name, for reading and writing. Raises `OSError` where there is neither folder nor memory."""
    try:
        return tempfile.TemporaryFile()  # lives as long as its holder
    except FileNotFoundError:
        return os.fdopen(_in_memory(), "w+b")


def made() -> tuple[int, str]:
    """An open descriptor of a file, and its name; "" for one that is in memory. Raises as `opened`."""
    try:
        return tempfile.mkstemp(prefix=PREFIX)
    except FileNotFoundError:
        return _in_memory(), ""


def _in_memory() -> int:
    """A file in memory, where the system has such. Raises `OSError`."""
    if not hasattr(os, "memfd_create"):
        raise OSError("no folder for temporary files; name one: TMPDIR")
    return os.memfd_create(PREFIX)
