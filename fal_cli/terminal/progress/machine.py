"""Following requests for a program: JSON lines on stderr, as few as tell what changes.

Of one request each change, its place in the line and its progress every few seconds, and with `logs` its log lines.
Of many only how each ends, and trouble.
"""

import time
from collections.abc import Callable
from typing import Any

from fal_cli.api.events import BackOnline, Completed, Event, InProgress, LogLine, Offline, Queued, Retrying, Status
from fal_cli.terminal.logs import progress
from fal_cli.terminal.progress.base import Display
from fal_cli.terminal.progress.tally import Tally
from fal_cli.terminal.talk import Talk

LEAST_SECONDS = 5.0
_STEP_PERCENT = 10


class Pace:
    """Lets through what is not too soon after the last that was let through."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: float | None = None

    def allows(self) -> bool:
        """Whether it is time; if so, the next one has to wait."""
        now = self._clock()
        if self._last is not None and now - self._last < LEAST_SECONDS:
            return False
        self._last = now
        return True


class Machine(Display):
    """What changes as JSON lines, of one request or of many."""

    def __init__(
        self, talk: Talk, *, of_one: bool = False, logs: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(talk, of_one=of_one)
        self._logs = logs
        self._pace = Pace(clock)
        self._percent = 0
        self._told: dict[str, dict[str, Any]] = {}

    def show(self, name: str, event: Event) -> None:
        super().show(name, event)
        tally = self.tallies[name]
        if isinstance(event, Retrying | Offline | BackOnline):
            self._trouble(name, tally, event)
        elif isinstance(event, Queued | InProgress | Completed) and (self.of_one or self.talk.level >= 1):
            self._change(name, tally, event)
        if isinstance(event, InProgress | Completed) and self.of_one:
            self._read(event.logs)

    def ended(self, name: str, verdict: str, billable_units: str = "") -> None:
        tally = self.tallies[name]
        facts = {
            "request_id": tally.request_id or None,
            "seconds": round(tally.elapsed, 3),
            "inference_seconds": tally.inference_seconds,
            "billable_units": billable_units or None,
            "cost": tally.cost or None,
        }
        if self.of_one:
            self.talk.sum_up(**facts)
        else:
            known = {name: value for name, value in facts.items() if value is not None}
            self.talk.event({"event": "finished", "verdict": verdict, **known})

    def last_words(self, name: str) -> list[str]:
        return []

    def _change(self, name: str, tally: Tally, event: Status) -> None:
        """A state that is new; a new place in the line not sooner than it is time."""
        facts, told = _of_state(event), self._told.get(name, {})
        if facts == told:
            return
        if isinstance(event, Queued):
            self._percent = 0
            is_time = self._pace.allows()
            if told.get("event") == "queued" and not is_time:
                return
        self._told[name] = facts
        self._tell(tally, facts)

    def _trouble(self, name: str, tally: Tally, event: Retrying | Offline | BackOnline) -> None:
        """Each retry, and an outage once: when it begins and when it ends."""
        facts = {"event": type(event).__name__.lower(), **event._asdict()}
        was_offline = self._told.get(name, {}).get("event") == "offline"
        if not (isinstance(event, Offline) and was_offline):
            self._tell(tally, facts)
        self._told[name] = facts

    def _tell(self, tally: Tally, facts: dict[str, Any]) -> None:
        names = {} if self.of_one else {"request_id": tally.request_id}
        self.talk.event(facts | names)

    def _read(self, lines: tuple[LogLine, ...]) -> None:
        for line in lines:
            found = progress(line.message)
            if found:
                self._step(int(found.fraction * 100) // _STEP_PERCENT * _STEP_PERCENT)
            if self._logs:
                self.talk.event({"event": "log", **line._asdict()})

    def _step(self, percent: int) -> None:
        if percent < self._percent:
            self._percent = 0  # a second bar began
        if percent > self._percent and self._pace.allows():
            self._percent = percent
            self.talk.event({"event": "progress", "percent": percent})


def _of_state(event: Status) -> dict[str, Any]:
    """A state as a JSON line."""
    if isinstance(event, Queued):
        return {"event": "queued", "position": event.position}
    if isinstance(event, Completed):
        error = {"error": event.error or None, "error_type": event.error_type or None}
        return {"event": "completed", **{name: text for name, text in error.items() if text}}
    return {"event": "inprogress"}
