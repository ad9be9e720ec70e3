"""A request's life as a pure function of the clock.

Everything is fixed when the request is accepted: the moments at which its state or position changes, and its
log lines. What the service says at any later moment is looked up, never kept up to date, so any number of
processes can be asked and all agree. All offsets are seconds since acceptance.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

State = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]

WINDOW_SECONDS = 20.0
WINDOW_LINES = 40
# A runner is asked to stop and needs a moment to do so (§4.8); until then the request is still running.
STOPPING_SECONDS = 0.1


@dataclass(frozen=True)
class LogLine:
    """One log line, `at` seconds after acceptance."""

    at: float
    message: str
    level: str = "INFO"
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Change:
    """The state that begins `at` seconds after acceptance; the queue position only while IN_QUEUE."""

    at: float
    state: State
    position: int | None = None


@dataclass(frozen=True)
class Timeline:
    """Changes in order of time, the first at 0 and the last COMPLETED, and log lines in order of time.

    `missed` is whether it ends because of its start deadline.
    """

    changes: tuple[Change, ...]
    logs: tuple[LogLine, ...] = ()
    cancelled: bool = False
    missed: bool = False

    @property
    def end(self) -> float:
        """When the request is COMPLETED."""
        return self.changes[-1].at

    @property
    def inference_seconds(self) -> float | None:
        """How long the last attempt ran; None if the request never started."""
        start = self.begun_at(self.end)
        return None if start is None else self.end - start

    @property
    def first_start(self) -> float:
        """When the first attempt begins; infinite if none does."""
        return next((change.at for change in self.changes if change.state == "IN_PROGRESS"), math.inf)

    def at(self, offset: float) -> Change:
        """The change in force at `offset`; before acceptance, the first."""
        index = bisect_right(self.changes, offset, key=lambda change: change.at)
        return self.changes[max(index - 1, 0)]

    def begun_at(self, offset: float) -> float | None:
        """When the last attempt that has begun by `offset` did so; None if none has."""
        starts = [change.at for change in self.changes if change.state == "IN_PROGRESS" and change.at <= offset]
        return starts[-1] if starts else None

    def logs_at(self, offset: float) -> tuple[LogLine, ...]:
        """The moving window of log lines (§4.5): the newest lines of the last seconds.

        The window stops moving at the end, so that the last lines of a finished request stay readable.
        """
        seen_until = min(offset, self.end)
        window = [line for line in self.logs if seen_until - WINDOW_SECONDS <= line.at <= seen_until]
        return tuple(window[-WINDOW_LINES:])

    def logs_since(self, told: float, offset: float) -> tuple[LogLine, ...]:
        """The log lines after `told` and up to `offset`: what a stream has to say that it has not said (§4.6)."""
        return tuple(line for line in self.logs if told < line.at <= min(offset, self.end))

    def next_change(self, offset: float, *, with_logs: bool) -> float | None:
        """The first moment after `offset` at which the service would say something new; None at the end."""
        moments = [change.at for change in self.changes if change.at > offset]
        if with_logs:
            moments += [line.at for line in self.logs if offset < line.at <= self.end]
        return min(moments, default=None)

    def cancel(self, offset: float) -> "Timeline":
        """The life of the same request if a cancel arrives at `offset`; itself if that is too late (§4.8)."""
        current = self.at(offset)
        stop = offset + (STOPPING_SECONDS if current.state == "IN_PROGRESS" else 0.0)
        if stop >= self.end:
            return self
        kept = tuple(change for change in self.changes if change.at <= offset)
        logs = tuple(line for line in self.logs if line.at <= stop)
        return replace(self, changes=(*kept, Change(stop, "COMPLETED")), logs=logs, cancelled=True)

    def from_start(self, offset: float) -> "Timeline":
        """The life of the same request if its first attempt begins at `offset`, since it has to wait for its turn."""
        shift = offset - self.first_start
        first = next(index for index, change in enumerate(self.changes) if change.state == "IN_PROGRESS")
        later = (replace(change, at=change.at + shift) for change in self.changes[first:])
        logs = tuple(replace(line, at=line.at + shift) for line in self.logs)
        return replace(self, changes=(Change(0.0, "IN_QUEUE", 0), *later), logs=logs)

    def miss_start_deadline(self, deadline: float) -> "Timeline | None":
        """The life of a request whose processing must start within `deadline` seconds; None if it does.

        An attempt that has started is left to run, but the wait after a failed one counts (§4.3).
        """
        wait = 0.0
        for index, (earlier, change) in enumerate(pairwise(self.changes), start=1):
            if change.state == "IN_QUEUE" and earlier.state == "IN_PROGRESS":
                wait = change.at
            if change.state == "IN_PROGRESS" and change.at > deadline:
                end = max(deadline, wait)
                kept = tuple(before for before in self.changes[:index] if before.at <= end)
                logs = tuple(line for line in self.logs if line.at <= end)
                return Timeline((*kept, Change(end, "COMPLETED")), logs, missed=True)
        return None


def waiting(place: int, deadline: float) -> Timeline:
    """The life of a request that waits for its turn: nothing else happens before it comes, or the start deadline."""
    return Timeline((Change(0.0, "IN_QUEUE", place), Change(deadline, "COMPLETED")), missed=True)


def countdown(start: float, seconds: float, position: int) -> list[Change]:
    """A wait of `seconds` from `start` in which the queue position falls from `position` to 0."""
    step = seconds / (position + 1)
    return [Change(start + step * gone, "IN_QUEUE", position - gone) for gone in range(position + 1)]


def build(*, queue: float, run: float, position: int, requeues: int = 0, logs: Iterable[LogLine] = ()) -> Timeline:
    """The life of a request that waits `queue` seconds and runs `run` seconds.

    Each of `requeues` is an attempt that fails after 40 % of its run and goes back to the line (§4.5). The
    offsets of `logs` count from the start of the last attempt.
    """
    changes = countdown(0.0, queue, position)
    moment = queue
    for _ in range(requeues):
        changes.append(Change(moment, "IN_PROGRESS"))
        moment += run * 0.4
        changes += countdown(moment, queue / 2, 1)
        moment += queue / 2
    changes += [Change(moment, "IN_PROGRESS"), Change(moment + run, "COMPLETED")]
    lines = tuple(replace(line, at=line.at + moment) for line in logs)
    return Timeline(tuple(changes), tuple(sorted(lines, key=lambda line: line.at)))


def running(seconds: float) -> Timeline:
    """The life of what has no line to wait in: it runs at once."""
    return Timeline((Change(0.0, "IN_PROGRESS"), Change(seconds, "COMPLETED")))


def to_json(timeline: Timeline) -> dict[str, Any]:
    """The timeline as plain JSON values, for the store."""
    return {
        "changes": [[change.at, change.state, change.position] for change in timeline.changes],
        "logs": [[line.at, line.message, line.level, list(line.labels)] for line in timeline.logs],
    }


def from_json(data: dict[str, Any]) -> Timeline:
    """The inverse of `to_json`."""
    logs = (
        LogLine(at, message, level, tuple((key, value) for key, value in labels))
        for at, message, level, labels in data["logs"]
    )
    return Timeline(tuple(Change(*change) for change in data["changes"]), tuple(logs))
