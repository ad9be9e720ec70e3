"""Requests that an earlier run sent: many more, it may be, than can be followed at once.

One look at the account's listing tells which of them have ended; those are fetched first, the one whose result is due
to go first before all others. Of the rest the oldest are followed, and the listing is looked at again.
"""

import heapq
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from fal_cli.calls.lookup import listed_since
from fal_cli.ledger.rows import Row, State

_SWEEP_SECONDS = 15.0
_KEPT_FREE = 8
"""Places that are kept for fetching while there are more open requests than can be followed."""
_ENDED = (State.ENDED, State.COMPLETED)


class Open(NamedTuple):
    """An open request, ordered by when its result is due to go, then by its age. `row` is its number in the batch."""

    due: float
    local_id: int
    row: int
    request_id: str


class Opens:
    """What is open and not followed yet."""

    def __init__(self) -> None:
        self._ended: list[Open] = []
        self._others: list[Open] = []
        self._look_at = 0.0
        self._can_look = True
        self.since = datetime.now(UTC)
        """From when on the listing is to be read for them."""

    def add(self, rows: Iterable[Row]) -> None:
        """Takes rows in that the ledger has as open."""
        taken = list(rows)
        if taken:
            self.since = min(self.since, listed_since(taken))
        for row in taken:
            due = row.expires_at.timestamp() if row.expires_at else float("inf")
            open_ = Open(due, row.local_id, row.row_number or 0, row.request_id)
            self.put(open_, has_ended=row.state in _ENDED)

    def add_job(self, name: str, row: Row | None) -> None:
        """Takes in a request by its name, with its record if there is one."""
        due = row.expires_at.timestamp() if row and row.expires_at else float("inf")
        self.put(Open(due, row.local_id if row else 0, 0, name), has_ended=row is not None and row.state in _ENDED)

    def put(self, open_: Open, *, has_ended: bool) -> None:
        """Takes one in."""
        heapq.heappush(self._ended if has_ended else self._others, open_)

    def __len__(self) -> int:
        return len(self._ended) + len(self._others)

    @property
    def names(self) -> list[str]:
        """The ids of those that are not known to have ended."""
        return [open_.request_id for open_ in self._others]

    def wants_a_look(self, room: int) -> bool:
        """Whether the listing is to be looked at: there are more than can be followed, and the last look is old."""
        return self.are_too_many(room) and time.monotonic() >= self._look_at

    def are_too_many(self, room: int) -> bool:
        """Whether there are more that run than can be followed beside those that are followed already."""
        return len(self._others) > room

    @property
    def look_in(self) -> float:
        """Seconds until the listing is worth another look; infinite where it cannot be had."""
        return max(0.0, self._look_at - time.monotonic())

    def learn(self, ended: set[str] | None) -> None:
        """Takes in what a look has found; None where the listing cannot be had, and all have to be followed."""
        self._look_at = time.monotonic() + _SWEEP_SECONDS
        if ended is None:
            self._can_look = False
            self._look_at = float("inf")
            return
        for open_ in self._others:
            if open_.request_id in ended:
                heapq.heappush(self._ended, open_)
        self._others = [open_ for open_ in self._others if open_.request_id not in ended]
        heapq.heapify(self._others)

    def next(self, *, room: int, may_follow: bool) -> tuple[Open, bool] | None:
        """The next one to be taken up, and whether it has ended; None if there is none, or none may be now.

        `room` is how many places are left, `may_follow` whether one that runs may have one.
        """
        if self._ended:
            return heapq.heappop(self._ended), True
        kept = _KEPT_FREE if self.are_too_many(room) and self._can_look else 0
        if self._others and may_follow and room > kept:
            return heapq.heappop(self._others), False
        return None
