"""Following requests where no live display can be drawn: one plain line a change."""

from dataclasses import dataclass

from fal_cli.api.events import BackOnline, Completed, Event, InProgress, LogLine, Offline, Queued
from fal_cli.terminal.logs import display_lines, progress
from fal_cli.terminal.progress.base import Display, trouble
from fal_cli.terminal.progress.tally import Tally
from fal_cli.terminal.talk import Talk

_STEP_PERCENT = 10
_OFFLINE_SECONDS = 60  # how often the only request's outage is told


@dataclass
class _Told:
    """What was said last of one request."""

    text: str = ""
    percent: int = 0
    offline_at: float | None = None


class Plain(Display):
    """A line a change. Of the only request progress too, in steps of 10 %, and with `logs` its log lines."""

    def __init__(self, talk: Talk, *, of_one: bool = False, logs: bool = False) -> None:
        super().__init__(talk, of_one=of_one)
        self._logs = logs
        self._told: dict[str, _Told] = {}

    def add(self, name: str, endpoint: str, state: str = "looking") -> Tally:
        self._told[name] = _Told()
        return super().add(name, endpoint, state)

    def show(self, name: str, event: Event) -> None:
        super().show(name, event)
        told = self._told[name]
        if isinstance(event, Queued):
            told.percent = 0
            self._tell(name, self.tallies[name].waiting)
        elif isinstance(event, InProgress | Completed):
            if isinstance(event, InProgress):
                self._tell(name, "running")
            self._lines(told, event.logs)
        elif self.of_one:
            self._trouble(told, event)
        else:
            self._tell(name, _in_short(event))

    def ended(self, name: str, verdict: str, billable_units: str = "") -> None:
        self._tell(name, self.tallies[name].closing(verdict, billable_units))

    def last_words(self, name: str) -> list[str]:
        return [] if self._logs else super().last_words(name)

    def _tell(self, name: str, text: str) -> None:
        if self._told[name].text != text:
            self._told[name].text = text
            self.talk.note(self.lead(name) + text)

    def _lines(self, told: _Told, lines: tuple[LogLine, ...]) -> None:
        for line in lines if self.of_one else ():
            found = progress(line.message)
            if found:
                self._step(told, int(found.fraction * 100))
            elif self._logs:
                for text in display_lines(line.message):
                    self.talk.note(f"  {text}")

    def _step(self, told: _Told, percent: int) -> None:
        reached = percent // _STEP_PERCENT * _STEP_PERCENT
        if reached < told.percent:
            told.percent = 0  # a second bar began
        if reached > told.percent:
            told.percent = reached
            self.talk.note(f"  {reached} %")

    def _trouble(self, told: _Told, event: Event) -> None:
        if isinstance(event, Offline):
            if told.offline_at is not None and event.seconds - told.offline_at < _OFFLINE_SECONDS:
                return
            told.offline_at = event.seconds
        else:
            told.offline_at = None
        self.talk.note(trouble(event))


def _in_short(event: Event) -> str:
    """Trouble of one of many, in words that do not change while it lasts."""
    if isinstance(event, Offline):
        return "offline; the request goes on, still trying"
    return "online" if isinstance(event, BackOnline) else trouble(event)
