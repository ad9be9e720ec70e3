"""A stream of unknown length as a temporary file, so that it can be sent in parts and sent again."""

import os
from pathlib import Path
from typing import BinaryIO

from fal_cli.files import cleanup, temporary

_BLOCK = 1024 * 1024


def spool(stream: BinaryIO) -> Path:
    """Copies a stream to its end; the file is gone when the program ends, however it ends. Raises `OSError`."""
    descriptor, name = temporary.made()
    path = _without_a_name(descriptor, Path(name) if name else None)
    spooled = os.fdopen(descriptor, "wb", closefd=False)
    while chunk := stream.read(_BLOCK):
        spooled.write(chunk)
        if len(chunk) < _BLOCK:
            break  # the end: on a terminal, reading on would ask for a second Ctrl-D
    spooled.flush()
    os.lseek(descriptor, 0, os.SEEK_SET)  # macOS: whoever opens the path shares the place
    return path


def _without_a_name(descriptor: int, path: Path | None) -> Path:
    """Another way to an open file, which now has no name that a killed process could leave behind.

    Where the system has no such way, the file keeps its name until the program ends.
    """
    nameless = Path(f"/dev/fd/{descriptor}")
    if path is None:
        return nameless
    if nameless.exists():
        path.unlink()
        return nameless
    cleanup.at_end(lambda: path.unlink(missing_ok=True))
    return path
