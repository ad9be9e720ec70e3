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
from fal_cli.calls.lookup import listed_since, sent_about
from fal_cli.ledger.rows import Row

_FAR = timedelta.max


class Found(NamedTuple):
    """What a look for lost calls came to: by the ledger's number the requests that may be each, the likeliest first.

    With `is_exact` a call that is not among them was never accepted.
    """

    candidates: Mapping[int, list[str]]
    is_exact: bool


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
    return Found(candidates, all(look.is_exact for look in looks))


def _look_for(wire: Wire, endpoint: str, lost: Sequence[Row], deadline: Deadline) -> Found:
    wanted: dict[str, list[Row]] = {}
    for row in lost:
        if row.input_json is not None:
            wanted.setdefault(print_of(row.input_json), []).append(row)
    listing = Pages(wire, endpoint, start=listed_since(lost), payloads=True, deadline=deadline)
    listed: dict[str, list[Listed]] = {}
    for item in listing:
        if isinstance(item.input_json, dict) and (print_ := print_of(item.input_json)) in wanted:
            listed.setdefault(print_, []).append(replace(item, input_json=None, output_json=None))
    candidates = {
        row.local_id: [item.request_id for item in sorted(listed.get(print_, ()), key=lambda one: _distance(row, one))]
        for print_, rows in wanted.items()
        for row in rows
    }
    return Found(candidates, listing.is_exact)


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
