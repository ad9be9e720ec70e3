"""Following a request where no live display can be drawn."""

from fal_cli.api.events import BackOnline, Completed, Event, InProgress, LogLine, Offline, Queued
from fal_cli.terminal.logs import display_lines, progress
from fal_cli.terminal.progress.base import SHORT_ID, Board, View, trouble
from fal_cli.terminal.talk import Talk


class PlainBoard(Board):
    """A line a change, each with the beginning of its request's id."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(talk)
        self._told: dict[str, str] = {}

    def show(self, name: str, event: Event) -> None:
        super().show(name, event)
        if isinstance(event, Queued):
            self._tell(name, "queued" if event.position is None else f"queued, position {event.position}")
        elif isinstance(event, InProgress):
            self._tell(name, "running")
        elif isinstance(event, Offline | BackOnline):
            self._tell(name, "offline; the request goes on, still trying" if isinstance(event, Offline) else "online")
        elif trouble(event):
            self._tell(name, trouble(event))

    def ended(self, name: str, verdict: str, billable_units: str = "") -> None:
        self._tell(name, self.tallies[name].closing(verdict, billable_units))

    def _tell(self, name: str, text: str) -> None:
        if self._told.get(name) != text:
            self._told[name] = text
            self.talk.note(f"{name[:SHORT_ID]} {self.tallies[name].endpoint}: {text}")


_STEP_PERCENT = 10


class PlainView(View):
    """One line a change, progress in steps of 10 %, log lines only when asked for or after a failure."""

    def __init__(self, talk: Talk, endpoint: str, *, logs: bool) -> None:
        super().__init__(talk, endpoint)
        self._logs = logs
        self._percent = 0
        self._told: tuple[str, int | None] = ("", None)
        self._offline_told: float | None = None

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
            if self._offline_told is None or event.seconds - self._offline_told >= 60:
                self._offline_told = event.seconds
                self.talk.note(trouble(event))
        else:
            self._offline_told = None
            self.talk.note(trouble(event))
