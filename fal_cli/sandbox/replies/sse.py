"""Server-sent events as an answer: one write an event, and the ways in which they can go wrong (§6, §14 #8)."""

import asyncio
import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from starlette.types import Receive, Scope, Send

from fal_cli.sandbox.orders.faults import Fault
from fal_cli.sandbox.orders.words import EVENT_WORDS
from fal_cli.sandbox.replies import answers, connection
from fal_cli.sandbox.replies.spoil import Spoilable

PING = b": ping\n\n"
# How soon a client that has left, or a cancel made by another process, is noticed.
LOOK_SECONDS = 0.2
_ODD_BYTES = 61
_DATA = b"data: "
_BAD_EVENT = b"data: {garbled by the sandbox\n\n"
_ERROR_EVENT = {"error": "The sandbox was ordered to fail here."}


def event(data: bytes) -> bytes:
    """One event of one line of data."""
    return _DATA + data + b"\n\n"


class EventStream(Spoilable):
    """An answer of events; a subclass says which."""

    def __init__(self, request_id: str) -> None:
        headers = {"x-fal-request-id": request_id, "Cache-Control": "no-cache", **answers.SERVED_FROM}
        super().__init__(b"", 200, headers, "text/event-stream")
        del self.headers["content-length"]
        self.fault: Fault | None = None
        self._last = event(b"{}")

    @abstractmethod
    def events(self, scope: Scope) -> AsyncIterator[bytes]:
        """The events, made by `event`, and `PING`s between them."""

    def take(self, fault: Fault) -> bool:
        """Take one of the faults of a stream upon itself."""
        if fault.kind == "truncate":
            self.fault = replace(fault, kind="cut-after", count=1)
            return True
        if fault.kind not in EVENT_WORDS or fault.route == "any":
            return False  # `any=cut-after` is the one without a number: no answer at all
        self.fault = fault
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to send the response."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if await self._send_events(scope, send):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif self._is("cut-after"):
            # Half of a chunk whose length promises all of it.
            connection.write_raw(scope, b"%x\r\n" % len(self._last) + self._last[: len(self._last) // 2])
            await connection.close(scope, receive)
        else:
            await _hold(scope)

    def _is(self, *kinds: str) -> bool:
        return self.fault is not None and self.fault.kind in kinds

    async def _send_events(self, scope: Scope, send: Send) -> bool:
        """Send the events, or as many as the fault allows; whether the stream is to end regularly."""
        limit = self._limit()
        await self._begin(send)
        shape = _SHAPES.get(self.fault.kind if self.fault else "")
        split = self._is("split")
        events = self.events(scope)
        sent, is_whole = 0, False
        while limit is None or sent < limit:
            found = await anext(events, None)
            if found is None:
                is_whole = True
                break
            if found is not PING:
                self._last = found
                sent += 1
            await _write(send, shape(found) if shape else found, split=split)
        return await self._finish(send, is_whole=is_whole)

    async def _finish(self, send: Send, *, is_whole: bool) -> bool:
        """What the fault puts after the last event; whether the stream is to end regularly."""
        ending = _ENDINGS.get(self.fault.kind if self.fault else "")
        if ending:
            await _write(send, ending(self._last), split=False)
        return is_whole or ending is not None or self._is("close-after")

    def _limit(self) -> int | None:
        is_limited = self._is("silent", "silent-after", "cut-after", "close-after", *_ENDINGS) and not self._is("done")
        return self.fault.count if self.fault and is_limited else None

    async def _begin(self, send: Send) -> None:
        """What the fault puts before the first event."""
        if self.fault is None:
            return
        await asyncio.sleep(self.fault.seconds)
        before = {"bad-json": _BAD_EVENT, "bom": b"\xef\xbb\xbf"}.get(self.fault.kind)
        if before:
            await _write(send, before, split=False)


def _many_lines(found: bytes) -> bytes:
    """The same value over several lines of data, which a reader joins again."""
    if not found.startswith(_DATA):
        return found
    text = json.dumps(json.loads(found[len(_DATA) :]), ensure_ascii=False, indent=1)
    return b"".join(_DATA + line.encode() + b"\n" for line in text.split("\n")) + b"\n"


def _with_error(last: bytes) -> bytes:
    """The last event again, with an error in it, as models of language tell one (§6)."""
    value = json.loads(last.removeprefix(_DATA))
    return event(answers.dump({**(value if isinstance(value, dict) else {}), **_ERROR_EVENT}))


_ENDINGS: dict[str, Callable[[bytes], bytes]] = {
    "error-after": lambda last: event(answers.dump(_ERROR_EVENT)),
    "error-chunk": _with_error,
    "error-event": lambda last: b"event: error\n" + event(answers.dump(_ERROR_EVENT)),
    "done": lambda last: event(b"[DONE]"),
}
_SHAPES: dict[str, Callable[[bytes], bytes]] = {
    "multi-line": _many_lines,
    "crlf": lambda found: found.replace(b"\n", b"\r\n"),
    "cr": lambda found: found.replace(b"\n", b"\r"),
}


async def _write(send: Send, data: bytes, *, split: bool) -> None:
    """One write an event; or many, at bytes that respect neither events nor characters."""
    if not split:
        await send({"type": "http.response.body", "body": data, "more_body": True})
        return
    for start in range(0, len(data), _ODD_BYTES):
        await send({"type": "http.response.body", "body": data[start : start + _ODD_BYTES], "more_body": True})
        await asyncio.sleep(0)


async def _hold(scope: Scope) -> None:
    """Say nothing, not even a ping, until the client leaves."""
    while not connection.is_gone(scope):
        await asyncio.sleep(LOOK_SECONDS)
