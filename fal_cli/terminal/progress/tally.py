"""What is counted while a request is followed: times by our own clock, and what the service reports. Pure."""

import time
from collections import deque
from dataclasses import dataclass, field

from fal_cli.api.events import Completed, Event, InProgress, LogLine, Queued
from fal_cli.terminal.logs import Progress, progress

KEPT_LINES = 20
_LEAST_LEFT_SECONDS = 1.0
_MUCH_LONGER = 0.5


@dataclass
class Tally:
    """The state of one followed request, kept up to date by `count`.

    `cost` is what it cost, as text; `usual_wait` how many seconds such requests wait, by the service's analytics.
    """

    endpoint: str
    request_id: str = ""
    profile: str = ""
    started: float = field(default_factory=time.monotonic)
    state: str = "submitting"
    position: int | None = None
    progress: Progress | None = None
    running_since: float | None = None
    inference_seconds: float | None = None
    cost: str = ""
    usual_wait: float | None = None
    usual_seconds: float | None = None
    last_lines: deque[LogLine] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))

    def count(self, event: Event) -> None:
        """Takes one event in."""
        if isinstance(event, Queued):
            self.state, self.position, self.progress = "queued", event.position, None
            self.running_since = None  # the service may put a running request back into the line
        elif isinstance(event, InProgress):
            self.state = "running"
            self.running_since = self.running_since or time.monotonic()
            self._read(event.logs)
        elif isinstance(event, Completed):
            self.state = "completed"
            self.inference_seconds = event.inference_seconds
            self._read(event.logs)

    @property
    def waiting(self) -> str:
        """Its place in the line, and how long a wait usually is where that is known."""
        place = "queued" if self.position is None else f"queued, position {self.position}"
        return place if self.usual_wait is None else f"{place}, usually {duration(self.usual_wait)}"

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return time.monotonic() - self.started

    @property
    def left(self) -> str:
        """How long the work still takes, by how long it usually did; "" where that is not known."""
        usual = self.usual_seconds
        if usual is None or self.state not in ("queued", "running"):
            return ""
        if self.running_since is None:
            return f"usually runs {_about(usual)}"
        left = usual - (time.monotonic() - self.running_since)
        if left >= _LEAST_LEFT_SECONDS:
            return f"about {_about(left)} left"
        return "longer than usual" if left < -max(_LEAST_LEFT_SECONDS, usual * _MUCH_LONGER) else "nearly there"

    def closing(self, verdict: str, billable_units: str = "", width: int | None = None) -> str:
        """The last line about a request, e.g. `done in 3.1 s (queued 0.6 s, inference 2.5 s), 1 billable unit`.

        Where `width` cells have no room for all of it, what matters least is left out.
        """
        parts = []
        if self.running_since is not None:
            parts.append(f"queued {duration(self.running_since - self.started)}")
        if self.inference_seconds is not None:
            parts.append(f"inference {duration(self.inference_seconds)}")
        inner = f" ({', '.join(parts)})" if parts else ""
        unit = "unit" if billable_units == "1" else "units"
        billed = f", {billable_units} billable {unit}" if billable_units else ""
        if self.cost:
            billed = f"{billed}, {self.cost}"
        lead = f"{verdict} in {duration(self.elapsed)}"
        forms = (f"{lead}{inner}{billed}", f"{lead}{billed}", lead)
        return next((form for form in forms if width is None or len(form) <= width), lead)

    def _read(self, lines: tuple[LogLine, ...]) -> None:
        for line in lines:
            found = progress(line.message)
            if found:
                self.progress = found
            else:
                self.last_lines.append(line)


def _about(seconds: float) -> str:
    return duration(max(1, round(seconds)) if seconds < 10 else seconds).replace(".0 s", " s")


def duration(seconds: float) -> str:
    """Seconds for people: `0.6 s`, `42 s`, `3 min 05 s`, `1 h 02 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def clock(seconds: float) -> str:
    """Seconds as a running clock: `0:07`, `12:34`, `1:02:03`."""
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
