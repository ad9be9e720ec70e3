"""The one writer of files: written beside their target, and given its name when they are whole.

`private` is for their owner's eyes alone, from the first moment. `overwrite` puts it in the place of what is there;
without it another name is taken (`_1`). `durable` has it on the disk before the name is its own.
"""

import os
from contextlib import suppress
from pathlib import Path

from fal_cli.files import cleanup

_unfinished: set[Path] = set()
_BLOCK = 1024 * 1024


class Part:
    """A file beside its target that is gone unless it was placed. Raises `OSError`."""

    def __init__(self, target: Path, *, private: bool = False, mark: str = "") -> None:
        """`mark` stands in its name, for whoever is to clear away what a killed process left."""
        self._is_private = private
        self._path, descriptor = _created(target, 0o600 if private else 0o666, mark)
        self._stream = os.fdopen(descriptor, "wb", buffering=0)
        _unfinished.add(self._path)
        if private and hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)  # a umask may have taken even our own rights

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._stream.close()
        _discard(self._path)

    def write(self, data: bytes) -> None:
        """Writes all of `data`."""
        view = memoryview(data)
        while view:
            view = view[self._stream.write(view) :]

    def holds_the_same_as(self, other: Path) -> bool:
        """Whether another file has these very bytes; False where it cannot be read."""
        try:
            if other.stat().st_size != self._path.stat().st_size:
                return False
            with self._path.open("rb") as mine, other.open("rb") as theirs:
                while piece := mine.read(_BLOCK):
                    if piece != theirs.read(_BLOCK):
                        return False
        except OSError:
            return False
        return True

    def place(self, target: Path, *, overwrite: bool, durable: bool = True) -> Path:
        """Gives the file its name, a free one unless it may replace what is there, and returns it."""
        if durable:
            os.fsync(self._stream.fileno())
        if overwrite:
            os.replace(self._path, target)
            return target
        from fal_cli.files.names import with_number

        number = 0
        while not self.place_if_free(free := target.with_name(with_number(target.name, number))):
            number += 1
        return free

    def place_if_free(self, target: Path) -> bool:
        """Gives the file its name, unless another has it."""
        try:
            os.link(self._path, target)  # fails if the name is taken, unlike a rename
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            if target.exists():
                return False
            os.rename(self._path, target)
        return True


def write(path: Path, data: bytes, *, private: bool = False, durable: bool = False) -> None:
    """Puts a whole file in the place of what is there; who reads it meanwhile has the one before. Raises `OSError`."""
    with Part(path, private=private) as part:
        part.write(data)
        part.place(path, overwrite=True, durable=durable)


def make_private_folder(folder: Path) -> None:
    """Makes a folder and those above it that are missing, closed to others. Raises `OSError`."""
    for part in (*reversed(folder.parents), folder):
        if not part.exists():
            part.mkdir(exist_ok=True, mode=0o700)


def _created(target: Path, mode: int, mark: str) -> tuple[Path, int]:
    """A new file beside the target. Its mode is set as it is made: changing the process's umask is not for threads."""
    while True:
        path = target.with_name(f".{target.name[:40]}.{mark}{os.urandom(6).hex()}.part")
        with suppress(FileExistsError):
            return path, os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), mode)


def _discard(path: Path) -> None:
    _unfinished.discard(path)
    with suppress(OSError):
        path.unlink()


def _discard_all() -> None:
    """Removes what a thread was writing when the program was interrupted."""
    for path in list(_unfinished):
        _discard(path)


cleanup.at_end(_discard_all)
