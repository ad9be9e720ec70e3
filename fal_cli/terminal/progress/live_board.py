"""The board of a batch on a terminal: its lines redrawn in place; what is said meanwhile scrolls above them."""

import sys
from contextlib import ExitStack, suppress

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.text import Text

from fal_cli.terminal.progress.board import Board
from fal_cli.terminal.progress.standing import Standing, lines
from fal_cli.terminal.progress.stoppable import ECHOED, stoppable
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.talk import Talk

_REFRESHES_A_SECOND = 4
_STYLES = ("default", "dim", "red", "yellow")


class LiveBoard(Board):
    """Four lines. They are gone when the display ends."""

    def __init__(self, talk: Talk, *, color: bool) -> None:
        super().__init__(talk)
        self._console = Console(stderr=True, no_color=not color, highlight=False, markup=False, emoji=False)
        self._standing = Standing()
        self._live: RichLive | None = None
        self._drawn: list[int] = []
        """How long each line is that was drawn last."""
        self._open = ExitStack()

    def __enter__(self) -> "LiveBoard":
        # Redirecting would send a piped stdout to stderr as well: the data would be lost to the pipe.
        live = RichLive(
            get_renderable=self._rendered,
            console=self._console,
            transient=True,
            refresh_per_second=_REFRESHES_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live = live
        self._open.enter_context(stoppable(live))
        self._open.enter_context(self.talk.through(self._above))
        return self

    def show(self, standing: Standing) -> None:
        self._standing = standing

    def close(self) -> None:
        with suppress(OSError, ValueError):  # the terminal may be gone, and that must not hide why we end
            self._open.close()

    def _rendered(self) -> Group:
        self._find_wrapped()
        width = self._console.width - 1
        is_unicode = (sys.stderr.encoding or "").lower().startswith("utf")
        found = lines(self._standing, is_unicode=is_unicode, width=width)
        rows = []
        for line, style in zip(found, _styles(self._standing, len(found)), strict=True):
            text = Text(visible(line), style=style)
            rows.append(text)
        for number, text in enumerate(rows, 1):
            text.truncate(width if number < len(rows) else max(1, width - ECHOED), overflow="ellipsis")
        self._drawn = [text.cell_len for text in rows]
        return Group(*rows)

    def _find_wrapped(self) -> None:
        """What was drawn takes more rows since the window was made narrower: so many are to be drawn over."""
        if self._live is not None and self._live._live_render._shape is not None:
            width = max(1, self._console.width)
            self._live._live_render._shape = (width, sum(max(1, -(-length // width)) for length in self._drawn))

    def _above(self, line: str) -> None:
        self._find_wrapped()
        with suppress(OSError, ValueError):
            self._console.print(Text.from_ansi(line) if "\x1b" in line else Text(line), overflow="fold")


def _styles(standing: Standing, count: int) -> list[str]:
    styles = list(_STYLES[:2]) + (["red"] if standing.last_failure else [])
    return [*styles, *(["yellow"] * (count - len(styles)))]
