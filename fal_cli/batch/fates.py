"""What becomes of a row, by the newest call of its identity that the ledger knows."""

import os
from collections.abc import Set
from typing import TYPE_CHECKING

from fal_cli.batch.planned import Fate
from fal_cli.calls.once import failed_for_good
from fal_cli.ledger.rows import Mark, State

if TYPE_CHECKING:
    from fal_cli.ledger.rows import Row

FAILED, EXPIRED = "failed", "expired"
"""The words of `--again`."""
_RUNS = (State.ACCEPTED, State.RUNNING, State.ENDED)


def of(row: "Row | None", again: Set[str] = frozenset()) -> Fate:
    """The fate of a row. A call whose answer was lost is looked up; it is never sent again on a guess."""
    if row is None:
        return Fate.SEND
    if row.state is State.UNKNOWN or row.state is State.SENDING:
        return Fate.SEND if row.mark is Mark.CLAIMED and row.state is State.SENDING else Fate.LOST
    if row.state in _RUNS:
        return Fate.OPEN
    if row.state is State.COMPLETED:
        return Fate.DONE if not row.is_open and all(map(os.path.exists, row.files)) else Fate.OPEN
    if row.state is State.FAILED:
        return Fate.SEND if FAILED in again else Fate.NEXT if may_pass(row) else Fate.FAILED
    if row.state is State.EXPIRED:
        return Fate.SEND if EXPIRED in again else Fate.FAILED
    return Fate.SEND


def may_pass(row: "Row") -> bool:
    """Whether a request that failed may go well when it is sent again: nothing was wrong with its input."""
    return not failed_for_good(row.failure)
