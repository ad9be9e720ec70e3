"""What becomes of a row, by the newest call of its identity that the ledger knows."""

import os
from collections.abc import Set
from typing import TYPE_CHECKING

from fal_cli.batch.planned import Fate
from fal_cli.ledger.rows import Mark, State

if TYPE_CHECKING:
    from fal_cli.api.errors import RequestFailed
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


# What a request may end with although nothing is wrong with its input (§8.1, §8.2); such an end is not billed.
_PASSING = ("file_download_error", "image_load_error", "internal_server_error", "generation_timeout")
_PASSING_BEGINNINGS = ("downstream_service", "runner_", "startup_", "request_timeout")
_SERVER_ERROR = 500


def may_pass(row: "Row") -> bool:
    """Whether a request that failed may go well when it is sent again: nothing was wrong with its input."""
    return _passes(row.failure.get("status"), row.failure.get("types") or ())


def may_mend(error: "RequestFailed") -> bool:
    """The same of an end that has just been seen."""
    facts = facts_of(error)
    return _passes(facts["status"], facts["types"])


def facts_of(error: "RequestFailed") -> dict[str, object]:
    """What is kept of a failure, for telling later whether another attempt may mend it."""
    types = [error.error_type, *(entry.type for entry in error.fields)]
    return {"status": error.status, "types": sorted({one for one in types if one})}


def _passes(status: object, types: object) -> bool:
    named = [str(one) for one in types] if isinstance(types, list | tuple) else []
    if any(one in _PASSING or one.startswith(_PASSING_BEGINNINGS) for one in named):
        return True
    return isinstance(status, int) and status >= _SERVER_ERROR
