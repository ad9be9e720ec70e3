"""The status stream: an event per change, sent at the moment of the change (§4.6)."""

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fal_cli.sandbox import answers, connection, views
from fal_cli.sandbox.faults import Fault
from fal_cli.sandbox.record import Record
from fal_cli.sandbox.store import Store

PING_SECONDS = 15.0
# How soon a cancel made by another process, or a client that has left, is noticed.
LOOK_SECONDS = 0.2
_PING = b": ping\n\n"
_ODD_BYTES = 61


class StatusStream(Response):
    """Server-sent events from the current state until COMPLETED; `fault` is one of the stream's own."""

    def __init__(self, store: Store, record: Record, base: str, *, with_logs: bool) -> None:
        headers = {"x-fal-request-id": record.request_id, "Cache-Control": "no-cache", **answers.SERVED_FROM}
        super().__init__(b"", 200, headers, "text/event-stream")
        del self.headers["content-length"]
        self.fault: Fault | None = None
        self._store = store
        self._record = record
        self._base = base
        self._with_logs = with_logs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to send the response."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        fault = self.fault
        limit = fault.events if fault and fault.kind != "split" else None
        if await self._send_events(scope, send, limit, split=fault is not None and fault.kind == "split"):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif fault and fault.kind == "cut-after":
            # Half of a chunk whose length promises all of it.
            event = self._event(time.time())
            connection.write_raw(scope, b"%x\r\n" % len(event) + event[: len(event) // 2])
            await connection.close(scope, receive)
        else:
            await _hold(scope)

    async def _send_events(self, scope: Scope, send: Send, limit: int | None, *, split: bool) -> bool:
        """Send events until COMPLETED, or `limit` of them; whether the stream is to end regularly."""
        events = self._events(scope)
        sent = 0
        while limit is None or sent < limit:
            event = await anext(events, None)
            if event is None:
                return True
            await _write(send, event, split=split)
            sent += event is not _PING
        return self.fault is not None and self.fault.kind == "close-after"

    async def _events(self, scope: Scope) -> AsyncIterator[bytes]:
        """An event now and at each change, a ping in the silence between; ends after COMPLETED."""
        shown: object = None
        next_ping = time.monotonic() + PING_SECONDS
        while not connection.is_gone(scope):
            self._record = self._record.with_cancel(self._store.cancelled(self._record.request_id))
            now = time.time()
            current = self._distinct(now)
            if current != shown:
                shown = current
                yield self._event(now)
                if self._record.life.at(now - self._record.accepted).state == "COMPLETED":
                    return
            if time.monotonic() >= next_ping:
                next_ping += PING_SECONDS
                yield _PING
            await asyncio.sleep(self._pause(time.time()))

    def _distinct(self, now: float) -> object:
        """What makes an event differ from the one before: not the window of logs, which slides on its own."""
        life, offset = self._record.life, now - self._record.accepted
        lines = sum(line.at <= offset for line in life.logs) if self._with_logs else 0
        change = life.at(offset)
        return change, lines if change.state != "IN_QUEUE" else 0

    def _pause(self, now: float) -> float:
        offset = now - self._record.accepted
        change = self._record.life.next_change(offset, with_logs=self._with_logs)
        return LOOK_SECONDS if change is None else min(max(change - offset, 0.0), LOOK_SECONDS)

    def _event(self, now: float) -> bytes:
        document = views.status(self._record, now, self._base, with_logs=self._with_logs)
        return b"data: " + answers.dump(document) + b"\n\n"


async def _write(send: Send, data: bytes, *, split: bool) -> None:
    """One write an event; or many, at bytes that respect neither events nor characters."""
    step = _ODD_BYTES if split else len(data)
    for start in range(0, len(data), step):
        await send({"type": "http.response.body", "body": data[start : start + step], "more_body": True})
        if split:
            await asyncio.sleep(0)


async def _hold(scope: Scope) -> None:
    """Say nothing, not even a ping, until the client leaves."""
    while not connection.is_gone(scope):
        await asyncio.sleep(LOOK_SECONDS)
