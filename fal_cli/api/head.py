"""The lines before a body, of an answer or of a request that somebody sends here: limited in all (`limits.HEAD`)."""

from typing import Protocol

from fal_cli import limits


class Lines(Protocol):
    """Bytes that are read by line."""

    def readline(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class TooLarge(OSError):
    """Something is larger than its kind may be. Asking again would not help."""


class Head:
    """Reads lines, and raises `TooLarge` where they are more than a head may have.

    Python limits each line and their number; together that is 6 MB, for each of many connections.
    """

    def __init__(self, stream: Lines) -> None:
        self._stream = stream
        self._left = limits.HEAD

    def readline(self, size: int = -1) -> bytes:
        """The next line, at most `size` bytes of it."""
        line = self._stream.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise TooLarge(f"its headers have more than {limits.in_words(limits.HEAD)}")
        return line

    def close(self) -> None:
        self._stream.close()
