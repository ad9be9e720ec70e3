"""One gate for all submits of a batch: it closes where nothing can be sent, and says for how long and why.

A 429 closes it for as long as the service asks. While the account is locked or the network is away, one submit tries
every now and then whether that is over; the others wait. Not for several threads.
"""

import random
from collections.abc import Callable, Mapping
from time import monotonic

from fal_cli.api.wire import asked_wait
from fal_cli.terminal.progress.standing import LOCK, NETWORK, RATE

_LONGEST_PAUSE = 60.0
_FIRST_PROBE, _LAST_PROBE = 2.0, 30.0


class Gate:
    """Open until it is closed. `why` is one of `RATE`, `LOCK`, `NETWORK` while it is, `told` the reason in words."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._until = 0.0
        self._failures = 0
        self._closed_at = 0.0
        self.why = ""
        self.told = ""

    @property
    def left(self) -> float:
        """Seconds until something may be sent; 0 if it may now."""
        return max(0.0, self._until - self._now()) if self.why else 0.0

    @property
    def closed_for(self) -> float:
        """Seconds since it was closed for this reason; 0 while it is open."""
        return self._now() - self._closed_at if self.why else 0.0

    @property
    def lets_one_through(self) -> bool:
        """Whether, while it is not open, a single submit may try."""
        return bool(self.why) and not self.left

    def close_for_rate(self, headers: Mapping[str, str]) -> None:
        """The service refused for rate: as long as it asks for, else longer with each time."""
        self._is_about(RATE)
        asked = asked_wait(headers)
        wait = random.uniform(0.5, 1.0) * 2.0 ** min(self._failures, 5) if asked is None else asked
        self._close("429", min(wait, _LONGEST_PAUSE))

    def close_for_lock(self, told: str) -> None:
        """The account is locked."""
        self._is_about(LOCK)
        self._close(told, min(_LAST_PROBE, _FIRST_PROBE * 2.0**self._failures))

    def close_for_network(self, told: str) -> None:
        """Nothing can be reached."""
        self._is_about(NETWORK)
        self._close(told, min(_LAST_PROBE, 0.5 * 2.0**self._failures))

    def open(self) -> bool:
        """A submit was accepted. Whether the gate was closed until now."""
        was_closed = bool(self.why)
        self.why, self.told, self._failures, self._until = "", "", 0, 0.0
        return was_closed

    def _is_about(self, why: str) -> None:
        """A reason that is another than before counts from its own beginning."""
        if self.why != why:
            self.why, self._failures, self._until, self._closed_at = why, 0, 0.0, self._now()

    def _close(self, told: str, seconds: float) -> None:
        if self.left:
            return  # one of those that were on their way together: they count once
        self._failures += 1
        self.told = told
        self._until = self._now() + seconds
