"""What every display of requests can do. A medium each: `plain` lines, `machine` JSON lines, a `live` terminal.

`Display` shows many requests, or with `of_one` the only one that a command is about: that one's lines need no id
before them, and its log lines are shown. `View` is a display's one request, for who follows it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from fal_cli.api.events import BackOnline, Event, Offline, Retrying
from fal_cli.terminal.logs import display_lines
from fal_cli.terminal.progress.tally import Tally, duration
from fal_cli.terminal.talk import Talk

SHORT_ID = 8
DONE = "done"


class Display:
    """Counts what happens to each request, by its name. By itself it shows nothing."""

    is_live = False
    """Whether it is drawn anew all the time, so that what changes with each second can be shown."""

    def __init__(self, talk: Talk, *, of_one: bool = False) -> None:
        self.talk = talk
        self.of_one = of_one
        self.tallies: dict[str, Tally] = {}

    def __enter__(self) -> "Display":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, name: str, endpoint: str, state: str = "looking") -> Tally:
        """Takes a request onto the display."""
        self.tallies[name] = Tally(endpoint, name, state=state)
        return self.tallies[name]

    def show(self, name: str, event: Event) -> None:
        """Takes in what happened to one."""
        self.tallies[name].count(event)

    def ended(self, name: str, verdict: str, billable_units: str = "") -> None:
        """Takes a request off the display, with a closing line."""

    def request_line(self, tally: Tally) -> str:
        """The line that names a request."""
        return f"{tally.endpoint} request {tally.request_id}"

    def last_words(self, name: str) -> list[str]:
        """The log lines that a failure should be shown with, if they were not shown already."""
        return [text for line in self.tallies[name].last_lines for text in display_lines(line.message)]

    @contextmanager
    def aside(self) -> Iterator[None]:
        """A block in which other things are written to the terminal."""
        yield

    def close(self) -> None:
        """Ends the display. May be called again."""

    def lead(self, name: str) -> str:
        """What stands before a line about one of many requests."""
        return "" if self.of_one else f"{name[:SHORT_ID]} {self.tallies[name].endpoint}: "


class View:
    """The one request of a display. It may have no id yet, and is named as soon as it has one."""

    def __init__(self, display: Display, endpoint: str) -> None:
        self._display = display
        self.closes = True
        """Whether a line says at the end that it is done; one that failed is always told."""
        self.tally = display.add("", endpoint, "submitting")

    def __enter__(self) -> "View":
        self._display.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.close()

    @property
    def is_live(self) -> bool:
        """As the display's."""
        return self._display.is_live

    def submitted(self, request_id: str) -> None:
        """Tells the request id; this line is never silenced."""
        self.tally.request_id = request_id
        line = self._display.request_line(self.tally)
        self._display.talk.request(line, self.tally.endpoint, request_id)

    def show(self, event: Event) -> None:
        """Takes an event in and shows it."""
        self._display.show("", event)

    def finished(self, verdict: str, billable_units: str = "") -> None:
        """Ends the display with the closing line."""
        if self.closes or verdict != DONE:
            self._display.ended("", verdict, billable_units)
        self._display.close()

    def close(self) -> None:
        """Ends the display. May be called again."""
        self._display.close()

    def last_words(self) -> list[str]:
        """The log lines that a failure should be shown with, if they were not shown already."""
        return self._display.last_words("")


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
