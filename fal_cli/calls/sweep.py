"""One look at the account's listing for many calls: which of them have ended, and what became of lost answers.

The listing leaves out what has not begun and lags behind (wire §11.2), so that a call which it does not name stays
unknown, unless the service says that its listing leaves nothing out.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

from fal_cli.api.deadline import Deadline
from fal_cli.api.platform import Listed, Pages
from fal_cli.api.wire import Wire
from fal_cli.calls.lookup import LONG_AGO, listed_since, sent_about
from fal_cli.ledger.rows import Row, fingerprint

_FAR = timedelta.max


class Found(NamedTuple):
    """What a look for lost calls came to: by the ledger's number the requests that may be each, the likeliest first.

    A call that cannot be told from others is not among them. `absent` are those that were never accepted, if none of
    their requests is one: the service says that its listing leaves nothing out.
    """

    candidates: Mapping[int, list[str]]
    absent: frozenset[int]


def ended_of(
    wire: Wire, endpoints: Iterable[str], since: datetime, wanted: Iterable[str], deadline: Deadline
) -> set[str]:
    """Those of the wanted requests that have ended, by the listings of their endpoints. Raises as `Pages`.

    `since` is as `lookup.listed_since` has it.
    """
    names = set(wanted)
    ended: set[str] = set()
    for item in chain.from_iterable(
        Pages(wire, endpoint, start=since, payloads=False, deadline=deadline) for endpoint in endpoints
    ):
        if item.request_id in names:
            names.discard(item.request_id)
            if item.ended_at is not None or item.status is not None:
                ended.add(item.request_id)
        if not names:
            break
    return ended


def look_for(wire: Wire, lost: Sequence[Row], deadline: Deadline) -> Found:
    """One look, an endpoint after the other, for all calls whose answers were lost. Raises as `Pages`."""
    of_endpoint: dict[str, list[Row]] = {}
    for row in lost:
        of_endpoint.setdefault(row.endpoint, []).append(row)
    looks = [_look_for(wire, endpoint, rows, deadline) for endpoint, rows in of_endpoint.items()]
    candidates = {number: names for look in looks for number, names in look.candidates.items()}
    return Found(candidates, frozenset().union(*(look.absent for look in looks)))


def _look_for(wire: Wire, endpoint: str, lost: Sequence[Row], deadline: Deadline) -> Found:
    known = [row for row in lost if _print_of(row)]
    if not known:
        return Found({}, frozenset())
    start = listed_since(known)
    candidates, is_exact = _listed(wire, endpoint, known, start, deadline)
    unseen = [row for row in known if row.clock_skew is None and not candidates[row.local_id]]
    if is_exact and unseen:  # by the clock of then, which nobody had compared
        found, is_exact = _listed(wire, endpoint, unseen, start - LONG_AGO, deadline)
        candidates |= found
    return Found(candidates, frozenset(candidates) if is_exact else frozenset())


def _listed(
    wire: Wire, endpoint: str, lost: Sequence[Row], start: datetime, deadline: Deadline
) -> tuple[dict[int, list[str]], bool]:
    """The requests that may be each of these calls, and whether the listing leaves nothing out."""
    wanted = {_print_of(row) for row in lost}
    needs_hash = any(not row.input_is_whole for row in lost)
    listing = Pages(wire, endpoint, start=start, payloads=True, deadline=deadline)
    listed: dict[str, list[Listed]] = {}
    for item in listing:
        if not isinstance(item.input_json, dict):
            continue
        for print_ in (print_of(item.input_json), *([fingerprint(item.input_json)] if needs_hash else [])):
            if print_ in wanted:
                listed.setdefault(print_, []).append(replace(item, input_json=None, output_json=None))
    candidates = {
        row.local_id: [
            item.request_id
            for item in sorted(listed.get(_print_of(row), ()), key=lambda one, row=row: _distance(row, one))
        ]
        for row in lost
    }
    return candidates, listing.is_exact


def _print_of(row: Row) -> str:
    """What a row's input is known by: all of it, or its hash where no more is kept; "" of a private one."""
    if row.input_is_whole and row.input_json is not None:
        return print_of(row.input_json)
    return row.input_sha256


def _distance(row: Row, item: Listed) -> timedelta:
    if item.sent_at is None:
        return _FAR
    return min(abs(item.sent_at - moment) for moment in sent_about(row))


def print_of(input_json: Mapping[str, Any]) -> str:
    """An input as a text that is the same for any order of its keys, and for `1.0` as for `1`."""
    return json.dumps(_plain(input_json), ensure_ascii=False, sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
