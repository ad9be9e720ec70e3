"""Bytes on their way: a bar with rate and time left on a terminal, a line every 10 % elsewhere."""

import threading
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from fal_cli.terminal.progress.machine import Pace
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.talk import Talk

if TYPE_CHECKING:
    from rich.progress import TaskID

_WORTH_STEPS = 10 * 1024 * 1024
_STEP_PERCENT = 10


class Transfer:
    """Counts the bytes of one file. `advance` may be called from any thread."""

    def __init__(self, talk: Talk, verb: str, name: str, total: int | None) -> None:
        self._talk = talk
        self._label = f"{verb} {visible(name)}"
        self._total = total
        self._done = 0
        self._told = 0
        self._lock = threading.Lock()
        self._pace = Pace()

    def __enter__(self) -> "Transfer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def advance(self, count: int) -> None:
        """Counts bytes; negative when some are sent or read again."""
        with self._lock:
            self._done += count
            self.draw()

    def expect(self, count: int) -> None:
        """Adds to the total, as the size of one more file becomes known. May be called from any thread."""
        with self._lock:
            self._total = (self._total or 0) + count
            self.draw()

    def draw(self) -> None:
        """Shows the count, if there is something new to show."""
        if not self._total or self._total < _WORTH_STEPS:
            return
        percent = self._done * 100 // self._total // _STEP_PERCENT * _STEP_PERCENT
        if percent <= self._told:
            return
        if not self._talk.machine:
            self._told = percent
            self._talk.note(f"{self._label}: {percent} %")
        elif self._pace.allows():
            self._told = percent
            self._talk.event({"event": "progress", "percent": percent, "what": self._label})

    def close(self) -> None:
        """Ends the display."""


class LiveTransfer(Transfer):
    """A bar that is gone when the transfer ends."""

    def __init__(self, talk: Talk, verb: str, name: str, total: int | None, *, color: bool) -> None:
        super().__init__(talk, verb, name, total)
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.table import Column

        label = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
        console = Console(stderr=True, no_color=not color, highlight=False)
        wide = (BarColumn(bar_width=20), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(compact=True))
        columns = (label, *(wide if console.width >= 70 else wide[1:2]))
        self._progress: Progress = Progress(
            *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._task: TaskID = self._progress.add_task(self._label, total=total)
        self._open = ExitStack()

    def __enter__(self) -> "LiveTransfer":
        from fal_cli.terminal.progress.stoppable import stoppable

        self._open.enter_context(stoppable(self._progress.live))
        self._open.enter_context(self._talk.through(lambda line: self._progress.console.print(line, markup=False)))
        return self

    def draw(self) -> None:
        self._progress.update(self._task, completed=self._done, total=self._total)

    def close(self) -> None:
        self._open.close()


def open_transfer(talk: Talk, verb: str, name: str, total: int | None, *, is_terminal: bool, color: bool) -> Transfer:
    """The display that fits: `verb` and `name` say what is moved, `total` is its size in bytes if known."""
    if is_terminal and not talk.machine and talk.level >= 0:
        return LiveTransfer(talk, verb, name, total, color=color)
    return Transfer(talk, verb, name, total)
