"""A line for each of many followed requests, redrawn in place; what ended scrolls by above."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from fal_cli.api.events import Event
from fal_cli.terminal.board import SHORT_ID, Board
from fal_cli.terminal.live import REFRESHES_A_SECOND, LiveLine, closing_line
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.talk import Talk

_ROOM = 2  # lines of the window that are left free


class LiveBoard(Board):
    """The live form of a board."""

    def __init__(self, talk: Talk, *, color: bool) -> None:
        super().__init__(talk)
        self._console = Console(stderr=True, no_color=not color, highlight=False, markup=False, emoji=False)
        self._lines: dict[str, LiveLine] = {}
        self._open = ExitStack()

    def __enter__(self) -> "LiveBoard":
        self._begin()
        return self

    def add(self, name: str, endpoint: str, state: str = "looking") -> None:
        super().add(name, endpoint, state)
        self._lines[name] = LiveLine(self.tallies[name])

    def show(self, name: str, event: Event) -> None:
        super().show(name, event)
        self._lines[name].hear(event)

    def ended(self, name: str, verdict: str, billable_units: str = "") -> None:
        tally = self.tallies[name]
        self._lines.pop(name, None)
        lead = f"{visible(name[:SHORT_ID])} {visible(tally.endpoint)}: "
        self._print(closing_line(tally, verdict, billable_units, self._console, lead=lead))

    @contextmanager
    def aside(self) -> Iterator[None]:
        self.close()
        try:
            yield
        finally:
            self._begin()

    def close(self) -> None:
        with suppress(OSError, ValueError):  # the terminal may be gone
            self._open.close()

    def _begin(self) -> None:
        live = Live(
            get_renderable=self._rendered,
            console=self._console,
            transient=True,
            refresh_per_second=REFRESHES_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._open.enter_context(live)
        self._open.enter_context(self.talk.through(self._above))

    def _rendered(self) -> Group:
        lines = list(self._lines.values())
        most = max(1, self._console.height - _ROOM)
        if len(lines) <= most:
            return Group(*lines)
        return Group(*lines[: most - 1], Text(f"… and {len(lines) - most + 1} more", style="dim"))

    def _above(self, line: str) -> None:
        self._print(Text.from_ansi(line) if "\x1b" in line else Text(line))

    def _print(self, text: Text) -> None:
        with suppress(OSError, ValueError):
            self._console.print(text, overflow="fold")
