"""The socket below a realtime session: it never waits to read, and reads while it waits to send."""

import select
import ssl
import sys
import time
from contextlib import suppress
from typing import Any, cast

from fal_cli import limits

SEND_SECONDS = 60.0
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What is raised where nothing has come yet."""

_RECEIVE_BYTES = 64 * 1024
_FINAL_BINARY, _LONGEST_SHORT = 0x82, 125


def readable(descriptors: tuple[int, ...], seconds: float) -> list[int]:
    """Those that can be read, for which it waits. `poll` is the faster way, but knows no terminals on macOS."""
    if sys.platform != "linux":
        return select.select(descriptors, (), (), seconds)[0]
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(seconds * 1000)]


class MessageTooLarge(OSError):
    """A message that does not end. The connection is of no use any more."""


class Handshake:
    """A socket while the package shakes hands, which reads a byte at a time and as many as the other side sends.

    The answer may be so long, and take so long, in all; `came` is what came of it.
    """

    def __init__(self, sock: Any, seconds: float) -> None:
        self._sock = sock
        self._left = limits.HEAD
        self.came = bytearray()
        self._until = time.monotonic() + seconds

    def recv(self, size: int) -> bytes:
        """Raises `OSError` beyond a limit."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the handshake takes too long")
        self._sock.settimeout(left)
        data = cast(bytes, self._sock.recv(size))
        self._left -= len(data)
        self.came += data
        if self._left < 0:
            raise OSError("the answer to the handshake is endless")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class Duplex:
    """A socket that never waits to read, is read in large pieces, and takes in what comes while it waits to send.

    The package reads a frame's header and payload by a call each. And a service that waits until its answers are
    read reads no input meanwhile.
    """

    def __init__(self, sock: Any) -> None:
        sock.settimeout(0)
        self._sock = sock
        self._held = b""
        self._received = 0
        self._pending = getattr(sock, "pending", int)  # bytes that TLS has decrypted already
        self.descriptor = int(sock.fileno())
        self.gettimeout = sock.gettimeout  # the package asks before each read and write

    @property
    def holds_data(self) -> bool:
        """Whether there is something to read that waiting for the socket would not tell."""
        return bool(self._held or self._pending())

    def short_frame(self) -> bytes | None:
        """The payload of an unfragmented binary frame of less than 126 bytes, if such a one is next and has come whole.

        Reading it here is several times as fast as by the package, which reads every other frame. Raises one of
        `WOULD_BLOCK`.
        """
        if not self._held:
            self._held = self._sock.recv(_RECEIVE_BYTES)
        held = self._held
        if len(held) < 2 or held[0] != _FINAL_BINARY or held[1] > _LONGEST_SHORT or len(held) < 2 + held[1]:
            return None
        end = 2 + held[1]
        self._held = held[end:]
        return held[2:end]

    def begin_message(self) -> None:
        """A message has come whole; its successor may be as large again."""
        self._received = 0

    def recv(self, size: int) -> bytes:
        """At most `size` bytes, of those that came already if there are any.

        Raises one of `WOULD_BLOCK`, and `MessageTooLarge`.
        """
        held = self._held or self._sock.recv(_RECEIVE_BYTES)
        self._held = held[size:]
        self._received += min(size, len(held))
        if self._received > limits.EVENT:
            raise MessageTooLarge(f"a message has more than {limits.EVENT // limits.MIB} MB")
        return cast(bytes, held[:size])

    def sendall(self, data: bytes) -> None:
        """Sends all of `data`. Raises as `send`."""
        left = memoryview(data)
        while left:
            left = left[self.send(left) :]

    def send(self, data: bytes | memoryview) -> int:
        """Sends some of `data`. Raises `TimeoutError` if the other side takes none for a while, other `OSError`."""
        while True:
            try:
                return int(self._sock.send(data))
            except ssl.SSLWantReadError:
                wanted: list[Any] = []
            except (BlockingIOError, ssl.SSLWantWriteError):
                wanted = [self._sock]
            came, is_free, _ = select.select([self._sock], wanted, (), SEND_SECONDS)
            if not (came or is_free):
                raise TimeoutError("it took no input for a while")
            if came:
                self._take_in()

    def _take_in(self) -> None:
        with suppress(*WOULD_BLOCK):
            came = self._sock.recv(_RECEIVE_BYTES)
            if not came:
                raise ConnectionResetError("it was closed while an input was sent")
            self._held += came

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
