"""Where a batch stands, and the lines that say so. Pure."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from fal_cli.terminal.progress.tally import duration

_BAR_CELLS = 10
_SHORTEST_NAME = 8
_FEWEST_FOR_RATE = 3
_OWN = ("began", "grace_left")
RATE, LOCK, NETWORK = "rate", "lock", "network"


@dataclass
class Standing:
    """Where a batch stands. `open` is what was accepted earlier and is not followed yet.

    `gate` is why nothing can be sent now, one of the words above, and `gate_told` its reason; `offline` why requests
    cannot be followed, for so many seconds; `stopping` why no more are sent. `ended_here` rows have ended since
    `began`, a monotonic moment, and `taken_up` of them an earlier run had sent; `has_more` tells whether any is left to
    send. `spent` and `planned` are money in words, "" where it is not known. `grace_left` are the seconds that what is
    on its way has after a first Ctrl-C; a second one does not wait for them.
    """

    name: str = ""
    rows: int = 0
    done: int = 0
    failed: int = 0
    unknown: int = 0
    unsaved: int = 0
    cancelled: int = 0
    sending: int = 0
    waiting: int = 0
    running: int = 0
    saving: int = 0
    open: int = 0
    last_failure: str = ""
    gate: str = ""
    gate_told: str = ""
    gate_left: float = 0.0
    gate_closed_for: float = 0.0
    offline: str = ""
    offline_for: float = 0.0
    stopping: str = ""
    grace_left: float = 0.0
    spent: str = ""
    planned: str = ""
    ended_here: int = 0
    taken_up: int = 0
    has_more: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def ended(self) -> int:
        """How many rows are at their end, in this run or before."""
        return self.done + self.failed + self.cancelled

    @property
    def left(self) -> int:
        """How many rows have not come to an end of any kind."""
        return max(0, self.rows - self.ended - self.unknown - self.unsaved)

    @property
    def rate(self) -> float | None:
        """Rows a second in this run; None while that cannot be told.

        What an earlier run had sent ends all at once, and says nothing of how long those take that are to be sent.
        """
        seconds = time.monotonic() - self.began
        counted = self.ended_here - self.taken_up if self.has_more else self.ended_here
        return counted / seconds if counted >= _FEWEST_FOR_RATE and seconds > 0 else None

    def counts(self) -> dict[str, int]:
        """The counts by their names."""
        names = ("rows", "done", "failed", "unknown", "unsaved", "cancelled", "sending", "waiting", "running", "saving")
        return {name: getattr(self, name) for name in names} | {"open": self.open}

    def as_facts(self) -> dict[str, Any]:
        """What another process may show of it: its moments as `seconds` since then."""
        named = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _OWN}
        return named | {"seconds": round(time.monotonic() - self.began, 3)}


def of_facts(facts: Mapping[str, Any], age: float) -> Standing:
    """Where a batch stands by what another process, of whatever version, told so many seconds ago."""
    found = Standing()
    for one in fields(found):
        value = facts.get(one.name)
        if one.name not in _OWN and isinstance(value, type(one.default)):
            setattr(found, one.name, value)
    seconds = facts.get("seconds")
    found.began = time.monotonic() - age - (seconds if isinstance(seconds, int | float) else 0.0)
    found.gate_left = max(0.0, found.gate_left - age)
    found.gate_closed_for += age
    found.offline_for += age
    return found


def lines(standing: Standing, *, is_unicode: bool = True, width: int | None = None) -> list[str]:
    """The four lines of a batch; the last two only where there is something to say.

    `width` is that of the window: the first line, whose end tells what happens now, is made to fit.
    """
    found = [_counted(standing, is_unicode, width), _paced(standing)]
    if standing.last_failure:
        found.append(f"last failure: {standing.last_failure}")
    if waits_for := awaited(standing):
        found.append(waits_for)
    return found


def _counted(standing: Standing, is_unicode: bool, width: int | None) -> str:
    """Without the bar where the window is too narrow for it, and then with as much of the name as fits."""
    counts = _counts(standing)
    whole = f"{standing.name}  {_bar(standing, is_unicode)} {counts}"
    if width is None or len(whole) <= width:
        return whole
    name, dots = standing.name, "…" if is_unicode else "..."
    room = max(_SHORTEST_NAME, width - len(counts) - 2)
    return f"{name if len(name) <= room else name[: room - len(dots)] + dots}  {counts}"


def _bar(standing: Standing, is_unicode: bool) -> str:
    share = standing.ended / standing.rows if standing.rows else 1.0
    full = int(share * _BAR_CELLS)
    solid, empty = ("█", "░") if is_unicode else ("#", "-")
    return solid * full + empty * (_BAR_CELLS - full)


def _counts(standing: Standing) -> str:
    ended = (
        (standing.failed, "failed"),
        (standing.cancelled, "cancelled"),
        (standing.unknown, "not known"),
        (standing.unsaved, "not saved"),
    )
    here = (
        (standing.running, "running"),
        (standing.waiting, "waiting"),
        (standing.sending, "being sent"),
        (standing.saving, "being saved"),
        (standing.open, "open"),
    )
    parts = [f"{standing.done:,}/{standing.rows:,}", *_told(ended), ", ".join(_told(here))]
    return " · ".join(filter(None, parts))


def _told(counts: Sequence[tuple[int, str]]) -> list[str]:
    return [f"{count:,} {word}" for count, word in counts if count]


def _paced(standing: Standing) -> str:
    parts = []
    rate = standing.rate
    if rate:
        parts.append(f"{rate:.1f}/s" if rate >= 0.1 else f"{rate * 60:.1f}/min")
        parts.append(f"{in_whole(standing.left / rate)} left" if standing.left else "all have ended")
    elif standing.stopping:
        parts.append("ending")
    elif standing.rows and not standing.left:
        parts.append("all have ended")
    elif standing.ended_here or standing.running:
        parts.append(f"{in_whole(time.monotonic() - standing.began)} so far")
    else:
        parts.append("starting")
    if standing.spent:
        of = f" of {standing.planned}" if standing.planned else ""
        parts.append(f"{standing.spent}{of}")
    return " · ".join(parts)


def awaited(standing: Standing) -> str:
    """What is being waited for; "" if nothing keeps the batch from going on."""
    parts = []
    retry = f"retry in {in_whole(standing.gate_left)}" if standing.gate_left > 0 else "trying again"
    if standing.gate == RATE:
        parts.append(f"429, too many requests: {retry}")
    elif standing.gate == LOCK:
        parts.append(f"{standing.gate_told} · {retry}")
    elif standing.gate == NETWORK:
        parts.append(f"offline for {in_whole(standing.gate_closed_for)}, {retry}: {standing.gate_told}")
    elif standing.offline:
        parts.append(f"offline for {in_whole(standing.offline_for)}: {standing.offline}")
    if standing.grace_left > 0:
        parts.append(f"stopping in {in_whole(standing.grace_left)} at most; Ctrl-C again stops at once")
    elif standing.stopping:
        parts.append(f"stopping: {standing.stopping}")
    return " · ".join(parts)


def in_whole(seconds: float) -> str:
    """As `duration`, without tenths, which nobody can read while they change."""
    whole = max(1, math.ceil(seconds))
    return f"{whole} s" if whole < 60 else duration(whole)


def summary(standing: Standing) -> str:
    """What came of a batch so far: `5 of 40 rows are done · 2 failed · 33 left · $0.13`."""
    counts = (
        (standing.failed, "failed"),
        (standing.cancelled, "cancelled"),
        (standing.unknown, "not known"),
        (standing.unsaved, "not saved"),
        (standing.left, "left"),
    )
    parts = [f"{standing.done:,} of {standing.rows:,} rows are done", *_told(counts), standing.spent]
    return " · ".join(filter(None, parts))
