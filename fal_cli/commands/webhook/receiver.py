"""Receives webhooks over HTTP: threads read untrusted requests and hand them one by one to the main thread.

However many come at once, they wait on the disk: one at a time is in memory.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fal_cli import limits
from fal_cli.api.body import Body
from fal_cli.api.errors import NoRoom
from fal_cli.commands.webhook.local_server import Handler, LocalServer
from fal_cli.commands.webhook.received import BadChunks, Headers, TooLarge, add_header, read_chunked, read_exactly
from fal_cli.commands.webhook.signature import Received

_IN_MEMORY_BYTES = 64 * 1024
_DRAIN_SECONDS = 2.0
_WRITE_SECONDS = 5.0
_BLOCK = 64 * 1024


@dataclass
class Delivery:
    """One request that came; its sender waits until it is answered."""

    headers: Headers
    body: Body
    received_at: datetime
    status: int = 503
    words: str = ""
    _decided: threading.Event = field(default_factory=threading.Event)
    _written: threading.Event = field(default_factory=threading.Event)

    def received(self) -> Received:
        """The webhook, with its body in memory."""
        return Received(self.headers, self.body.read())

    def answer(self, status: int, words: str) -> None:
        """Answers it, and returns when the answer is on its way: the process may end then."""
        self.status, self.words = status, words
        self._decided.set()
        self._written.wait(_WRITE_SECONDS)

    def decided(self) -> tuple[int, bytes]:
        """The status and the words for its sender; waits until they are known."""
        self._decided.wait()
        return self.status, f"{self.words}\n".encode("utf-8", "replace")

    def written(self) -> None:
        """Marks the answer as sent, or as not wanted."""
        self._written.set()


class Receiver(LocalServer):
    """Takes POSTs to `path` and what is below it. `tell` hears of what was refused before it was a delivery."""

    def __init__(self, port: int, path: str, tell: Callable[[str], None]) -> None:
        super().__init__(port, _Handler, "--port")
        self.path = path
        self.tell = tell
        self.arrived: queue.SimpleQueue[Delivery] = queue.SimpleQueue()

    def deliveries(self) -> Iterator[Delivery]:
        """What comes, in its order, without end. The taker answers each."""
        with self.running():
            while True:
                yield self.arrived.get()

    def takes(self, target: str) -> bool:
        """Whether a request's target is at the path, or below it."""
        path, base = target.partition("?")[0], self.path.rstrip("/")
        return path.rstrip("/") == base or path.startswith(f"{base}/")


class _Handler(Handler):
    server: Receiver

    def do_POST(self) -> None:
        """A delivery (wire §10.1): read whole, handed over, and answered as it was judged."""
        moment = datetime.now(UTC)
        if not self.server.takes(self.path):
            self._refuse(404, f"webhooks are accepted at {self.server.path}")
            return
        body = self._body()
        if body is None:
            return
        headers: Headers = {}
        for name, value in self.headers.items():
            add_header(headers, name.encode("latin-1"), value.encode("latin-1", "replace"))
        delivery = Delivery(headers, body, moment)
        self.server.arrived.put(delivery)
        try:
            self.answer(*delivery.decided())
        finally:
            delivery.written()

    def _not_allowed(self) -> None:
        self.answer(405, b"webhooks are POSTed\n", headers={"Allow": "POST"})

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _not_allowed

    def _body(self) -> Body | None:
        """The raw body; None if there is none that can be taken, which has been answered then."""
        try:
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                return Body.received(read_chunked(self.rfile, limits.PARSED), in_memory=_IN_MEMORY_BYTES)
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdigit():
                self._refuse(411, "a webhook needs a Content-Length")
                return None
            if len(length) > 12 or int(length) > limits.PARSED:
                raise TooLarge
            body = Body.received(read_exactly(self.rfile, int(length)), in_memory=_IN_MEMORY_BYTES)
        except TooLarge:
            self._refuse(413, f"a webhook of more than {limits.in_words(limits.PARSED)} is not accepted")
            return None
        except NoRoom as error:
            self._refuse(503, error.message)
            return None
        except BadChunks as error:
            self._refuse(400, f"the body cannot be read: {error}")
            return None
        return body if len(body) == int(length) else None  # the sender is gone

    def _refuse(self, status: int, why: str) -> None:
        """Answers without having read the body, and reads on for a while: a reset would destroy the answer."""
        self.server.tell(f"a request was refused with {status}: {why}")
        self.answer(status, f"{why}\n".encode())
        self.close_connection = True
        end = time.monotonic() + _DRAIN_SECONDS
        with suppress(OSError):
            self.connection.settimeout(_DRAIN_SECONDS)
            while time.monotonic() < end and self.rfile.read1(_BLOCK):
                pass
