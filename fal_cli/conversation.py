"""A realtime conversation: a JSON object a line in, a result a line out.

The main thread receives, so that pings are answered while stdin is silent; a daemon thread reads stdin and sends.
The connection is never closed while an answer is awaited. One that is lost is opened again for what is still to
be sent; what had been sent is told by its line numbers and not sent again, since each input is paid for.
"""

import threading
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

    def __init__(self, plan: Plan, lines: Iterable[bytes]) -> None:
        self._plan = plan
        self._lines = lines
        self._lock = threading.Lock()  # guards everything below
        self._changed = threading.Condition(self._lock)
        self._session: Session | None = None
        self._is_waiting_to_send = False
        self._is_read = False
        self._failures = 0
        self.tally = Tally()

    def hold(self) -> None:
        """Sends every line and writes every answer. A session is opened when there is something to send.

        Raises `AppFailed`, `NotReached`, `Refused`, or `CliError` for inputs without an answer (code 10) and for
        lines that were no JSON objects (code 1).
        """
        threading.Thread(target=self._send_lines, name="stdin", daemon=True).start()
        while self._has_something_to_send():
            session = self._connect()
            self._offer(session)
            try:
                ended = self._receive(session)
            finally:
                self._offer(None)
                session.drop()
            self._judge(ended)
        self._report()

    # -- the thread that sends

    def _send_lines(self) -> None:
        number = 0
        try:
            for number, line in enumerate(self._lines, 1):
                if line.strip():
                    self._send_line(number, line)
            if number == 0 and self._plan.defaults:
                self._send(1, dict(self._plan.defaults))
        finally:
            with self._changed:
                self._is_read = True
                self._changed.notify_all()

    def _send_line(self, number: int, line: bytes) -> None:
        try:
            value = loads_object(line, f"line {number}")
        except UsageError as error:
            self.tally.malformed.append(number)
            self._plan.warn(f"{error.message}; skipped")
            return
        self._send(number, {**self._plan.defaults, **value})
        if self._plan.throttle:
            time.sleep(self._plan.throttle)

    def _send(self, number: int, value: Any) -> None:
        with self._lock:
            session = self._session or self._awaited_session()
            self.tally.unanswered.append(number)
        # Where the connection goes down meanwhile, the input may have arrived: it stays unanswered.
        try:
            with suppress(NotReached):
                session.send(value)
        except (OverflowError, ValueError, TypeError) as error:
            with self._changed:
                self.tally.unanswered.remove(number)
            self.tally.malformed.append(number)
            self._plan.warn(f"line {number} cannot be written as a frame ({error}); skipped")

    def _awaited_session(self) -> Session:
        """The next session, for which the other thread is asked. The lock is held."""
        self._is_waiting_to_send = True
        self._changed.notify_all()
        while self._session is None:
            self._changed.wait()
        self._is_waiting_to_send = False
        return self._session

    # -- the thread that receives

    def _has_something_to_send(self) -> bool:
        """Waits until an input is there; False once stdin has ended without another."""
        with self._changed:
            while not (self._is_waiting_to_send or self._is_read):
                self._changed.wait()
            return self._is_waiting_to_send

    def _offer(self, session: Session | None) -> None:
        with self._changed:
            self._session = session
            self._changed.notify_all()

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

    def _receive(self, session: Session) -> Ended:
        heard = time.monotonic()
        while True:
            event = session.receive(_POLL_SECONDS)
            if isinstance(event, Ended):
                return event
            if isinstance(event, Received):
                heard = time.monotonic()
                self._take(event)
            elif self._is_over(time.monotonic() - heard):
                session.close()
                return Ended(1000)

    def _take(self, event: Received) -> None:
        self._failures = 0
        with self._lock:
            if self.tally.unanswered:
                self.tally.unanswered.popleft()
        self._plan.answer(event.value)

    def _is_over(self, silent: float) -> bool:
        """Whether all was said: stdin ended, each input has an answer, and nothing more came for a moment."""
        with self._changed:
            is_read, waiting = self._is_read, list(self.tally.unanswered)
        if waiting and self._plan.idle is not None and silent >= self._plan.idle:
            self.tally.lost += waiting
            raise _no_answer(waiting, f"nothing came for {self._plan.idle:g} s")
        return is_read and not waiting and silent >= LINGER_SECONDS

    def _judge(self, ended: Ended) -> None:
        """What the end of a session means; returns where the conversation may go on in another."""
        with self._changed:
            waiting = list(self.tally.unanswered)
            self.tally.unanswered.clear()
            is_read = self._is_read
        if ended.failure == UNAUTHORIZED:
            raise Refused(UNAUTHORIZED, status=401)
        if ended.failure:
            raise AppFailed(f"the app ended the session: {ended.failure}")
        if ended.is_good:
            if waiting:
                self._plan.warn(f"the session ended without an answer to {_lines(waiting)}")
            return
        how = "was cut" if ended.code is None else f"was closed with code {ended.code}"
        if is_read and not waiting and not self._is_waiting_to_send:
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
