"""A stream of unknown length as a temporary file, so that it can be sent in parts and sent again."""

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from fal_cli.files import cleanup

_BLOCK = 1024 * 1024


def spool(stream: BinaryIO) -> Path:
    """Copies a stream to its end; the file is gone when the program ends. Raises `OSError`."""
    descriptor, name = tempfile.mkstemp(prefix="fal-spool-")
    cleanup.at_end(lambda: Path(name).unlink(missing_ok=True))
    with os.fdopen(descriptor, "wb") as spooled:
        while chunk := stream.read(_BLOCK):
            spooled.write(chunk)
            if len(chunk) < _BLOCK:
                break  # the end: on a terminal, reading on would ask for a second Ctrl-D
    return Path(name)
