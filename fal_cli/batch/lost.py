"""The rows whose answers were lost: which they are, and when the listing is looked at for them."""

import time

from fal_cli.batch.planned import Planned
from fal_cli.ledger.rows import Row

_LOOK_PAUSES = (0.0, 1.0, 2.0, 3.0, 5.0, 5.0, 5.0, 5.0, 5.0)


class Lost:
    """Rows that may be running. All are looked for at once, a few times, since the listing may lag."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[Planned, Row]] = {}
        self._looks = 0
        self._look_at = 0.0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> list[tuple[Planned, Row]]:
        """Each row of the list with its call in the ledger."""
        return list(self._rows.values())

    @property
    def may_be_found(self) -> bool:
        """Whether another look may find one."""
        return bool(self._rows) and self._looks < len(_LOOK_PAUSES)

    def add(self, planned: Planned, row: Row) -> None:
        """Takes a row in."""
        self._rows[planned.row] = (planned, row)

    def remove(self, number: int) -> None:
        """Drops the row with this number: what became of it is known."""
        del self._rows[number]

    def start_again(self) -> None:
        """One was lost just now: the looks begin from the first."""
        self._looks, self._look_at = 0, 0.0

    def give_up(self) -> None:
        """The listing cannot be had: no more looks."""
        self._looks = len(_LOOK_PAUSES)

    def is_due(self) -> bool:
        """Whether it is time for a look, which is counted then. The pause before it begins with the first question."""
        if not self.may_be_found:
            return False
        if self._look_at == 0.0:
            self._look_at = time.monotonic() + _LOOK_PAUSES[self._looks]
        if time.monotonic() < self._look_at:
            return False
        self._look_at = 0.0
        self._looks += 1
        return True
