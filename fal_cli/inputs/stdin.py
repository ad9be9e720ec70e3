"""When stdin is read, and what is said about it.

A loop such as `while read -r line; do fal submit … ; done` shares its stdin with every command inside,
so it is read only when nothing else gave the input, or when a word asks for it.
"""

import io
import os
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from fal_cli.errors import UsageError

PATIENCE_SECONDS = 3.0
_BLOCK = 64 * 1024


class Stdin:
    """Standard input: read at most once, and only on demand."""

    def __init__(self, stream: BinaryIO | None, *, is_terminal: bool, say: Callable[[str], None]) -> None:
        self._stream = stream
        self._say = say
        self._claimed_by: str | None = None
        self.is_terminal = is_terminal

    def read(self, claim: str) -> bytes:
        """All of stdin, for the word `claim`. After three silent seconds one line says what is awaited.

        Raises `UsageError` on a second claim.
        """
        self._claim(claim)
        if self._stream is None:
            return b""
        if not self.is_terminal and not self._ready(PATIENCE_SECONDS):
            self._say("waiting for JSON on stdin (end it with Ctrl-D, or give inputs as key=value)")
        try:
            return self._stream.read()
        except OSError as error:
            raise UsageError(f"cannot read stdin: {error.strerror or error}") from None

    def lines(self, claim: str) -> Iterator[bytes]:
        """stdin line by line, as lines come, for the word `claim`. Raises as `read`."""
        self._claim(claim)
        if self._stream is None:
            return
        try:
            descriptor = self._stream.fileno()
        except (OSError, ValueError):
            yield from self._stream
            return
        # Not through the buffered reader: its lock, held by a thread that waits here, aborts the interpreter's end.
        rest = b""
        while chunk := os.read(descriptor, _BLOCK):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
        if rest:
            yield rest

    def spool(self, claim: str) -> Path:
        """All of stdin in a temporary file of this process, for the word `claim`. Raises as `read`."""
        from fal_cli.spool import spool

        self._claim(claim)
        return spool(self._stream or io.BytesIO())

    def holds_unread_pipe_data(self) -> bool:
        """Whether bytes wait in a pipe that nobody claimed. A file or a terminal is never 'waiting'."""
        if self._claimed_by is not None or self._stream is None or sys.platform == "win32":
            return False
        return _bytes_in_pipe(self._stream) > 0

    def _claim(self, claim: str) -> None:
        if self._claimed_by is not None:
            raise UsageError(f"stdin can be read once, but both {self._claimed_by} and {claim} ask for it")
        self._claimed_by = claim

    def _ready(self, seconds: float) -> bool:
        if sys.platform == "win32" or self._stream is None:
            return True
        try:
            return bool(select.select([self._stream], [], [], seconds)[0])
        except (OSError, ValueError):
            return True


def _bytes_in_pipe(stream: BinaryIO) -> int:
    import array
    import fcntl
    import stat
    import termios

    waiting = array.array("i", [0])
    try:
        if not stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode):
            return 0
        fcntl.ioctl(stream.fileno(), termios.FIONREAD, waiting)
    except (OSError, ValueError):
        return 0
    return waiting[0]
