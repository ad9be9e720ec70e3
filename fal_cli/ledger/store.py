"""Reading and writing the ledger. SQLite; the row exists before the bytes leave.

A row is durable before the submit goes out (`synchronous=FULL`), and so is the request id: if the power fails
afterwards, the row is there to look the request up by. What is only seen later may be lost with the power.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from fal_cli.api import clock
from fal_cli.ledger import processes
from fal_cli.ledger.migrations import BUSY_SECONDS, LedgerError, open_database, transaction
from fal_cli.ledger.rows import (
    Call,
    Kept,
    Mark,
    Row,
    Search,
    State,
    fingerprint,
    kept_until,
    row_from,
    stored_input,
    texts,
)

T = TypeVar("T")

# In these something is still to be done: the result is to be fetched, or the request to be found.
_OPEN = (State.SENDING, State.ACCEPTED, State.RUNNING, State.ENDED, State.UNKNOWN)
_BEFORE: dict[State, tuple[State, ...]] = {
    State.RUNNING: (State.SENDING, State.UNKNOWN, State.ACCEPTED),
    State.ENDED: (State.SENDING, State.UNKNOWN, State.ACCEPTED, State.RUNNING),
}
_BEFORE_ACCEPTED = (State.SENDING, State.UNKNOWN, State.NOT_SENT, State.ACCEPTED)
_LARGEST = 2**63 - 1
_PAGE_ROWS = 1000
_LOOKED_THROUGH = 5000  # what a question that a person waits for may cost
_MODES_THAT_LIVE_ON = ("queue", "direct")


class _Page(NamedTuple):
    """Rows that were read, and the number of the last that was there."""

    rows: list[Row]
    last: int | None


class _ActFailed(Exception):
    """One of several acts has failed, so that nothing of them is written."""


class Ledger:
    """One open ledger. Every method raises `LedgerError` where SQLite or the disk fails."""

    def __init__(self, path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.unreadable: list[int] = []
        """The numbers of rows that were asked for and cannot be read; they are left out of what is answered."""
        self._now = now
        self._lock = threading.RLock()  # one connection for all threads of a process
        self._depth = 0  # of `at_once` within itself, in the thread that has the lock
        self._set: dict[str, object] = {}
        try:
            self._db = open_database(path)
        except sqlite3.Error as error:
            raise LedgerError(f"{path}: {error}") from error
        except OSError as error:
            raise LedgerError(f"{path}: {error.strerror or error}") from error

    # -- the life of one request

    def begin(self, call: Call) -> int:
        """Records a call that is about to be sent and returns its local id; on disk when this returns."""

        def act() -> int:
            local_id = self.insert(call, mark=Mark.SENDING)
            if call.replaces is not None:
                self.put(call.replaces, replaced_by=local_id)
            return local_id

        return self.at_once(act, durable=True)

    def insert(self, call: Call, **known: Any) -> int:
        """A new row that says that a call is being sent; `known` are more of its columns."""
        kept, is_whole, print_ = kept_of(call)
        now = self.moment()
        values = {
            "created_at": now,
            "updated_at": now,
            "host": call.host,
            "profile": call.profile,
            "key_print": call.key_print,
            "mode": call.mode,
            "endpoint": call.endpoint,
            "input": kept,
            "input_is_whole": is_whole,
            "input_sha256": print_,
            "options": json.dumps(dict(call.options)),
            "is_private": call.is_private,
            "state": State.SENDING,
            "is_open": True,
            "pid": os.getpid(),
            "began": processes.own_beginning(),
            "clock_skew": clock.skew_seconds(),
            "once_key": call.once_key or None,
            "content_key": call.content_key or None,
            "like_key": call.like_key or None,
            "scope": call.scope or None,
            "batch": call.batch or None,
            "row_number": call.row_number,
            **known,
        }
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = self.execute(f"INSERT INTO requests ({names}) VALUES ({marks})", tuple(values.values()))
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def accepted(self, local_id: int, request_id: str, urls: Mapping[str, str], patience: float | None = None) -> None:
        """Records the request id that the service gave. What is known of its end already, by another process, stays.

        `patience` in seconds: how long another writer is waited for, if not as long as usual.
        """
        self.at_once(lambda: self._accept(local_id, request_id, urls), durable=True, patience=patience)

    def _accept(self, local_id: int, request_id: str, urls: Mapping[str, str]) -> None:
        state = self._state(local_id)
        known: dict[str, Any] = {"request_id": request_id, "urls": json.dumps(dict(urls))}
        if state is None or state in _BEFORE_ACCEPTED:
            known |= {"state": State.ACCEPTED, "error": None, "is_open": True}
        self.put(local_id, **known)
        # What this one was sent for is known to be in its hands now, and is not to be sent once more.
        self.execute(
            "UPDATE requests SET state = ?, is_open = 0, error = ?, updated_at = ? WHERE replaced_by = ? AND is_open",
            (State.UNKNOWN, f"not found on the service; sent again as {request_id}", self.moment(), local_id),
        )

    def adopt(self, local_id: int, request_id: str, urls: Mapping[str, str]) -> str:
        """Gives a row whose answer was lost the request that was found, and returns the id that it has then.

        One that another process gave it meanwhile stays. "" if the found one is another row's, or the row is gone.
        """

        def act() -> str:
            row = self.row(local_id)
            if row is None or row.request_id:
                return row.request_id if row else ""
            if self.rows("request_id = ?", (request_id,), 1):
                return ""
            self._accept(local_id, request_id, urls)
            return request_id

        return self.at_once(act, durable=True)

    def seen(self, local_id: int, state: State, *, is_watched: bool = True) -> None:
        """Records that a request was seen running, or at its end; what is known to be over stays so.

        `is_watched`: it was seen before its end, too, so that the end is now.
        """

        def act() -> None:
            if self._state(local_id) not in _BEFORE[state]:
                return
            if state is State.RUNNING:
                self.put(local_id, state=state, started_at=moment_text(self._now()))
            elif row := self.row(local_id):
                self._set_end(row, None, is_watched=is_watched, state=state)

        self.at_once(act)

    def claim(self, local_id: int, pid: int, why: str) -> bool:
        """Takes a row that is to be sent again, for this process alone; `pid` is the one that the row named.

        It says that it is being sent, as any other: if this process dies, it is open and can be looked for. False if
        another process was first.
        """
        cursor = self.execute(
            "UPDATE requests SET state = ?, pid = ?, began = ?, error = ?, updated_at = ?"
            " WHERE local_id = ? AND is_open AND request_id IS NULL AND pid = ? AND (state <> ? OR pid <> ?)",
            (
                State.SENDING,
                os.getpid(),
                processes.own_beginning(),
                why,
                self.moment(),
                local_id,
                pid,
                State.SENDING,
                os.getpid(),
            ),
            durable=True,
        )
        return cursor.rowcount == 1

    def reopen(self, local_id: int, why: str) -> None:
        """Takes a claim back: nothing is known to have taken the place of the first."""
        self.put(local_id, state=State.UNKNOWN, is_open=True, error=why)

    def ended(
        self,
        local_id: int,
        state: State,
        error: str = "",
        *,
        billable_units: str = "",
        clock_skew: float | None = None,
        failure: Mapping[str, Any] | None = None,
    ) -> None:
        """Records how a call ended, or that it never began. One that is `unknown` stays open for a lookup.

        `clock_skew` counts where none was known when the call left: the clock may have been set since.
        """

        def act() -> None:
            row = self.row(local_id)
            if row is None:
                return
            # What a service says of a private input may repeat it.
            told = None if row.is_private else error or None
            is_open = state in _OPEN and row.mode in _MODES_THAT_LIVE_ON
            values: dict[str, Any] = {"state": state, "error": told, "is_open": is_open}
            if billable_units:
                values["billable_units"] = billable_units
            if clock_skew is not None and row.clock_skew is None:
                values["clock_skew"] = clock_skew
            if failure is not None:
                values["failure"] = json.dumps(dict(failure))
            if state in (State.FAILED, State.CANCELLED):
                self._set_end(row, None, **values)
            else:
                self.put(local_id, **values)

        self.at_once(act)

    def completed(
        self,
        local_id: int,
        *,
        size: int,
        kept: Kept | None,
        billable_units: str = "",
        inference_seconds: float | None = None,
        request_id: str = "",
        is_watched: bool = True,
    ) -> None:
        """Records a result, `size` bytes as it came; it stays open until `delivered`.

        `request_id` is that of a call outside the queue, which has none before.
        """
        values: dict[str, Any] = {"state": State.COMPLETED, "error": None, "billable_units": billable_units}
        if inference_seconds is not None:
            values["inference_seconds"] = inference_seconds
        if request_id:
            values["request_id"] = request_id

        def act() -> None:
            row = self.row(local_id)
            if row is not None:
                self._set_end(row, size, is_watched=is_watched, has_result=kept is not None, **values)
            if row is not None and kept is not None:
                self.execute(
                    "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)",
                    (local_id, kept.body, kept.content_type, kept.is_whole),
                )

        self.at_once(act)

    def delivered(self, local_id: int, files: Sequence[str] = (), hashes: Sequence[str] = ()) -> None:
        """Records that a result went where it was asked to go, and the files that were saved with their SHA-256."""

        def act() -> None:
            known, had = self._saved(local_id)
            added = [path for path in files if path not in known]
            contents = dict.fromkeys([*had, *hashes])
            self.put(
                local_id, is_open=False, files=json.dumps([*known, *added]), file_hashes=json.dumps(list(contents))
            )

        self.at_once(act)

    # -- looking

    def row(self, local_id: int) -> Row | None:
        """The row with this local id."""
        rows = self.rows("local_id = ?", (local_id,), 1)
        return rows[0] if rows else None

    def by_request_id(self, prefix: str, most: int = 3) -> list[Row]:
        """Rows whose request id begins with `prefix`, newest first; the exact one alone if it is there."""
        exact = self.rows("request_id = ?", (prefix,), 1)
        # A range, since LIKE would read every row.
        return exact or self.rows("request_id >= ? AND request_id < ?", (prefix, f"{prefix}\U0010ffff"), most)

    def by_content(self, sha256: str, most: int = 20) -> list[Row]:
        """Rows of which a file with this content was saved, newest first."""
        return self.rows("file_hashes LIKE ?", (f'%"{sha256}"%',), most)

    def newest(self, nth: int, *, with_id: bool = True) -> Row | None:
        """The nth newest row, from 1; with `with_id` of those in the queue that have a request id."""
        condition = "request_id IS NOT NULL AND mode = 'queue'" if with_id else "1"
        rows = self.rows(condition, (), 1, skip=nth - 1)
        return rows[0] if rows else None

    def unfinished(self) -> list[Row]:
        """Every row of which something is still to be done: first the result that is due to go first."""
        rows = self.rows("is_open", (), None)
        far = datetime.max.replace(tzinfo=UTC)
        return sorted(rows, key=lambda row: (row.expires_at or far, row.local_id))

    def search(self, search: Search) -> Iterator[Row]:
        """The rows that are asked for, newest first; a page of them at a time, so that any number fits into memory."""
        conditions, values = conditions_of(search)
        left = search.limit
        before = _LARGEST
        while left is None or left > 0:
            most = _PAGE_ROWS if left is None else min(_PAGE_ROWS, left)
            page = self._page(" AND ".join([*conditions, "local_id < ?"]), (*values, before), most)
            yield from page.rows
            if page.last is None:
                return
            before = page.last
            left = None if left is None else left - len(page.rows)

    def took(self, endpoint: str, most: int) -> list[float]:
        """How many seconds the work of the last calls of an endpoint took, of those that are known, newest first."""
        newest = self.execute("SELECT max(local_id) FROM requests", ()).fetchone()[0] or 0
        condition = "endpoint = ? AND state = ? AND mode = 'queue' AND local_id > ?"
        rows = self.rows(condition, (endpoint, State.COMPLETED, newest - _LOOKED_THROUGH), most)
        return [row.took for row in rows if row.took is not None]

    def result(self, local_id: int) -> Kept | None:
        """The result that is kept of a request."""
        found = self.execute("SELECT body, content_type, is_whole FROM results WHERE local_id = ?", (local_id,))
        row = self._guarded(found.fetchone)
        return Kept(row["body"], row["content_type"], bool(row["is_whole"])) if row else None

    def remove(self, local_ids: Iterable[int]) -> None:
        """Forgets rows; their bytes are overwritten on the disk."""

        def act() -> None:
            self._db.executemany("DELETE FROM requests WHERE local_id = ?", [(number,) for number in local_ids])
            if not self._db.execute("SELECT 1 FROM requests LIMIT 1").fetchone():
                # With the last call goes what was remembered of the files of calls.
                for table in ("uploads", "hashes"):
                    self._db.execute(f"DELETE FROM {table}")

        self.at_once(act)
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)", ())

    # Three of a row's four changes need a cell or two of it. The whole of it, parsed, takes ten times as long.

    def _state(self, local_id: int) -> State | None:
        found = self.execute("SELECT state FROM requests WHERE local_id = ?", (local_id,)).fetchone()
        try:
            return State(found[0]) if found else None
        except ValueError:
            return None

    def _saved(self, local_id: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        found = self.execute("SELECT files, file_hashes FROM requests WHERE local_id = ?", (local_id,)).fetchone()
        try:
            return (texts(found[0]), texts(found[1])) if found else ((), ())
        except (ValueError, TypeError):
            return (), ()

    # -- what the other modules of this room stand on

    def _set_end(self, row: Row, size: int | None, *, is_watched: bool = True, **values: Any) -> None:
        # The end of one that was not watched may be as long ago as it was last seen alive.
        ended_at = row.ended_at or (self._now() if is_watched else row.updated_at)
        until = kept_until(ended_at, size=size, is_private=row.is_private)
        self.put(row.local_id, ended_at=moment_text(ended_at), expires_at=moment_text(until), **values)

    def put(self, local_id: int, *, durable: bool = False, **values: Any) -> None:
        """Changes columns of a row."""
        values["updated_at"] = self.moment()
        assignments = ", ".join(f"{name} = ?" for name in values)
        self.execute(
            f"UPDATE requests SET {assignments} WHERE local_id = ?", (*values.values(), local_id), durable=durable
        )

    def rows(self, condition: str, values: tuple[object, ...], most: int | None, *, skip: int = 0) -> list[Row]:
        """The newest rows that fit a condition, at most `most` of them."""
        return self._page(condition, values, -1 if most is None else most, skip=skip).rows

    def _page(self, condition: str, values: tuple[object, ...], most: int, *, skip: int = 0) -> _Page:
        """The rows that can be read. One that another program or a broken disk spoiled keeps no other from sight."""
        statement = f"SELECT * FROM requests WHERE {condition} ORDER BY local_id DESC LIMIT ? OFFSET ?"

        def act() -> _Page:
            rows, last = [], None
            for found in self._db.execute(statement, (*values, most, skip)):
                last = int(found["local_id"])
                try:
                    rows.append(row_from(found))
                except (ValueError, TypeError):
                    self.unreadable.append(last)
            return _Page(rows, last)

        return self._guarded(act)

    def execute(self, statement: str, values: tuple[object, ...], *, durable: bool = False) -> sqlite3.Cursor:
        """Runs one statement; alone it is a transaction of its own."""

        def act() -> sqlite3.Cursor:
            if not self._db.in_transaction:
                self._pragma("synchronous", "FULL" if durable else "NORMAL")
            return self._db.execute(statement, values)

        return self._guarded(act)

    def at_once(self, act: Callable[[], T], *, durable: bool = False, patience: float | None = None) -> T:
        """Reading and writing in one transaction: another process sees all of it or nothing.

        Within `together` it is part of that one's.
        """

        def transacted() -> T:
            if self._depth:
                return act()
            if self._db.in_transaction:  # an interruption came right behind its beginning: nothing of it counts
                self._db.execute("ROLLBACK")
            self._pragma("synchronous", "FULL" if durable else "NORMAL")
            self._pragma("busy_timeout", int(1000 * (BUSY_SECONDS if patience is None else patience)))
            self._depth += 1
            try:
                with transaction(self._db):
                    return act()
            finally:
                self._depth -= 1

        return self._guarded(transacted)

    def together(self, acts: Sequence[Callable[["Ledger"], Any]]) -> list[Any]:
        """What several acts answer, in one transaction that is on disk when this returns: one wait for the disk.

        One that fails undoes itself alone, and its error stands in the place of its answer; the others may be done a
        second time then, from the beginning.
        """
        # A savepoint for each is a third of the statements, so that they are set where one has failed.
        try:
            return self.at_once(lambda: self._all(acts), durable=True)
        except _ActFailed:
            return self.at_once(lambda: [self._apart(act) for act in acts], durable=True)

    def _all(self, acts: Sequence[Callable[["Ledger"], Any]]) -> list[Any]:
        try:
            return [act(self) for act in acts]
        except Exception as error:
            raise _ActFailed from error

    def _pragma(self, name: str, value: object) -> None:
        """Sets how the connection behaves, unless it does so already. These were a fifth of a batch's statements."""
        if self._set.get(name) != value:
            self._db.execute(f"PRAGMA {name} = {value}")
            self._set[name] = value

    def _apart(self, act: Callable[["Ledger"], Any]) -> Any:
        self._db.execute("SAVEPOINT act")
        try:
            answer = act(self)
        except Exception as error:  # whatever it is belongs to whoever wanted the act
            self._db.execute("ROLLBACK TO act")
            answer = error
        self._db.execute("RELEASE act")
        return answer

    def _guarded(self, act: Callable[[], T]) -> T:
        try:
            with self._lock:
                return self._decoded(act)
        except (sqlite3.Error, ValueError, TypeError, LookupError) as error:  # LookupError: a column is missing
            raise LedgerError(str(error)) from error

    def _decoded(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if "decode" not in str(error) or self._db.text_factory is not str:
                raise
        # Somebody wrote what is not UTF-8. Reading all texts this way takes twice the time, so it is not the first.
        self._db.text_factory = lambda data: data.decode("utf-8", "replace")
        return act()

    def moment(self) -> str:
        """Now, as it is written."""
        return moment_text(self._now())


def kept_of(call: Call) -> tuple[str | None, bool, str]:
    """An input as it is kept, whether that is all of it, and its print. Of a private one not even that is kept: a
    short text is found by trying."""
    if call.is_private:
        return None, False, ""
    text, is_whole = stored_input(call.input_json, call.hide)
    return text, is_whole and not call.awaits_files, fingerprint(call.input_json)


def conditions_of(search: Search) -> tuple[list[str], list[object]]:
    """What a search asks of rows, as SQL, and the values for its marks."""
    conditions: list[str] = []
    values: list[object] = []

    def add(condition: str, *given: object) -> None:
        conditions.append(condition)
        values.extend(given)

    if search.states or search.only_open:
        listed = f"state IN ({', '.join('?' * len(search.states))})"
        add(f"({listed} OR is_open)" if search.only_open else listed, *search.states)
    if search.endpoint:
        add("(endpoint = ? OR endpoint LIKE ? ESCAPE '\\')", search.endpoint, f"{_literal(search.endpoint)}/%")
    if search.since:
        add("created_at >= ?", moment_text(search.since))
    if search.before:
        add("created_at < ?", moment_text(search.before))
    if search.text:
        as_json = json.dumps(search.text, ensure_ascii=False)[1:-1]
        looked_for = {"input": as_json, "endpoint": search.text, "request_id": search.text, "error": search.text}
        # LIKE ignores case as far as ASCII goes, and reads a row ten times as fast.
        condition = "{} LIKE '%' || ? || '%' ESCAPE '\\'" if search.text.isascii() else "holds({}, ?)"
        texts = map(_literal if search.text.isascii() else str.casefold, looked_for.values())
        add(f"({' OR '.join(map(condition.format, looked_for))})", *texts)
    if search.only_private:
        add("is_private")
    if search.batch:
        add("batch = ?", search.batch)
    if search.only_single:
        add("batch IS NULL")
    return conditions, values


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def moment_text(moment: datetime) -> str:
    """A moment as it is written."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
