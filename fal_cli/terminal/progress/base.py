"""What every display of requests can do: `View` shows one, `Board` many."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from fal_cli.api.events import BackOnline, Event, Offline, Retrying
from fal_cli.terminal.logs import display_lines
from fal_cli.terminal.progress.tally import Tally, duration
from fal_cli.terminal.talk import Talk


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
