"""A realtime conversation: a JSON object a line in, a result a line out.

One thread waits for both sides, so that pings are answered while stdin is silent. The connection is never closed
while an answer is awaited. One that is lost is opened again for what is still to be sent; what had been sent is
told by its line numbers and not sent again, since each input is paid for.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fal_cli.api.errors import NotReached, Refused
from fal_cli.api.realtime import UNAUTHORIZED, AppFailed, Ended, Received, Session
from fal_cli.errors import CliError, Exit, UsageError
from fal_cli.inputs.documents import loads_object
from fal_cli.inputs.stdin import Lines

LINGER_SECONDS = 2.0
_POLL_SECONDS = 0.25
_RECONNECTIONS = 4
_LONGEST_PAUSE = 10.0


@dataclass
class Tally:
    """What was sent and what came back. Lines count from 1."""

    unanswered: deque[int] = field(default_factory=deque)
    lost: list[int] = field(default_factory=list)
    malformed: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """How a conversation is held: `defaults` under each input, `throttle` and `idle` in seconds (None: no limit)."""

    connect: Callable[[], Session]
    defaults: Mapping[str, Any]
    throttle: float
    idle: float | None
    answer: Callable[[Any], None]
    warn: Callable[[str], None]


class Conversation:
    """Holds one conversation to its end."""

    def __init__(self, plan: Plan, lines: Lines) -> None:
        self._plan = plan
        self._lines = lines
        self._read_lines = 0
        self._waiting: deque[tuple[int, dict[str, Any]]] = deque()  # inputs that are still to be sent
        self._send_at = 0.0
        self._stirred_at = 0.0  # when one of both sides last said something
        self._failures = 0
        self.tally = Tally()

    def hold(self) -> None:
        """Sends every line and writes every answer. A session is opened when there is something to send.

        Raises `AppFailed`, `NotReached`, `Refused`, or `CliError` for inputs without an answer (code 10) and for
        lines that were no JSON objects (code 1).
        """
        while self._has_something_to_send():
            session = self._connect()
            try:
                ended = self._talk(session)
            finally:
                session.drop()
            self._judge(ended)
        self._report()

    # -- what comes from stdin

    def _has_something_to_send(self) -> bool:
        """Waits until an input is there; False once stdin has ended without another."""
        while not (self._waiting or self._lines.is_over):
            self._read()
        return bool(self._waiting)

    def _read(self) -> None:
        for line in self._lines.take():
            self._read_lines += 1
            if line.strip():
                self._read_line(self._read_lines, line)
        if self._lines.is_over and self._read_lines == 0 and self._plan.defaults:
            self._waiting.append((1, dict(self._plan.defaults)))

    def _read_line(self, number: int, line: bytes) -> None:
        try:
            value = loads_object(line, f"line {number}")
        except UsageError as error:
            self.tally.malformed.append(number)
            self._plan.warn(f"{error.message}; skipped")
            return
        self._waiting.append((number, {**self._plan.defaults, **value}))

    # -- the session

    def _connect(self) -> Session:
        while True:
            try:
                return self._plan.connect()
            except NotReached as error:
                self._failures += 1
                if self._failures > _RECONNECTIONS:
                    raise
                pause = min(_LONGEST_PAUSE, 0.25 * 2**self._failures)
                self._plan.warn(f"{error.message}; connecting again in {pause:g} s")
                time.sleep(pause)

    def _talk(self, session: Session) -> Ended:
        self._stirred_at = time.monotonic()
        while True:
            pause = self._send_next(session)
            wants_more = not (self._waiting or self._lines.is_over)
            is_heard, is_there = session.wait(pause, self._lines.descriptor if wants_more else None)
            if is_there or (wants_more and self._lines.descriptor is None):
                self._read()
            event = session.receive() if is_heard else None
            if isinstance(event, Received):
                self._take(event)
            elif isinstance(event, Ended):
                return event
            elif not is_there and self._is_over(time.monotonic() - self._stirred_at):
                session.close()
                return Ended(1000)

    def _send_next(self, session: Session) -> float:
        """Sends an input if one waits and may go; how long may be waited now (seconds)."""
        if not self._waiting or session.is_broken:
            return _POLL_SECONDS
        too_early = self._send_at - time.monotonic()
        if too_early > 0:
            return min(_POLL_SECONDS, too_early)
        self._send(session, *self._waiting.popleft())
        return 0.0 if self._waiting else _POLL_SECONDS

    def _send(self, session: Session, number: int, value: dict[str, Any]) -> None:
        self.tally.unanswered.append(number)
        self._stirred_at = time.monotonic()
        self._send_at = self._stirred_at + self._plan.throttle
        # Where the connection goes down meanwhile, the input may have arrived: it stays unanswered.
        try:
            with suppress(NotReached):
                session.send(value)
        except (OverflowError, ValueError, TypeError) as error:
            self.tally.unanswered.remove(number)
            self.tally.malformed.append(number)
            self._plan.warn(f"line {number} cannot be written as a frame ({error}); skipped")

    def _take(self, event: Received) -> None:
        self._failures = 0
        self._stirred_at = time.monotonic()
        if self.tally.unanswered:
            self.tally.unanswered.popleft()
        self._plan.answer(event.value)

    def _is_over(self, silent: float) -> bool:
        """Whether all was said: stdin ended, each input has an answer, and nothing more came for a moment."""
        waiting = list(self.tally.unanswered)
        if waiting and self._plan.idle is not None and silent >= self._plan.idle:
            self.tally.lost += waiting
            raise _no_answer(waiting, f"nothing came for {self._plan.idle:g} s")
        has_ended = self._lines.is_over and not self._waiting
        return has_ended and not waiting and silent >= LINGER_SECONDS

    def _judge(self, ended: Ended) -> None:
        """What the end of a session means; returns where the conversation may go on in another."""
        waiting = list(self.tally.unanswered)
        self.tally.unanswered.clear()
        if ended.failure == UNAUTHORIZED:
            raise Refused(UNAUTHORIZED, status=401)
        if ended.failure:
            raise AppFailed(f"the app ended the session: {ended.failure}")
        if ended.is_good:
            if waiting:
                self._plan.warn(f"the session ended without an answer to {_lines(waiting)}")
            return
        how = "was cut" if ended.code is None else f"was closed with code {ended.code}"
        if self._lines.is_over and not waiting and not self._waiting:
            raise NotReached(f"the connection {how} before the session had ended")
        self.tally.lost += waiting
        told = f"; no answer came to {_lines(waiting)}" if waiting else ""
        self._plan.warn(f"the connection {how}{told}")

    def _report(self) -> None:
        if self.tally.lost:
            raise _no_answer(self.tally.lost, "the connection was lost")
        if self.tally.malformed:
            raise CliError(f"{_lines(self.tally.malformed)} held no JSON object and was skipped")


def _no_answer(numbers: list[int], why: str) -> CliError:
    return CliError(
        f"no answer came to {_lines(numbers)}: {why}",
        hint="They may have run and be billed, so they were not sent again.",
        code=Exit.UNKNOWN_OUTCOME,
    )


def _lines(numbers: Iterable[int]) -> str:
    listed = list(numbers)
    shown = ", ".join(str(number) for number in listed[:10]) + (", …" if len(listed) > 10 else "")
    return f"line {shown}" if len(listed) == 1 else f"lines {shown}"
