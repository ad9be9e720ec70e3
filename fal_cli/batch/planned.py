"""A plan on the disk: every call of a batch, in the order of its list, with the input that it will be sent with.

The list is read once; what is written here is what is paid for, even if the list is edited meanwhile. A file of its own
for each batch, so that a million rows cost the ledger nothing. A private plan has no name that another could open.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from fal_cli.endpoint import EndpointId, parse
from fal_cli.errors import CliError
from fal_cli.files.attachment import Attachment

NOWHERE = Path()
"""Where a plan lies that is forgotten when it is closed: of a private batch, of a dry run."""
_ROWS_AT_ONCE = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
    row INTEGER PRIMARY KEY, place INTEGER, line INTEGER NOT NULL, key TEXT NOT NULL UNIQUE, input TEXT NOT NULL,
    files TEXT NOT NULL, cells TEXT NOT NULL, fields TEXT NOT NULL, spares TEXT NOT NULL, fate TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS rows_in_order ON rows (place);
CREATE TABLE IF NOT EXISTS equal (digest BLOB PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS targets (target TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Fate(StrEnum):
    """What the plan has found about a row."""

    SEND = "send"
    DONE = "done"
    OPEN = "open"
    LOST = "look up"
    FAILED = "failed"
    NEXT = "once more"  # it failed in a way that another attempt may mend, and was not billed


class Planned(NamedTuple):
    """One call: `row` is its number for good, `line` where the list has it, `fields` what its files are named by.

    `input_json` holds files as attachments. `spares` are files for URLs that may have expired. `content` is what the
    call is known by in any scope. Which endpoint it is for is one of the `fields`.
    """

    row: int
    line: int
    key: str
    input_json: Mapping[str, Any]
    cells: Mapping[str, Any]
    fields: Mapping[str, str]
    spares: Mapping[str, str]
    fate: Fate
    content: str = ""

    @property
    def endpoint(self) -> EndpointId:
        """The endpoint that is called."""
        return _parsed(self.fields["endpoint"])


class PlanError(CliError):
    """The plan cannot be written or read. Nothing was sent because of it."""


class PlanFile:
    """One open plan. Methods raise `PlanError` where the disk fails. For one thread."""

    def __init__(self, path: Path = NOWHERE) -> None:
        self.path = path
        self._written = 0
        try:
            if path != NOWHERE:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect("" if path == NOWHERE else str(path), isolation_level=None)
            self._db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA} BEGIN")
        except (sqlite3.Error, OSError) as error:
            raise _failure(error) from error

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._db.close()

    # -- while it is made

    def equal_before(self, text: str) -> int:
        """How many calls with this input came before, which tells equal ones apart."""
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
        told = self._one(
            "INSERT INTO equal VALUES (?, 1) ON CONFLICT DO UPDATE SET seen = seen + 1 RETURNING seen", digest
        )
        return int(told[0]) - 1

    def clash(self, target: str, line: int) -> int | None:
        """The line of another call whose files have this name; None if this is the first."""
        found = self._one("SELECT line FROM targets WHERE target = ?", target)
        if found is None:
            self._run("INSERT INTO targets VALUES (?, ?)", target, line)
        return int(found[0]) if found else None

    def add(self, planned: Planned, place: int) -> None:
        """Writes a call down."""
        plain, files = _without_files(planned.input_json)
        self._run(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            planned.row,
            place,
            planned.line,
            planned.key,
            _text(plain),
            _text(files) if files else "",
            _text(planned.cells),
            _text(planned.fields),
            _text(planned.spares) if planned.spares else "",
            planned.fate,
            planned.content,
        )

    def numbers_of(self, old: Path) -> None:
        """Has the row numbers of an earlier plan at hand."""
        try:
            self._db.execute("COMMIT")
            self._db.execute("ATTACH ? AS old", (f"{old}",))
            self._db.execute("BEGIN")
        except sqlite3.Error as error:
            raise _failure(error) from error

    def number_of(self, key: str) -> int | None:
        """The number that an earlier plan gave to a call."""
        found = self._one("SELECT row FROM old.rows WHERE key = ?", key)
        return int(found[0]) if found else None

    def greatest_before(self) -> int:
        """The greatest number that an earlier plan gave."""
        return int(self._one("SELECT coalesce(max(row), 0) FROM old.rows")[0])

    def keep_gone(self) -> int:
        """Takes over the calls of the earlier plan that the list no longer has; how many there are."""
        self._run(
            "INSERT INTO rows SELECT row, NULL, line, key, input, files, cells, fields, spares, fate, content"
            " FROM old.rows"
            " WHERE key NOT IN (SELECT key FROM rows)"
        )
        return int(self._one("SELECT changes()")[0])

    def finish(self) -> None:
        """Writes out what is left, and drops what only the making needed."""
        for table in ("equal", "targets"):
            self._run(f"DELETE FROM {table}")
        self.flush()

    def flush(self) -> None:
        """Has all on the disk that was written so far."""
        try:
            self._db.execute("COMMIT")
            self._db.execute("BEGIN")
        except sqlite3.Error as error:
            raise _failure(error) from error

    # -- once it is made

    def rows(self, *fates: Fate, is_left_out: Callable[[int], bool] = lambda row: False) -> Iterator[Planned]:
        """The calls in the order of the list, those of these fates; a page of them at a time.

        What `is_left_out`, by its number, is not read.
        """
        place = -1
        wanted = f" AND fate IN ({', '.join('?' * len(fates))})" if fates else ""
        while True:
            page = self._all(
                f"SELECT * FROM rows WHERE place > ?{wanted} ORDER BY place LIMIT {_ROWS_AT_ONCE}", place, *fates
            )
            for found in page:
                place = found[1]
                if not is_left_out(found[0]):
                    yield _planned(found)
            if len(page) < _ROWS_AT_ONCE:
                return

    def columns(self) -> list[str]:
        """The columns of the list, of all its rows, in the order in which they come."""
        return list(dict.fromkeys(name for planned in self.rows() for name in planned.cells))

    def row(self, number: int) -> Planned | None:
        """The call with this number."""
        found = self._one("SELECT * FROM rows WHERE row = ?", number)
        return _planned(found) if found else None

    def lines(self, endpoints: int) -> dict[int, int]:
        """For the number of each call which row of the list it comes of, with its values: one for all endpoints."""
        return dict(self._all("SELECT row, (place - 1) / ? FROM rows WHERE place IS NOT NULL", endpoints))

    def set_fates(self, fates: Iterable[tuple[Fate, int]]) -> None:
        """Writes what became known of rows."""
        try:
            self._db.executemany("UPDATE rows SET fate = ? WHERE row = ?", fates)
        except sqlite3.Error as error:
            raise _failure(error) from error

    def counts(self) -> dict[Fate, int]:
        """How many calls of the list have each fate."""
        found = self._all("SELECT fate, count(*) FROM rows WHERE place IS NOT NULL GROUP BY fate")
        return {Fate(fate): count for fate, count in found}

    def __len__(self) -> int:
        return int(self._one("SELECT count(*) FROM rows WHERE place IS NOT NULL")[0])

    def greatest(self) -> int:
        """The greatest number of a row; 0 where there is none."""
        return int(self._one("SELECT coalesce(max(row), 0) FROM rows")[0])

    def set_fact(self, name: str, value: Any) -> None:
        """Keeps a fact about the batch beside its rows."""
        self._run("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, _text(value))

    def fact(self, name: str, otherwise: Any = None) -> Any:
        """A fact that was kept."""
        found = self._one("SELECT value FROM facts WHERE name = ?", name)
        return json.loads(found[0]) if found else otherwise

    # -- inside

    def _run(self, statement: str, *values: Any) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise _failure(error) from error

    def _one(self, statement: str, *values: Any) -> Any:
        try:
            return self._db.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise _failure(error) from error

    def _all(self, statement: str, *values: Any) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _failure(error) from error


_parsed = lru_cache(maxsize=256)(parse)


def _failure(error: Exception) -> PlanError:
    return PlanError(f"the plan of the batch cannot be saved: {error}", hint="Is the disk full? Nothing was sent.")


def _text(value: Any) -> str:
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _planned(found: tuple[Any, ...]) -> Planned:
    row, _, line, key, input_text, files, cells, fields, spares, fate, content = found
    input_json = json.loads(input_text)
    for steps, path in json.loads(files) if files else ():
        _put(input_json, steps, Attachment(key=str(steps[0]), path=Path(path)))
    kept = json.loads(spares) if spares else {}
    return Planned(row, line, key, input_json, json.loads(cells), json.loads(fields), kept, Fate(fate), content)


def _without_files(input_json: Mapping[str, Any]) -> tuple[Any, list[tuple[list[str | int], str]]]:
    """An input as JSON, and beside it where its files stand: no text of a row can look like one."""
    files: list[tuple[list[str | int], str]] = []

    def plain(value: Any, steps: list[str | int]) -> Any:
        if isinstance(value, Attachment):
            files.append((steps, str(value.path)))
            return None
        if isinstance(value, dict):
            return {key: plain(inner, [*steps, key]) for key, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner, [*steps, place]) for place, inner in enumerate(value)]
        return value

    if not any(isinstance(value, Attachment | list | dict) for value in input_json.values()):
        return input_json, files
    return plain(dict(input_json), []), files


def _put(here: Any, steps: list[str | int], value: Any) -> None:
    for step in steps[:-1]:
        here = here[step]
    here[steps[-1]] = value
