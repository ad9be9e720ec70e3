"""Following many requests at once: a line for each on a terminal (`live_board`), a plain line a change elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from fal_cli.api.events import BackOnline, Event, InProgress, Offline, Queued
from fal_cli.terminal.machine import as_facts
from fal_cli.terminal.talk import Talk
from fal_cli.terminal.tally import Tally
from fal_cli.terminal.view import trouble

SHORT_ID = 8


class Board:
    """Counts what happens to each request. By itself it shows nothing."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.tallies: dict[str, Tally] = {}

    def __enter__(self) -> "Board":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, name: str, endpoint: str, state: str = "looking") -> None:
        """Takes a request onto the board."""
        self.tallies[name] = Tally(endpoint, name, state=state)

    def show(self, name: str, event: Event) -> None:
        """Takes in what happened to one."""
        self.tallies[name].count(event)

    def ended(self, name: str, verdict: str, billable_units: str = "") -> None:
        """Takes a request off the board."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """A block in which other things are written to the terminal."""
        yield

    def close(self) -> None:
        """Ends the display."""


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


class MachineBoard(Board):
    """Every event as a JSON line."""

    def show(self, name: str, event: Event) -> None:
        super().show(name, event)
        self.talk.event(as_facts(event, name))

    def ended(self, name: str, verdict: str, billable_units: str = "") -> None:
        self.talk.event(
            {
                "event": "finished",
                "verdict": verdict,
                "request_id": name,
                "seconds": round(self.tallies[name].elapsed, 3),
                "billable_units": billable_units or None,
            }
        )
