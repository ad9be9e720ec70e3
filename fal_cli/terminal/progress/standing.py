"""Where a batch stands, and the lines that say so. Pure."""

import time
from dataclasses import dataclass, field

from fal_cli.terminal.progress.tally import duration

_BAR_CELLS = 10
_FEWEST_FOR_RATE = 3
_CLEAR_SECONDS = 5.0
RATE, LOCK, NETWORK = "rate", "lock", "network"


@dataclass
class Standing:
    """Where a batch stands. `open` is what was accepted earlier and is not followed yet.

    `gate` is why nothing can be sent now, one of the words above, and `gate_told` its reason; `offline` why requests
    cannot be followed; `stopping` why no more are sent. `ended_here` rows have ended since `began`, a monotonic
    moment. `spent` and `planned` are money in words, "" where it is not known.
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
    stopping: str = ""
    spent: str = ""
    planned: str = ""
    ended_here: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def ended(self) -> int:
        """How many rows are at their end, in this run or before."""
        return self.done + self.failed + self.cancelled

    @property
    def rate(self) -> float | None:
        """Rows a second in this run; None while that cannot be told."""
        seconds = time.monotonic() - self.began
        return self.ended_here / seconds if self.ended_here >= _FEWEST_FOR_RATE and seconds > 0 else None

    def counts(self) -> dict[str, int]:
        """The counts by their names."""
        names = ("rows", "done", "failed", "unknown", "unsaved", "cancelled", "sending", "waiting", "running", "saving")
        return {name: getattr(self, name) for name in names} | {"open": self.open}


def lines(standing: Standing, *, is_unicode: bool = True) -> list[str]:
    """The four lines of a batch; the last two only where there is something to say."""
    found = [_counted(standing, is_unicode), _paced(standing)]
    if standing.last_failure:
        found.append(f"last failure: {standing.last_failure}")
    if waits_for := awaited(standing):
        found.append(waits_for)
    return found


def _counted(standing: Standing, is_unicode: bool) -> str:
    share = standing.ended / standing.rows if standing.rows else 1.0
    full = int(share * _BAR_CELLS)
    solid, empty = ("█", "░") if is_unicode else ("#", "-")
    bar = solid * full + empty * (_BAR_CELLS - full)
    parts = [f"{standing.name}  {bar} {standing.done:,}/{standing.rows:,}"]
    for count, word in ((standing.failed, "failed"), (standing.unknown, "not known"), (standing.unsaved, "not saved")):
        parts += [f"{count:,} {word}"] if count else []
    here = [
        f"{count:,} {word}"
        for count, word in (
            (standing.running, "running"),
            (standing.waiting, "waiting"),
            (standing.sending, "being sent"),
            (standing.saving, "being saved"),
            (standing.open, "open"),
        )
        if count
    ]
    return " · ".join([*parts, *([", ".join(here)] if here else [])])


def _paced(standing: Standing) -> str:
    parts = []
    rate = standing.rate
    if rate:
        parts.append(f"{rate:.1f}/s" if rate >= 0.1 else f"{rate * 60:.1f}/min")
        left = standing.rows - standing.ended - standing.unknown
        parts.append(f"{duration(left / rate)} left" if left > 0 else "all have ended")
    else:
        parts.append("starting" if not standing.stopping else "ending")
    if standing.spent:
        of = f" of {standing.planned}" if standing.planned else ""
        parts.append(f"{standing.spent}{of}")
    return " · ".join(parts)


def awaited(standing: Standing) -> str:
    """What is being waited for; "" if nothing keeps the batch from going on."""
    parts = []
    if standing.gate == RATE:
        parts.append(f"429, {duration(max(1.0, standing.gate_left))}")
    elif standing.gate == LOCK:
        parts.append(standing.gate_told)
    elif standing.gate == NETWORK:
        parts.append(f"offline for {duration(standing.gate_closed_for)}: {standing.gate_told}")
    elif standing.offline:
        parts.append(f"offline: {standing.offline}")
    if standing.stopping:
        parts.append(f"stopping: {standing.stopping}")
    return " · ".join(parts)
