"""The bytes of an answer: in memory, or in a temporary file when there are many, so that any size fits."""

import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from fal_cli import jsontext, limits
from fal_cli.api.errors import NoRoom
from fal_cli.files import temporary

IN_MEMORY_BYTES = 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_LARGE_BYTES = 64 * 1024
_turn = threading.RLock()


@contextmanager
def turn(size: int) -> Iterator[None]:
    """A block in which so many bytes are in memory as values, which take up to a hundred times as much.

    Of the large ones a process has one at a time, so that many results that are taken in at once do not add up.
    """
    if size <= _LARGE_BYTES:
        yield
        return
    with _turn:
        yield


class Body:
    """Bytes that can be read again and again, whole or in chunks."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = data
        self._file: IO[bytes] | None = None
        self._size = len(data)
        self._lock = threading.Lock()

    @classmethod
    def received(cls, chunks: Iterable[bytes], *, in_memory: int = IN_MEMORY_BYTES) -> "Body":
        """All that `chunks` yields, on the disk where it is more than `in_memory`.

        Raises what it raises, and `NoRoom` where the temporary folder is full.
        """
        body = cls()
        gathered: list[bytes] = []
        for chunk in chunks:
            body._size += len(chunk)
            gathered.append(chunk)
            if body._size > in_memory:
                body._store(gathered)
                gathered = []
        body._data = b"".join(gathered)
        return body

    def _store(self, chunks: list[bytes]) -> None:
        try:
            self._file = self._file or temporary.opened()
            self._file.writelines(chunks)
            self._file.flush()
        except OSError as error:
            raise NoRoom(f"the answer does not fit in {_folder()}: {error.strerror or error}") from None

    def __len__(self) -> int:
        return self._size

    def read(self) -> bytes:
        """All of it, in memory."""
        return self._at(0, self._size)

    def chunks(self) -> Iterator[bytes]:
        """All of it, a piece at a time."""
        if self._file is not None:
            yield from self.stretch(0, self._size)
        elif self._data:
            yield self._data

    @property
    def looks_like_json(self) -> bool:
        """Whether it may be JSON, as far as its ends tell."""
        return jsontext.looks_like(len(self), self.head(jsontext.ENDS_BYTES), self.tail(jsontext.ENDS_BYTES))

    @property
    def is_crowded(self) -> bool:
        """Whether it has more values than are read (`limits.VALUES`), if it is JSON."""
        if self._size <= limits.VALUES:
            return False
        left = limits.VALUES
        for chunk in self.chunks():
            left -= jsontext.values_in(chunk)
            if left < 0:
                return True
        return False

    @property
    def is_json(self) -> bool:
        """Whether it may be given to a program as JSON. One that is too large to be read is judged by its ends."""
        if self._size > limits.PARSED or self.is_crowded:
            return self.looks_like_json
        return self._size > 0 and jsontext.is_valid("".join(jsontext.compact(self.chunks())))

    def stretch(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from one place to another, a piece at a time. Threads do not disturb each other."""
        while start < min(end, self._size):
            data = self._at(start, min(_CHUNK_BYTES, end - start))
            if not data:
                return
            yield data
            start += len(data)

    def _at(self, start: int, size: int) -> bytes:
        if self._file is None:
            return self._data[start : start + size]
        with self._lock:
            self._file.seek(start)
            return self._file.read(size)

    def head(self, size: int) -> bytes:
        """The first `size` bytes."""
        return self._at(0, size)

    def tail(self, size: int) -> bytes:
        """The last `size` bytes."""
        return self._at(max(0, self._size - size), size)


def _folder() -> str:
    """Where temporary files are, in words."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return "memory"
