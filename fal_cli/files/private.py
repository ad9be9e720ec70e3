"""Files that their owner alone can read, each there whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it that are missing, closed to others. Raises `OSError`."""
    for part in (*reversed(folder.parents), folder):
        if not part.exists():
            part.mkdir(exist_ok=True, mode=0o700)


def replace(path: Path, data: bytes, *, lasting: bool = False) -> None:
    """Puts a new file in the place of the old one; a process that reads it meanwhile has the one before.

    With `lasting` it is on the disk before the name is its own. Raises `OSError`.
    """
    import tempfile

    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")  # 0600 from the start
    try:
        with open(descriptor, "wb") as stream:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)  # a umask may have taken even our own rights
            stream.write(data)
            if lasting:
                stream.flush()
                os.fsync(descriptor)
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
