"""Following a request where no live display can be drawn: plain lines, JSON lines, or nothing.

`open_view` chooses: Rich's live line on a terminal (`live`), one plain line a change elsewhere, JSON lines
with `--json`, silence with `-q`.
"""

import time
from types import TracebackType
from typing import Any

from fal_cli.api.events import (
    BackOnline,
    Completed,
    Event,
    InProgress,
    LogLine,
    Offline,
    Queued,
    Retrying,
)
from fal_cli.terminal.logs import display_lines, progress
from fal_cli.terminal.talk import Talk
from fal_cli.terminal.tally import Tally, duration

_STEP_PERCENT = 10


class View:
    """What every view does: count events, and name the request as soon as it has an id."""

    def __init__(self, talk: Talk, endpoint: str) -> None:
        self.talk = talk
        self.tally = Tally(endpoint)

    def __enter__(self) -> "View":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submitted(self, request_id: str) -> None:
        """Tells the request id; this line is never silenced."""
        self.tally.request_id = request_id
        self.talk.essential(self.request_line(), endpoint=self.tally.endpoint, request_id=request_id)

    def request_line(self) -> str:
        """The line that names the request."""
        return f"{self.tally.endpoint} request {self.tally.request_id}"

    def show(self, event: Event) -> None:
        """Takes an event in and shows it."""
        self.tally.count(event)

    def finished(self, verdict: str, billable_units: str = "") -> None:
        """Ends the display with the closing line."""
        self.close()

    def close(self) -> None:
        """Ends the display. May be called again."""

    def last_words(self) -> list[str]:
        """The log lines that a failure should be shown with, if they were not shown already."""
        return [text for line in self.tally.last_lines for text in display_lines(line.message)]


class PlainView(View):
    """One line a change, progress in steps of 10 %, log lines only when asked for or after a failure."""

    def __init__(self, talk: Talk, endpoint: str, *, logs: bool) -> None:
        super().__init__(talk, endpoint)
        self._logs = logs
        self._percent = 0
        self._told: tuple[str, int | None] = ("", None)
        self._offline_told = 0.0

    def show(self, event: Event) -> None:
        super().show(event)
        if isinstance(event, Queued):
            self._percent = 0
            self._change("queued", event.position)
        elif isinstance(event, InProgress):
            self._change("running", None)
            self._lines(event.logs)
        elif isinstance(event, Completed):
            self._lines(event.logs)
        else:
            self._trouble(event)

    def finished(self, verdict: str, billable_units: str = "") -> None:
        self.talk.note(self.tally.closing(verdict, billable_units))

    def last_words(self) -> list[str]:
        return [] if self._logs else super().last_words()

    def _change(self, word: str, position: int | None) -> None:
        if (word, position) == self._told:
            return
        self._told = (word, position)
        self.talk.note(word if position is None else f"{word}, position {position}")

    def _lines(self, lines: tuple[LogLine, ...]) -> None:
        for line in lines:
            found = progress(line.message)
            if found:
                self._step(int(found.fraction * 100))
            elif self._logs:
                for text in display_lines(line.message):
                    self.talk.note(f"  {text}")

    def _step(self, percent: int) -> None:
        reached = percent // _STEP_PERCENT * _STEP_PERCENT
        if reached < self._percent:
            self._percent = 0  # a second bar began
        if reached > self._percent:
            self._percent = reached
            self.talk.note(f"  {reached} %")

    def _trouble(self, event: Event) -> None:
        if isinstance(event, Offline):
            if event.seconds == 0 or event.seconds - self._offline_told >= 60:
                self._offline_told = event.seconds
                self.talk.note(trouble(event))
        else:
            self._offline_told = 0.0
            self.talk.note(trouble(event))


class MachineView(View):
    """Every event as a JSON line on stderr."""

    def show(self, event: Event) -> None:
        super().show(event)
        self.talk.event(as_facts(event, self.tally.request_id))

    def finished(self, verdict: str, billable_units: str = "") -> None:
        facts: dict[str, Any] = {
            "event": "finished",
            "verdict": verdict,
            "request_id": self.tally.request_id,
            "seconds": round(self.tally.elapsed, 3),
            "billable_units": billable_units or None,
        }
        self.talk.event(facts)

    def last_words(self) -> list[str]:
        return []


def trouble(event: Event) -> str:
    """An event of the network in words."""
    if isinstance(event, Retrying):
        return f"{event.what} failed ({event.reason}); trying again in {duration(event.delay)}"
    if isinstance(event, Offline):
        since = f" since {duration(event.seconds)}" if event.seconds >= 1 else ""
        return f"offline{since} ({event.reason}); the request goes on, still trying"
    if isinstance(event, BackOnline):
        return f"online again after {duration(event.seconds)}"
    return ""


def as_facts(event: Event, request_id: str) -> dict[str, Any]:
    """An event as the JSON line that `--json` writes."""
    facts: dict[str, Any] = {"event": type(event).__name__.lower(), "request_id": request_id or None}
    if isinstance(event, Queued):
        facts["position"] = event.position
    elif isinstance(event, InProgress | Completed):
        facts["logs"] = [vars(line) for line in event.logs]
    if isinstance(event, Completed):
        facts |= {
            "inference_seconds": event.inference_seconds,
            "error": event.error or None,
            "error_type": event.error_type or None,
        }
    if isinstance(event, Retrying | Offline | BackOnline):
        facts |= vars(event)
    facts["at"] = round(time.time(), 3)
    return facts


def open_view(talk: Talk, endpoint: str, *, is_terminal: bool, color: bool, logs: bool) -> View:
    """The view that fits where stderr goes and what was asked for."""
    if talk.machine:
        return MachineView(talk, endpoint)
    if talk.level < 0:
        return View(talk, endpoint)
    if is_terminal:
        from fal_cli.terminal.live import LiveView

        return LiveView(talk, endpoint, color=color)
    return PlainView(talk, endpoint, logs=logs)
