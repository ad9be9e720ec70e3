"""Following requests on a terminal: a live line each with spinner, endpoint, id, state, position or bar, time.

Log lines scroll above. Nothing else of a request's display imports Rich.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live as RichLive
from rich.spinner import Spinner
from rich.text import Text

from fal_cli.api.events import BackOnline, Completed, Event, InProgress, LogLine, Offline, Retrying
from fal_cli.terminal.logs import display_lines, progress
from fal_cli.terminal.progress.base import SHORT_ID, Display, trouble
from fal_cli.terminal.progress.stoppable import ECHOED, stoppable
from fal_cli.terminal.progress.tally import Tally, clock
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.talk import Talk

REFRESHES_A_SECOND = 12.5
_BAR_CELLS = 20
_ROOM = 2  # lines of the window that are left free
DEFAULT_PROFILE = "default"


class Live(Display):
    """A line for each request, redrawn in place; they are gone when the display ends, and closing lines stay."""

    is_live = True

    def __init__(self, talk: Talk, *, color: bool, of_one: bool = False) -> None:
        super().__init__(talk, of_one=of_one)
        self._console = Console(stderr=True, no_color=not color, highlight=False, markup=False, emoji=False)
        self._lines: dict[str, LiveLine] = {}
        self._open = ExitStack()
        self._cut_lines = False

    def __enter__(self) -> "Live":
        self._begin()
        return self

    def add(self, name: str, endpoint: str, state: str = "looking") -> Tally:
        tally = super().add(name, endpoint, state)
        self._lines[name] = LiveLine(tally)
        return tally

    def show(self, name: str, event: Event) -> None:
        super().show(name, event)
        if self.of_one and isinstance(event, InProgress | Completed):
            self._scroll(event.logs)
        self._lines[name].hear(event)
        if self.of_one and isinstance(event, BackOnline):
            self._above(trouble(event))

    def ended(self, name: str, verdict: str, billable_units: str = "") -> None:
        if self.of_one:
            self.close()
        self._lines.pop(name, None)
        lead = visible(self.lead(name))
        self._print(
            closing_line(self.tallies[name], verdict, billable_units, self._console, lead=lead),
            overflow="fold",
            soft_wrap=self.of_one,
        )

    def request_line(self, tally: Tally) -> str:
        full = super().request_line(tally)
        return full if len(full) < self._console.width else tally.request_id

    def last_words(self, name: str) -> list[str]:
        """Lines scrolled by above the live line; they are worth repeating only if some were cut."""
        return super().last_words(name) if self._cut_lines else []

    @contextmanager
    def aside(self) -> Iterator[None]:
        self.close()
        try:
            yield
        finally:
            self._begin()

    def close(self) -> None:
        with suppress(OSError, ValueError):  # the terminal may be gone, and that must not hide why we end
            self._open.close()

    def _begin(self) -> None:
        # Redirecting would send a piped stdout to stderr as well: the data would be lost to the pipe.
        live = RichLive(
            get_renderable=self._rendered,
            console=self._console,
            transient=True,
            refresh_per_second=REFRESHES_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._open.enter_context(stoppable(live))
        self._open.enter_context(self.talk.through(self._above))

    def _rendered(self) -> Group:
        lines = list(self._lines.values())
        most = max(1, self._console.height - _ROOM)
        if len(lines) <= most:
            return Group(*lines)
        return Group(*lines[: most - 1], Text(f"… and {len(lines) - most + 1} more", style="dim"))

    def _scroll(self, lines: Iterable[LogLine]) -> None:
        for line in lines:
            if progress(line.message) is None:
                for text in display_lines(line.message):
                    row = Text(text, style="dim")
                    self._cut_lines = self._cut_lines or row.cell_len > self._console.width
                    self._print(row, no_wrap=True, overflow="ellipsis")

    def _above(self, line: str) -> None:
        self._print(Text.from_ansi(line) if "\x1b" in line else Text(line), overflow="fold")

    def _print(self, text: Text, **how: Any) -> None:
        with suppress(OSError, ValueError):
            self._console.print(text, **how)


class LiveLine:
    """Renders the tally into exactly one line of the width at hand, dropping what fits least."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._spinner = Spinner("dots" if _is_unicode() else "line", style="cyan")
        self.trouble = ""

    def hear(self, event: Event) -> None:
        """Shows what the network is at, until something else is known."""
        self.trouble = trouble(event) if isinstance(event, Offline | Retrying) else ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        frame = self._spinner.render(console.get_time())
        spin = frame if isinstance(frame, Text) else Text(" ")
        room = options.max_width - spin.cell_len - 1 - ECHOED
        parts = _fitting(self._parts(), room)
        line = Text.assemble(spin, " ", Text("  ").join(parts))
        line.truncate(max(1, options.max_width - ECHOED), overflow="ellipsis")
        yield line

    def _parts(self) -> list[tuple[int, Text]]:
        """What the line says, in order, each with its rank: the highest ranks are dropped first."""
        tally = self._tally
        parts = [(3, Text(visible(tally.endpoint), style="bold"))]
        if tally.profile not in ("", DEFAULT_PROFILE):
            parts.append((4, Text(f"[{visible(tally.profile)}]", style="magenta")))
        if tally.request_id:
            parts.append((5, Text(visible(tally.request_id[:SHORT_ID]), style="dim")))
        if self.trouble:
            parts.append((1, Text(visible(self.trouble), style="yellow")))
        else:
            parts.append((0, Text(self._state(), style="cyan")))
            parts += self._progress()
        parts.append((2, Text(clock(tally.elapsed), style="dim")))
        if tally.left and not self.trouble:
            parts.append((4, Text(tally.left, style="dim")))
        return parts

    def _state(self) -> str:
        if self._tally.state == "queued" and self._tally.position is not None:
            return self._tally.waiting
        return self._tally.state

    def _progress(self) -> list[tuple[int, Text]]:
        done = self._tally.progress
        if done is None or self._tally.state != "running":
            return []
        percent = (1, Text(f"{done.fraction:4.0%}"))
        full = round(done.fraction * _BAR_CELLS)
        solid, empty = ("━", "─") if _is_unicode() else ("#", "-")
        bar = Text.assemble((solid * full, "green"), (empty * (_BAR_CELLS - full), "dim"))
        rate = [(6, Text(visible(done.rate), style="dim"))] if done.rate else []
        return [percent, (4, bar), *rate]


def closing_line(tally: Tally, verdict: str, billable_units: str, console: Console, *, lead: str = "") -> Text:
    """The line that stays when a request has ended, `lead` before what is told of it."""
    mark, style = ("✓", "green") if verdict == "done" else ("✗", "red")
    text = Text(f"{_encodable(mark, console)} ", style=style)
    text.append(lead + tally.closing(verdict, billable_units, console.width - 2 - len(lead)), style="default")
    return text


def _fitting(parts: list[tuple[int, Text]], room: int) -> list[Text]:
    kept = list(parts)
    while len(kept) > 1 and sum(text.cell_len + 2 for _, text in kept) - 2 > room:
        kept.remove(max(kept, key=lambda part: part[0]))
    return [text for _, text in kept]


def _is_unicode() -> bool:
    return (sys.stderr.encoding or "").lower().replace("-", "").startswith("utf")


def _encodable(mark: str, console: Console) -> str:
    """The mark, or a plain star where the terminal's encoding cannot carry it."""
    try:
        mark.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return "*"
    return mark
