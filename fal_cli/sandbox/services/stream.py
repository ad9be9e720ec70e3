"""The status stream: an event per change, sent at the moment of the change, with what is new in the log (§4.6)."""

import asyncio
import math
import time
from collections.abc import AsyncIterator

from starlette.types import Scope

from fal_cli.sandbox.replies import answers, connection, sse
from fal_cli.sandbox.services import views
from fal_cli.sandbox.state import line, register
from fal_cli.sandbox.state.record import Record
from fal_cli.sandbox.state.store import Store
from fal_cli.sandbox.state.timeline import LogLine

PING_SECONDS = 15.0


class StatusStream(sse.EventStream):
    """Server-sent events from the current state until COMPLETED."""

    def __init__(self, store: Store, record: Record, base: str, *, with_logs: bool) -> None:
        super().__init__(record.request_id)
        self._store = store
        self._record = record
        self._base = base
        self._with_logs = with_logs
        self._told: float | None = None

    async def events(self, scope: Scope) -> AsyncIterator[bytes]:
        """An event now and at each change, a ping in the silence between; ends after COMPLETED."""
        shown: object = None
        next_ping = time.monotonic() + PING_SECONDS
        while not connection.is_gone(scope):
            now = time.time()
            self._record = register.refresh(self._store, self._record, now)
            current = self._distinct(now)
            if current != shown:
                shown = current
                yield self._event(now)
                if self._record.life.at(now - self._record.accepted).state == "COMPLETED":
                    return
            if time.monotonic() >= next_ping:
                next_ping += PING_SECONDS
                yield sse.PING
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
        if self._record.waits:
            change = min(change or math.inf, line.due(self._store) - self._record.accepted)
        return sse.LOOK_SECONDS if change is None else min(max(change - offset, 0.0), sse.LOOK_SECONDS)

    def _event(self, now: float) -> bytes:
        document = views.status(self._record, now, self._base, self._lines(now - self._record.accepted))
        return sse.event(answers.dump(document))

    def _lines(self, offset: float) -> tuple[LogLine, ...] | None:
        """The log lines of an event: those that no event before it had, in the first the window (§4.5, §4.6)."""
        life = self._record.life
        if not self._with_logs or life.at(offset).state == "IN_QUEUE":
            return None
        lines = life.logs_at(offset) if self._told is None else life.logs_since(self._told, offset)
        self._told = offset
        return lines
