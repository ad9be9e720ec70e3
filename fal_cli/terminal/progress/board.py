"""The board of a batch, a medium each: four lines on a terminal, a line now and then in a pipe, JSON for programs."""

import time
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from fal_cli.terminal.progress.standing import Standing, awaited, lines
from fal_cli.terminal.talk import Talk

_STEP_PERCENT = 5
_STEP_SECONDS = 60.0
_EVENT_SECONDS = 1.0


class Board:
    """Shows where a batch stands. By itself it shows nothing."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk

    def __enter__(self) -> "Board":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def show(self, standing: Standing) -> None:
        """Takes in where the batch stands now."""

    def aside(self) -> AbstractContextManager[None]:
        """A block in which other things are written to the terminal."""
        return nullcontext()

    def close(self) -> None:
        """Ends the display. May be called again."""


class PlainBoard(Board):
    """A line for each twentieth of the rows, each minute, and each time that something keeps the batch waiting."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(talk)
        self._percent = 0
        self._told_at = time.monotonic()
        self._awaited = ""

    def show(self, standing: Standing) -> None:
        now = time.monotonic()
        reached = int(100 * standing.ended / standing.rows) // _STEP_PERCENT * _STEP_PERCENT if standing.rows else 100
        kept = standing.gate or ("offline" if standing.offline else "")
        if reached <= self._percent and now - self._told_at < _STEP_SECONDS and kept == self._awaited:
            return
        is_news = reached > self._percent or now - self._told_at >= _STEP_SECONDS
        self._percent, self._told_at = max(reached, self._percent), now
        if kept != self._awaited:
            self._awaited = kept
            if kept:
                self.talk.note(awaited(standing))
        if is_news:
            self.talk.note(" · ".join(lines(standing)[:2]))


class MachineBoard(Board):
    """A JSON line `batch`, once a second at most, where something has changed. Rows are told on stdout."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(talk)
        self._told_at = 0.0
        self._counts: dict[str, int] = {}

    def show(self, standing: Standing) -> None:
        now, counts = time.monotonic(), standing.counts()
        if now - self._told_at < _EVENT_SECONDS or counts == self._counts:
            return
        self._told_at, self._counts = now, counts
        self.talk.event({"event": "batch", "batch": standing.name, **counts, "awaited": awaited(standing) or None})
