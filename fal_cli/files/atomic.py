"""Files that appear whole or not at all: written beside their target, synced, and given its name at the end."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from fal_cli.files import cleanup, names

_unfinished: set[Path] = set()


class Part:
    """A file beside its target that is gone unless it was placed."""

    def __init__(self, target: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:60]}.", suffix=".part")
        self._path = Path(name)
        self._stream = os.fdopen(descriptor, "wb", buffering=0)
        _unfinished.add(self._path)

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._stream.close()
        _discard(self._path)

    def write(self, data: bytes) -> None:
        """Writes all of `data`. Raises `OSError`."""
        view = memoryview(data)
        while view:
            view = view[self._stream.write(view) :]

    def place(self, target: Path, *, overwrite: bool) -> Path:
        """Gives the file its name, a free one unless it may replace what is there."""
        os.fsync(self._stream.fileno())
        os.chmod(self._path, _public_mode())
        if overwrite:
            os.replace(self._path, target)
            return target
        number = 0
        while True:
            free = target.with_name(names.with_number(target.name, number))
            try:
                os.link(self._path, free)  # fails if the name is taken, unlike a rename
                return free
            except FileExistsError:
                number += 1
            except OSError:
                if free.exists():
                    number += 1
                    continue
                os.rename(self._path, free)  # a file system without hard links
                return free


def _discard(path: Path) -> None:
    _unfinished.discard(path)
    with suppress(OSError):
        path.unlink()


def _discard_all() -> None:
    """Removes what a thread was writing when the program was interrupted."""
    for path in list(_unfinished):
        _discard(path)


cleanup.at_end(_discard_all)


def _public_mode() -> int:
    """The mode of a new file by the user's own umask: temporary files begin as 0600."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
