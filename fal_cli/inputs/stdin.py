"""When stdin is read, and what is said about it.

A loop such as `while read -r line; do fal submit … ; done` shares its stdin with every command inside,
so it is read only when nothing else gave the input, or when a word asks for it. An empty one
that was asked for is an error: the program before the pipe may have failed. Only a device such as /dev/null means that
there is no input.
"""

import io
import os
import select
import stat
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from fal_cli.errors import UsageError

if TYPE_CHECKING:
    import socket

PATIENCE_SECONDS = 3.0
_BLOCK = 64 * 1024


class Stdin:
    """Standard input: read at most once, and only on demand."""

    def __init__(
        self, stream: BinaryIO | None, *, is_terminal: bool, say: Callable[[str], None], is_watched: bool = False
    ) -> None:
        """`is_watched`: a person sees what is said, so a pipe is there because they typed it."""
        self._stream = stream
        self._say = say
        self._is_watched = is_watched
        self._claimed_by: str | None = None
        self.is_terminal = is_terminal

    @property
    def is_device(self) -> bool:
        """Whether it is closed or a device, such as /dev/null: nobody meant to give anything there."""
        try:
            return self._stream is None or stat.S_ISCHR(os.fstat(self._stream.fileno()).st_mode)
        except (OSError, ValueError):
            return False

    def read(self, claim: str, what: str = "JSON", *, is_asked: bool = True) -> bytes:
        """All of stdin, for the word `claim`. On a terminal one line says at once what is awaited.

        Where no word asked for it, and nobody typed a pipe, it says so after 3 s. In a pipe of two programs one that
        waits is silent: the terminal's line is the other's. Raises `UsageError` on a second claim.
        """
        self._claim(claim, what)
        if self._stream is None:
            return b""
        may_hang = not (is_asked or self.is_terminal or self._is_watched)
        if may_hang and not self._ready(PATIENCE_SECONDS):
            self._say("waiting for JSON on stdin (to send none: < /dev/null; or give inputs as key=value)")
        try:
            return self._stream.read()
        except OSError as error:
            raise UsageError(f"cannot read stdin: {error.strerror or error}") from None

    def read_something(self, claim: str, what: str = "JSON", *, why: str = "", is_asked: bool = True) -> bytes:
        """The same of a stdin that has to bring something, and `why`. Raises `UsageError` where it is empty, too."""
        data = self.read(claim, what, is_asked=is_asked)
        if not data.strip():
            raise _empty(why or f"{claim} asks for it")
        return data

    def lines(self, claim: str, what: str = "lines") -> "Lines":
        """stdin line by line, as lines come, for the word `claim`. Raises as `read`."""
        self._claim(claim, what)
        return Lines(self._stream)

    def spool(self, claim: str, what: str = "the file") -> Path:
        """All of stdin in a temporary file of this process, for the word `claim`. Raises as `read`."""
        from fal_cli.files.spool import spool

        self._claim(claim, what)
        return spool(self._stream or io.BytesIO())

    def spool_something(self, claim: str, what: str = "the file") -> Path:
        """The same of a stdin that has to bring something. Raises as `read_something`."""
        path = self.spool(claim, what)
        if not path.stat().st_size:
            raise _empty(f"{claim} asks for it")
        return path

    def holds_unread_pipe_data(self) -> bool:
        """Whether bytes wait in a pipe that nobody claimed. A file or a terminal is never 'waiting'."""
        if self._claimed_by is not None or self._stream is None or sys.platform == "win32":
            return False
        return _bytes_in_pipe(self._stream) > 0

    def _claim(self, claim: str, what: str) -> None:
        """Takes stdin for a word; `what` is awaited on a terminal, "" if somebody else says so."""
        if self._claimed_by is not None:
            raise UsageError(f"stdin can be read once, but both {self._claimed_by} and {claim} ask for it")
        self._claimed_by = claim
        if self.is_terminal and what:
            self._say(f"reading {what} from the terminal; Ctrl-D ends it")

    def _ready(self, seconds: float) -> bool:
        if sys.platform == "win32" or self._stream is None:
            return True
        try:
            return bool(select.select([self._stream], [], [], seconds)[0])
        except (OSError, ValueError):
            return True


class Reread(Stdin):
    """The same for who reads the same words several times: what a word was given once it is given again."""

    def __init__(self, stdin: Stdin) -> None:
        super().__init__(None, is_terminal=stdin.is_terminal, say=lambda text: None)
        self._stdin = stdin
        self._read: dict[str, bytes] = {}
        self._spooled: dict[str, Path] = {}

    def read(self, claim: str, what: str = "JSON", *, is_asked: bool = True) -> bytes:
        if claim not in self._read:
            self._read[claim] = self._stdin.read(claim, what, is_asked=is_asked)
        return self._read[claim]

    def spool(self, claim: str, what: str = "the file") -> Path:
        if claim not in self._spooled:
            self._spooled[claim] = self._stdin.spool(claim, what)
        return self._spooled[claim]


def _empty(why: str) -> UsageError:
    return UsageError(
        f"stdin is empty, and {why}",
        hint="The command before the pipe may have failed. To call without any input: '{}'",
    )


class Lines:
    """stdin's lines for one who has something else to wait for as well.

    `descriptor` can be read when more is there; None: there is nothing to wait for.
    """

    def __init__(self, stream: BinaryIO | None) -> None:
        self._read, self.descriptor = _waitable(stream or io.BytesIO())
        self._begun: list[bytes] = []
        self.is_over = False

    def take(self) -> list[bytes]:
        """The lines that one read brings: it waits where nothing is there, and half a line is none yet.

        Raises `UsageError` where stdin cannot be read.
        """
        try:
            chunk = self._read()
        except BlockingIOError:  # a program that shares it may have made it so
            select.select([self.descriptor], (), ())  # type: ignore[type-var]  # one without never blocks
            return []
        except OSError as error:
            raise UsageError(f"cannot read stdin: {error.strerror or error}") from None
        self.is_over = not chunk or self.descriptor is None
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = b"".join([*self._begun, lines[0]])
            self._begun.clear()
        self._begun.append(rest)
        if self.is_over and any(self._begun):
            lines.append(b"".join(self._begun))
        return lines


def _waitable(stream: BinaryIO) -> tuple[Callable[[], bytes], int | None]:
    """What reads a stream, and what to wait for until it can. Windows can wait for nothing but a socket."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return stream.read, None
    if sys.platform == "win32":
        near = _through_a_socket(descriptor)
        return partial(near.recv, _BLOCK), near.fileno()
    # Not through the buffered reader: of what it holds back, waiting for the descriptor would not tell.
    return partial(os.read, descriptor, _BLOCK), descriptor


def _through_a_socket(descriptor: int) -> "socket.socket":
    import socket
    import threading

    near, far = socket.socketpair()

    def pump() -> None:
        with far:
            while chunk := os.read(descriptor, _BLOCK):
                far.sendall(chunk)

    threading.Thread(target=pump, name="stdin", daemon=True).start()
    return near


def _bytes_in_pipe(stream: BinaryIO) -> int:
    import array
    import fcntl
    import termios

    waiting = array.array("i", [0])
    try:
        if not stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode):
            return 0
        fcntl.ioctl(stream.fileno(), termios.FIONREAD, waiting)
    except (OSError, ValueError):
        return 0
    return waiting[0]
