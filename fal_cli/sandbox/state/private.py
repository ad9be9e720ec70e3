"""Folders and files that only their owner can read, whatever the umask is."""

import os
from pathlib import Path
from typing import IO

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def folder(path: Path) -> None:
    """Makes a folder with those above it that are missing, and takes an older one from others. Raises OSError."""
    if not path.is_dir():
        missing = [path, *(above for above in path.parents if not above.exists())]
        for each in reversed(missing):
            # Not `parents=True`, which makes the others with whatever mode the umask leaves.
            each.mkdir(mode=FOLDER_MODE, exist_ok=True)
    _restrict(path, FOLDER_MODE)


def touch(path: Path) -> None:
    """Makes an empty file unless there is one, and takes an older one from others. Raises OSError."""
    os.close(_open(os.fspath(path), os.O_WRONLY | os.O_CREAT))
    _restrict(path, FILE_MODE)


def create(path: Path) -> IO[bytes]:
    """A new file to write bytes to, in place of any older one. Raises OSError."""
    return open(path, "wb", opener=_open)


def _open(path: str, flags: int) -> int:
    # Made so, not changed afterwards: nobody can open it in between.
    return os.open(path, flags, FILE_MODE)


def _restrict(path: Path, mode: int) -> None:
    """Changes a mode that lets others in. What belongs to somebody else stays as it is."""
    if os.name == "posix" and path.stat().st_mode & 0o077 and path.stat().st_uid == os.getuid():
        path.chmod(mode)
