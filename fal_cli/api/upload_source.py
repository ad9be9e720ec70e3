"""Files on their way out: read in pieces, by several threads at once, and never sent if they change meanwhile."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType


class SourceChanged(Exception):
    """A file changed while it was sent. What was sent is no file that ever existed."""


class Stopped(Exception):
    """The upload was given up; raised inside its workers."""


class Source:
    """An open file with a name and a content type. Its size is fixed from here on.

    Raises `OSError` where it cannot be opened.
    """

    def __init__(self, path: Path, *, name: str, content_type: str) -> None:
        self.name = name
        self.content_type = content_type
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        seen = os.fstat(self._descriptor)
        self._seen = (seen.st_size, seen.st_mtime_ns)
        self.size = seen.st_size
        self._lock = threading.Lock()

    def __enter__(self) -> "Source":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def read_at(self, offset: int, size: int) -> bytes:
        """Bytes from a place; threads do not disturb each other. Raises `SourceChanged` where they have gone."""
        if hasattr(os, "pread"):
            data = os.pread(self._descriptor, size, offset)
        else:
            with self._lock:
                os.lseek(self._descriptor, offset, os.SEEK_SET)
                data = os.read(self._descriptor, size)
        if not data and size:
            raise SourceChanged(f"{self._path} became shorter while it was sent")
        return data

    def check_unchanged(self) -> None:
        """Raises `SourceChanged` if the file was written to since it was opened."""
        now = os.fstat(self._descriptor)
        if (now.st_size, now.st_mtime_ns) != self._seen:
            raise SourceChanged(f"{self._path} changed while it was sent")


class Stretch:
    """A stretch of a source that is to be sent; each attempt begins at its start."""

    def __init__(
        self, source: Source, offset: int, length: int, on_bytes: Callable[[int], None], stop: threading.Event
    ) -> None:
        self._source = source
        self._offset = offset
        self._length = length
        self._on_bytes = on_bytes
        self._stop = stop
        self._told = 0

    def begin(self) -> "Piece":
        """A body for one attempt. What an earlier attempt told of is taken back."""
        self._on_bytes(-self._told)
        self._told = 0
        return Piece(self._length, self._read)

    def _read(self, at: int, size: int) -> bytes:
        if self._stop.is_set():
            raise Stopped
        data = self._source.read_at(self._offset + at, size)
        self._told += len(data)
        self._on_bytes(len(data))
        return data


class Piece:
    """A request body. It has a length and no file number, so that requests sends it as it is."""

    def __init__(self, length: int, read_at: Callable[[int, int], bytes]) -> None:
        self._length = length
        self._read_at = read_at
        self._at = 0

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1, /) -> bytes:
        left = self._length - self._at
        wanted = left if size < 0 else min(size, left)
        if wanted == 0:
            return b""
        data = self._read_at(self._at, wanted)
        self._at += len(data)
        return data
