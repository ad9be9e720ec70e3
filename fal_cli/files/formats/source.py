"""The bytes of a stranger's file, read here and there within a limit: no file can make a look at it take long."""

import os
from typing import BinaryIO, NamedTuple

MOST_BYTES = 4 * 1024 * 1024
MOST_READS = 100_000


class Unreadable(Exception):
    """The file ends too early, says what cannot be, or would have to be read too far into."""


class Seen(NamedTuple):
    """What a file says of itself; None where it says nothing that can be believed. Sizes in pixels as it is shown."""

    content_type: str
    width: int | None = None
    height: int | None = None
    seconds: float | None = None

    def turned(self) -> "Seen":
        """The same on its side."""
        return self._replace(width=self.height, height=self.width)


class Source:
    """A stream of `size` bytes whose reads are counted. It can be handed to whatever reads files.

    Raises `Unreadable` once `MOST_BYTES` or `MOST_READS` are spent, and for what the disk refuses.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self.size = size
        self._bytes_left = MOST_BYTES
        self._reads_left = MOST_READS

    def at(self, offset: int, count: int) -> bytes:
        """Exactly `count` bytes from `offset`."""
        data = self.up_to(offset, count)
        if len(data) < count:
            raise Unreadable("it ends too early")
        return data

    def up_to(self, offset: int, count: int) -> bytes:
        """At most `count` bytes from `offset`; fewer at the end."""
        self.seek(offset)
        return self.read(count)

    def read(self, count: int = -1) -> bytes:
        """As a file's."""
        left = max(0, self.size - self.tell())
        wanted = left if count < 0 else min(count, left)
        self._bytes_left -= wanted
        self._reads_left -= 1
        if self._bytes_left < 0 or self._reads_left < 0:
            raise Unreadable("it would have to be read too far into")
        try:
            return self._stream.read(wanted)
        except OSError as error:
            raise Unreadable(str(error)) from error

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As a file's; not beyond what a file can have."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.size}[whence]
        if not 0 <= base + offset <= 2**62:
            raise Unreadable("it points outside of itself")
        return self._stream.seek(base + offset)

    def tell(self) -> int:
        """As a file's."""
        return self._stream.tell()
