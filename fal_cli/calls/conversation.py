"""A realtime conversation: a JSON object a line in, a result a line out.

Where each input has one answer, the session ends with the last of them. Where one answer stands for many inputs, or
one input has many answers (`schema.protocol`), only the app or a silence can end it.

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

from fal_cli.api.errors import ApiError, NotReached, Refused
from fal_cli.api.realtime import UNAUTHORIZED, Ended, Failed, Received, Session
from fal_cli.errors import CliError, Exit, UnknownOutcome, UsageError
from fal_cli.inputs.documents import loads_object
from fal_cli.inputs.stdin import Lines
from fal_cli.schema.protocol import UNARY, Protocol

LINGER_SECONDS = 2.0
"""How long the silence after the last answer is, where nothing else tells that it was the last."""
_POLL_SECONDS = 0.25
_RECONNECTIONS = 4
_LONGEST_PAUSE = 10.0
_MOST_RUNS = 50
_AFTER_ERROR_SECONDS = 5.0  # an app that goes on after an error has answered something by then


class AppFailed(CliError):
    """The app ended the session with an error of its own."""


@dataclass
class Tally:
    """What was sent and what came back. Lines count from 1; `lost` are those of earlier sessions.

    `failed` are those that were answered with an error.
    """

    unanswered: deque[int] = field(default_factory=deque)
    lost: list[int] = field(default_factory=list)
    malformed: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    @property
    def without_answer(self) -> str:
        """The lines that were sent and have no answer, in words; "" if there are none."""
        numbers = [*self.lost, *self.unanswered]
        return _lines(numbers) if numbers else ""


@dataclass(frozen=True)
class Plan:
    """How a conversation is held: `defaults` under each input, `throttle` and `idle` in seconds (None: no limit).

    `renew` has the next session opened with another token.
    `linger` is how long more answers are waited for where each input has had one (None: as the protocol asks for).
    """

    connect: Callable[[], Session]
    defaults: Mapping[str, Any]
    throttle: float
    idle: float | None
    linger: float | None
    protocol: Protocol
    answer: Callable[[Any], None]
    warn: Callable[[str], None]
    renew: Callable[[], None]


class Conversation:
    """Holds one conversation to its end."""

    def __init__(self, plan: Plan, lines: Lines) -> None:
        self._plan = plan
        self._lines = lines
        self._read_lines = 0
        self._sent = 0
        self._waiting: deque[tuple[int, dict[str, Any]]] = deque()  # inputs that are still to be sent
        self._send_at = 0.0
        self._stirred_at = 0.0  # when one of both sides last said something
        self._failures = 0
        self._has_heard = False  # an answer, in this session
        self._last_failure = ""  # that came as a frame, in this session, and was the last thing said
        self._last_error = ""
        self._first: list[tuple[int, dict[str, Any]]] = []  # sent in this session before its first answer
        self._was_unauthorized = False
        self._why_lost = "the connection was lost"
        self.tally = Tally()

    def hold(self) -> None:
        """Sends every line and writes every answer. A session is opened when there is something to send.

        Raises `AppFailed`, `NotReached`, `Refused`, or `CliError` for inputs without an answer (code 10) and for
        lines that were no JSON objects (code 1).
        """
        try:
            while self._has_something_to_send():
                self._judge(self._session())
        except ApiError as error:
            if not self.tally.lost:
                raise
            raise self._told(_no_answer(self.tally, f"{self._why_lost}, then: {error.message}")) from error
        except CliError as error:
            self._told(error)
            raise
        self._report()

    def _session(self) -> Ended:
        session = self._connect()
        try:
            return self._talk(session)
        finally:
            session.drop()

    def _told(self, error: CliError) -> CliError:
        """The error, which now also names the inputs that have no answer and those that were not sent."""
        told = [error.hint] if error.hint else []
        if error.code != Exit.UNKNOWN_OUTCOME and self.tally.without_answer:
            told.append(f"No answer came to {self.tally.without_answer}, which may have run and may be billed.")
        if self._waiting:
            told.append(f"Not sent: {_lines(number for number, _ in self._waiting)} and everything after.")
        error.hint = "\n".join(told)
        return error

    @property
    def has_sent(self) -> bool:
        """Whether an input has left, or may have."""
        return self._sent > 0

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
        too_early = self._send_at - time.monotonic()
        if too_early > 0:
            time.sleep(too_early)
        while True:
            try:
                return self._plan.connect()
            except NotReached as error:
                self._failures += 1
                if error.is_permanent or self._failures > _RECONNECTIONS:
                    raise
                pause = min(_LONGEST_PAUSE, 0.25 * 2**self._failures)
                self._plan.warn(f"{error.message}; connecting again in {pause:g} s")
                time.sleep(pause)

    def _talk(self, session: Session) -> Ended:
        self._stirred_at = time.monotonic()
        self._has_heard, self._last_failure = False, ""
        self._first.clear()
        while True:
            pause = self._send_next(session)
            wants_more = not (self._waiting or self._lines.is_over)
            is_heard, is_there = session.wait(pause, self._lines.descriptor if wants_more else None)
            if is_there or (wants_more and self._lines.descriptor is None):
                self._read()
            event = session.receive() if is_heard else None
            if isinstance(event, Received):
                self._take(event)
            elif isinstance(event, Failed):
                self._mark(event)
            elif isinstance(event, Ended):
                return event
            elif is_heard and session.is_midway:
                self._stirred_at = time.monotonic()
            if self._is_over(time.monotonic() - self._stirred_at):
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
        self._sent += 1
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
            self._plan.warn(f"line {number} cannot be encoded ({error}); skipped")
        if not self._has_heard:
            self._first.append((number, value))

    def _mark(self, event: Failed) -> None:
        """An error is the answer to the oldest input that has none; what the session makes of it is seen later."""
        self._stirred_at = time.monotonic()
        self._last_failure = event.message
        if event.message == UNAUTHORIZED or not self.tally.unanswered:
            return
        self._last_error = event.message
        number = self.tally.unanswered.popleft()
        self.tally.failed.append(number)
        self._plan.warn(f"line {number}: {event.message}")

    def _take(self, event: Received) -> None:
        self._failures = 0
        self._has_heard, self._last_failure = True, ""
        self._first.clear()
        if self.tally.unanswered:
            self.tally.unanswered.popleft()
        self._plan.answer(event.value)
        self._stirred_at = time.monotonic()  # the reader of stdout may have taken its time

    def _is_over(self, silent: float) -> bool:
        """Whether all was said: stdin ended, each input has its answer, and nothing more is to be expected.

        Raises `CliError` (code 10) where an answer is awaited in vain.
        """
        unanswered, idle, protocol = self.tally.unanswered, self._plan.idle, self._plan.protocol
        has_ended = self._lines.is_over and not self._waiting
        if has_ended and self._has_heard and not protocol.answers_each and silent >= self._linger:
            return True
        if has_ended and not unanswered and (self._has_heard or self._last_failure):
            return silent >= self._linger
        if self._last_failure and silent >= _AFTER_ERROR_SECONDS:
            return True
        if unanswered and idle is not None and silent >= idle:
            raise _no_answer(self.tally, f"nothing arrived for {idle:g} s")
        return False

    @property
    def _linger(self) -> float:
        """How long a silence ends the session."""
        if self._plan.linger is not None:
            return self._plan.linger
        protocol = self._plan.protocol
        # An app that nothing is known of, and that was given one input, may answer it with many results.
        is_counted = protocol.answers_each and (protocol.mode == UNARY or self._sent > 1)
        return 0.0 if is_counted else LINGER_SECONDS

    def _judge(self, ended: Ended) -> None:
        """What the end of a session means; returns where the conversation may go on in another."""
        if UNAUTHORIZED in (ended.failure, self._last_failure):
            self._send_again()
            return
        waiting = list(self.tally.unanswered)
        self.tally.unanswered.clear()
        if ended.failure:
            raise self._app_failed(ended.failure, waiting)
        if ended.is_good:
            self._judge_good(waiting)
            return
        how = "was cut" if ended.code is None else f"was closed with code {ended.code}"
        how += f" ({ended.why})" if ended.why else ""
        if self._lines.is_over and not waiting and not self._waiting:
            self._judge_cut(how)
            return
        self.tally.lost += waiting
        unanswered = f"; no answer came to {_lines(waiting)}" if waiting else ""
        self._plan.warn(f"the connection {how}{unanswered}")
        self._back_off(how)

    def _judge_cut(self, how: str) -> None:
        """A session that was cut after an answer to each input: more may have been on its way, and it was paid for."""
        if self._last_failure:  # the app had said what there was to say
            return
        raise UnknownOutcome(
            f"the connection {how} before the session ended",
            hint="Each line has an answer, but others may have been lost. What ran may be billed.",
            kind="stream_cut",
        )

    def _judge_good(self, waiting: list[int]) -> None:
        """What a good end means for inputs without an answer.

        An app may make one answer of many inputs, but not none; and one that answers each owes every one of them.
        """
        protocol = self._plan.protocol
        is_owed = protocol.mode == UNARY and protocol.answers_each
        if waiting and (is_owed or not self._has_heard):
            self.tally.lost += waiting
            self._why_lost = "the app ended the session"
        elif waiting and (protocol.answers_each or protocol.drops_inputs):
            self._plan.warn(f"the session ended without an answer to {_lines(waiting)}")

    def _app_failed(self, failure: str, waiting: list[int]) -> AppFailed:
        self.tally.lost += waiting
        line = f" at line {self.tally.failed[-1]}" if self.tally.failed else ""
        return AppFailed(f"the app ended the session{line}: {failure}")

    def _send_again(self) -> None:
        """Puts back, once, the inputs sent with an expired token: the service looked at none of them."""
        if self._was_unauthorized or self._has_heard:
            raise Refused(UNAUTHORIZED, status=401)
        self._was_unauthorized = True
        self.tally.unanswered.clear()
        self._waiting.extendleft(reversed(self._first))
        self._plan.renew()

    def _back_off(self, how: str) -> None:
        """Waits before the next connection where the last ones brought nothing: each costs an input."""
        self._failures += 1
        if self._failures > _RECONNECTIONS and self._waiting:
            raise NotReached(f"the connection {how} {self._failures} times without an answer")
        if self._failures > 1:
            time.sleep(min(_LONGEST_PAUSE, 0.25 * 2**self._failures))

    def _report(self) -> None:
        if self.tally.lost:
            raise _no_answer(self.tally, self._why_lost)
        if len(self.tally.failed) == 1:
            raise AppFailed(f"the app answered line {self.tally.failed[0]} with an error: {self._last_error}")
        if self.tally.failed:
            raise AppFailed(f"the app answered {_lines(self.tally.failed)} with errors")
        if self.tally.malformed:
            raise CliError(f"{_lines(self.tally.malformed)}: not a JSON object, skipped")


def _no_answer(tally: Tally, why: str) -> CliError:
    return UnknownOutcome(
        f"no answer came to {tally.without_answer}: {why}",
        hint="They may have run and may be billed, so they were not sent again.",
        kind="stream_cut",
    )


def _lines(numbers: Iterable[int]) -> str:
    """Lines in words, many neighbours as a range: `line 3`, `lines 1, 4-90`."""
    listed = sorted(numbers)
    runs: list[list[int]] = []
    for number in listed:
        if runs and number <= runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs[:_MOST_RUNS])
    return f"line{'s' * (len(listed) > 1)} {told}{', …' * (len(runs) > _MOST_RUNS)}"
