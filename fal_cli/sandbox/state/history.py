"""What has run so far, read off the register of the queue, of direct runs and of streams alike.

Long answers are read in pages. A page begins behind the last request of the page before, by what that was sorted by,
which nothing changes any more: so it costs as much as its own length, however many requests there are, and shows
things as they stood at the moment of the first page.
"""

import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fal_cli.sandbox.state import line
from fal_cli.sandbox.state.record import Outcome, Record, from_json
from fal_cli.sandbox.state.store import Store

_FIRST_BATCH, _LAST_BATCH = 4, 128


@dataclass(frozen=True)
class Past:
    """A request as it stands at some moment. All times are Unix seconds.

    `began` is when its latest attempt did (§4.10), None while it waits for its first; `ended` and `ending` are None
    while it runs or waits.
    """

    record: Record
    began: float | None
    ended: float | None

    @property
    def ending(self) -> Outcome | None:
        """How it ended."""
        return None if self.ended is None else self.record.ending

    @property
    def seconds(self) -> float | None:
        """How long it ran."""
        return None if self.ended is None or self.began is None else self.ended - self.began


class Run(NamedTuple):
    """How an ended request went: when it ended (Unix seconds), with what status, how long it waited and ran (seconds).

    `wait` is None if it never ran.
    """

    ended: float
    code: int
    wait: float | None
    seconds: float


class Mark(NamedTuple):
    """Where a page begins: behind this request, by whether it was still open, and then by `measure` and `seq`."""

    is_open: bool
    measure: float
    seq: int


_LAST = 2**62
BEFORE_ALL = Mark(True, line.NEVER, _LAST)


@dataclass(frozen=True)
class Search:
    """Which requests are asked for. `start` and `end` are Unix seconds, about when they began.

    `codes` are the first and the last status that is meant, None for any. `by_seconds` sorts by how long they ran, the
    longest first, otherwise the last to end is the first; those that are open come before all others. `is_exact` is
    whether those that have not begun are meant too.
    """

    endpoints: Sequence[str]
    request_id: str | None
    start: float
    end: float
    codes: tuple[int, int] | None
    by_seconds: bool
    is_exact: bool


def search(store: Store, found: Search, moment: float, after: Mark) -> Iterator[tuple[Mark, Past]]:
    """The requests that are asked for, as they stood at `moment` (Unix seconds), each with its mark."""
    line.play(store, moment)
    each = [_of_endpoint(store, found, endpoint, moment, after) for endpoint in found.endpoints]
    merged = heapq.merge(*each, key=lambda pair: pair[0], reverse=True)
    for mark, data in merged:
        past = _at(data, moment)
        if _began_in(past, found):
            yield mark, past


def runs(store: Store, endpoint: str, start: float, end: float) -> Iterator[Run]:
    """How the requests of an endpoint went that ended from `start` to `end` (Unix seconds)."""
    line.play(store, end)
    rows = store.db.execute(
        "SELECT ended, code, first - accepted, seconds FROM requests WHERE endpoint = ? AND ended >= ? AND ended < ?",
        (endpoint, start, end),
    )
    for ended, code, wait, seconds in rows:
        yield Run(ended, code, None if wait == line.NEVER else wait, seconds)


def _began_in(past: Past, found: Search) -> bool:
    """Whether it began in the span of time; one that has not begun counts from its acceptance."""
    moment = past.record.accepted if past.began is None else past.began
    return found.start <= moment < found.end


def _of_endpoint(store: Store, found: Search, endpoint: str, moment: float, after: Mark) -> Iterator[tuple[Mark, Any]]:
    if after.is_open:
        yield from _pages(store, found, endpoint, moment, after)
        after = Mark(False, line.NEVER if found.by_seconds else moment, _LAST)
    yield from _pages(store, found, endpoint, moment, after)


def _pages(store: Store, found: Search, endpoint: str, moment: float, after: Mark) -> Iterator[tuple[Mark, Any]]:
    """Those of one endpoint that were open, or those that were not, in pieces."""
    measure, where, values = _conditions(found, endpoint, moment, is_open=after.is_open)
    columns = f"seq, {measure}, record, cancelled, first"
    if after.is_open:
        # Sorted by what is small, before the records are read.
        inner = f"SELECT seq FROM requests WHERE {where} AND seq < ? ORDER BY seq DESC LIMIT ?"
        query = f"SELECT {columns} FROM requests WHERE seq IN ({inner}) ORDER BY seq DESC"
    else:
        query = (
            f"SELECT {columns} FROM requests WHERE {where} AND ({measure}, seq) < (?, ?)"
            f" ORDER BY {measure} DESC, seq DESC LIMIT ?"
        )
    for batch in _batches():
        last = (after.seq,) if after.is_open else (after.measure, after.seq)
        rows = store.db.execute(query, (*values, *last, batch)).fetchall()
        for seq, measured, record, cancelled, first in rows:
            # Among the open ones the latest comes first, whenever they end: a cancel may change that.
            after = Mark(after.is_open, line.NEVER if after.is_open else measured, seq)
            yield after, (record, cancelled, first)
        if len(rows) < batch:
            return


def _batches() -> Iterator[int]:
    """How many to read at once: few at first, since of fifty endpoints each has but two of a hundred."""
    batch = _FIRST_BATCH
    while True:
        yield batch
        batch = min(2 * batch, _LAST_BATCH)


def _conditions(found: Search, endpoint: str, moment: float, *, is_open: bool) -> tuple[str, str, list[Any]]:
    measure = "seconds" if found.by_seconds and not is_open else "ended"
    where = "endpoint = ?"
    values: list[Any] = [endpoint]
    if is_open or found.by_seconds:
        # Not beside the mark of those that are sorted by it: of two bounds SQLite would take the wide one.
        where += f" AND ended {'>' if is_open else '<='} ?"
        values.append(moment)
    where += " AND accepted <= ?" if found.is_exact else " AND first <= ? AND known <= ?"
    values += [moment] if found.is_exact else [moment, moment]
    if found.codes:
        where += " AND code BETWEEN ? AND ?"
        values += found.codes
        if is_open:
            where += " AND 0"  # how it ends is not known yet
    if found.request_id is not None:
        where += " AND id = ?"
        values.append(found.request_id)
    return measure, where, values


def _at(data: tuple[str, float | None, float], moment: float) -> Past:
    text, cancelled, first = data
    record = from_json(json.loads(text), cancelled, None if first == line.NEVER else first)
    life, offset = record.life, moment - record.accepted
    began, is_over = life.begun_at(offset), life.at(offset).state == "COMPLETED"
    return Past(
        record,
        None if began is None else _shown(record.accepted + began),
        _shown(record.accepted + life.end) if is_over else None,
    )


def _shown(moment: float) -> float:
    """To the microsecond, so that a moment read off an answer finds the request again."""
    return round(moment, 6)
