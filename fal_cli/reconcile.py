"""What became of a call whose answer was lost: looked up in the account's own listing of requests (wire §9.3).

A request is listed once it has begun to run, so one that was sent just now is looked for again for a while. What is
found is adopted only if it is no other row's; what is not found is never sent again by itself.
"""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from fal_cli.api import platform
from fal_cli.api.deadline import Deadline
from fal_cli.api.platform import Listed
from fal_cli.api.wire import Wire
from fal_cli.ledger import Row, State
from fal_cli.ledger.rows import fingerprint

SEARCH_SECONDS = 30.0
BEFORE = timedelta(minutes=1)  # clocks differ
AFTER = timedelta(minutes=10)  # a submit that was refused for rate may be repeated for minutes
_SENDING = timedelta(minutes=15)
_PAUSES = (1.0, 2.0, 3.0, 5.0)


def is_being_sent(row: Row) -> bool:
    """Whether the process that sends a call may still be at it."""
    if row.state is not State.SENDING or not row.pid:
        return False
    if row.mode == "queue" and datetime.now(UTC) - row.created_at > _SENDING:
        return False
    return _is_alive(row.pid)


def look_up(wire: Wire, row: Row, deadline: Deadline, is_taken: Callable[[str], bool]) -> list[Listed]:
    """The listed requests that may be the row's, the likeliest first; none if it was looked for long enough.

    `is_taken` says of a request id that another row has it. Raises as `platform.requests_of`: `Refused` with 403
    where the key's scope does not allow it.
    """
    started = time.monotonic()
    for pause in _pauses():
        found = [item for item in _listed(wire, row, deadline) if not is_taken(item.request_id)]
        if found:
            return found
        is_old = datetime.now(UTC) - row.created_at > AFTER
        if is_old or time.monotonic() - started > SEARCH_SECONDS or deadline.passes_within(pause):
            return []
        time.sleep(pause)
    return []


def _listed(wire: Wire, row: Row, deadline: Deadline) -> list[Listed]:
    start, end = row.created_at - BEFORE, row.created_at + AFTER
    listed = platform.requests_of(wire, row.endpoint, start=start, end=end, deadline=deadline)
    return _candidates(row, list(listed))


def _candidates(row: Row, listed: list[Listed]) -> list[Listed]:
    """Those with the row's input, nearest to its moment first; without payloads only one that is alone."""
    if row.request_id:
        return [item for item in listed if item.request_id == row.request_id]
    same = [item for item in listed if item.input_json is not None and _has_input(row, item.input_json)]
    if same:
        return sorted(same, key=lambda item: abs((item.sent_at or row.created_at) - row.created_at))
    hidden = [item for item in listed if item.input_json is None]
    return hidden if len(hidden) == 1 and (row.is_private or "no_store" in row.options) else []


def _has_input(row: Row, input_json: object) -> bool:
    if not isinstance(input_json, dict):
        return False
    is_same = row.input_is_whole and row.input_json == input_json
    return is_same or (bool(row.input_sha256) and fingerprint(input_json) == row.input_sha256)


def _pauses() -> Iterator[float]:
    yield from _PAUSES
    while True:
        yield _PAUSES[-1]


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        return False  # there, asking would end it; a lookup meanwhile does no harm
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
