"""What the ledger says of a request. Plain values; how they are stored is in `store`."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from fal_cli import jsontext
from fal_cli.api.body import Body

if TYPE_CHECKING:
    from decimal import Decimal

_NOTHING: Mapping[str, Any] = MappingProxyType({})

STORED_INPUT_BYTES = 64 * 1024
STORED_RESULT_BYTES = 1024 * 1024
PARSED_RESULT_BYTES = 4 * STORED_RESULT_BYTES  # beyond this a result is not looked into for what could be shortened
KEPT = timedelta(hours=1)
KEPT_LARGE = timedelta(minutes=6)
LARGE_BYTES = 10 * 1024
_SHORT_DATA_URI = 64


class State(StrEnum):
    """What is known of a row's request."""

    SENDING = "sending"  # written before the call; still there after a crash
    ACCEPTED = "accepted"
    RUNNING = "running"
    ENDED = "ended"  # the service has its result, and we have not
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"  # sent, and the answer was lost
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # the service no longer has the result, and we never had it


class Mark(StrEnum):
    """How far a row that says `sending` has come; a row of an earlier version has none, and may have left."""

    CLAIMED = "claimed"  # nothing has left: its process is still at the files, or was ended there
    SENDING = "sending"  # bytes may leave


class Call(NamedTuple):
    """A call about to be sent. `mode` is `queue`, `direct`, `stream` or `realtime`.

    `key_print` tells keys apart without being one. `options` are the call's own, for sending it again. `replaces` is
    the row of a call whose answer was lost, which this one is sent for. `once_key` is what the call is known by in
    its `scope`, `content_key` the same for any scope, `like_key` what it has in common with calls that cost the same;
    "" for a private one (see `identity`). `batch` and `row_number`
    are those of a call that is one of many. `awaits_files`: files stand in its input that are not uploaded yet.
    `hide` takes the secrets of this run out of what is kept of the input.
    """

    endpoint: str
    input_json: Mapping[str, Any]
    mode: str = "queue"
    host: str = ""
    profile: str = ""
    key_print: str = ""
    options: Mapping[str, Any] = _NOTHING
    is_private: bool = False
    replaces: int | None = None
    once_key: str = ""
    content_key: str = ""
    like_key: str = ""
    scope: str = ""
    batch: str = ""
    row_number: int | None = None
    awaits_files: bool = False
    hide: Callable[[str], str] = str


class Kept(NamedTuple):
    """A result as the ledger keeps it; not `is_whole` if `data:` URIs were shortened."""

    body: bytes
    content_type: str
    is_whole: bool


class Search(NamedTuple):
    """Which rows are asked for; of `states` and `only_open` it is enough that a row fits one.

    `text` is looked for in input, endpoint, id and error. `only_single` leaves out what is of a batch.
    """

    states: tuple[str, ...] = ()
    endpoint: str = ""
    since: datetime | None = None
    before: datetime | None = None
    text: str = ""
    only_private: bool = False
    only_open: bool = False
    batch: str = ""
    only_single: bool = False
    limit: int | None = None


class Row(NamedTuple):
    """One request as recorded. Moments are UTC; `expires_at` is until when the service keeps the result at least.

    `input_json` is None where it was not kept; `input_is_whole` says whether it can be sent again. `is_open`:
    something is still to be done about it. `clock_skew` is by how many seconds the service's clock was ahead of the
    one that `left_at` was read from, if that was known. `replaced_by` is the row of the call that was sent in place
    of this one, whose answer was lost. `mark` says of one that is being sent whether anything may have left, `sent_at`
    when. `reserved` is what it was expected to cost, `cost` what it did, both in `currency`; None where that is not
    known. `failure` are the facts of an error that it ended with. `file_hashes` are SHA-256 of the files that were
    saved, by which they are known again under any name. `began` is when
    the process `pid` began, `taken_by` the process that picked it up last, both as `processes` has it.
    """

    local_id: int
    created_at: datetime
    updated_at: datetime
    endpoint: str
    state: State
    mode: str
    request_id: str
    host: str
    profile: str
    key_print: str
    urls: Mapping[str, str]
    input_json: Mapping[str, Any] | None
    input_is_whole: bool
    input_sha256: str
    options: Mapping[str, Any]
    is_private: bool
    is_open: bool
    pid: int
    error: str
    started_at: datetime | None
    ended_at: datetime | None
    inference_seconds: float | None
    billable_units: str
    expires_at: datetime | None
    files: tuple[str, ...]
    has_result: bool
    clock_skew: float | None = None
    replaced_by: int | None = None
    once_key: str = ""
    content_key: str = ""
    scope: str = ""
    mark: Mark | None = None
    sent_at: datetime | None = None
    reserved: "Decimal | None" = None
    cost: "Decimal | None" = None
    currency: str = ""
    cost_source: str = ""
    failure: Mapping[str, Any] = _NOTHING
    batch: str = ""
    row_number: int | None = None
    taken_by: str = ""
    began: str = ""
    file_hashes: tuple[str, ...] = ()

    @property
    def left_at(self) -> datetime:
        """When it left, or else was written down."""
        return self.sent_at or self.created_at

    @property
    def name(self) -> str:
        """What the row is called on a command line: its request id, or `@` and its number."""
        return self.request_id or f"@{self.local_id}"

    @property
    def took(self) -> float | None:
        """Seconds that the work took, as the service measured them, or else as they were seen from here."""
        if self.inference_seconds is not None:
            return self.inference_seconds
        if self.ended_at is None or self.started_at is None or self.ended_at < self.started_at:
            return None  # a clock that went back tells nothing
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def tags(self) -> Mapping[str, str]:
        found = self.options.get("tags")
        return found if isinstance(found, dict) else {}


def kept_until(ended_at: datetime, *, size: int | None, is_private: bool) -> datetime:
    """Until when the service keeps a result at least (§4.7).

    It stores payloads for up to 30 days unless told not to; what is promised is an hour, and six minutes for a
    large one that is not stored. `size` in bytes, None if it is not known yet.
    """
    is_small = size is not None and size < LARGE_BYTES
    return ended_at + (KEPT if is_small or not is_private else KEPT_LARGE)


def fingerprint(input_json: Mapping[str, Any]) -> str:
    """SHA-256 of an input, the same for any order of its keys."""
    text = json.dumps(input_json, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def stored_input(input_json: Mapping[str, Any], hide: Callable[[str], str] = str) -> tuple[str | None, bool]:
    """The input as the ledger keeps it, None if it is too long or nested too deeply, and whether it is whole.

    `hide` takes secrets out of it: somebody types the key where a prompt belongs.
    """
    try:
        short = _shortened(input_json)
        text = json.dumps(short, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return None, False
    if len(text.encode("utf-8", "surrogatepass")) > STORED_INPUT_BYTES:
        return None, False
    hidden = hide(text)
    return hidden, short == input_json and hidden == text


def stored_result(body: Body, content_type: str) -> Kept | None:
    """A result as the ledger keeps it: its own bytes, or with its `data:` URIs shortened; None if it is too long."""
    if len(body) > PARSED_RESULT_BYTES:
        return None
    data = body.read()
    if b"data:" in data and "json" in content_type.lower():
        value = jsontext.read(data, jsontext.NOT_JSON)
        if value is jsontext.NOT_JSON:
            return None
        short = _shortened(value)
        if short != value:
            data = json.dumps(short, ensure_ascii=False).encode("utf-8", "surrogatepass")
            return Kept(data, content_type, False) if len(data) <= STORED_RESULT_BYTES else None
    return Kept(data, content_type, True) if len(data) <= STORED_RESULT_BYTES else None


def row_from(record: sqlite3.Row) -> Row:
    """A row of the table as values. Raises `ValueError`, `TypeError` for what this program never wrote."""
    # Not `record[name]`: a `sqlite3.Row` compares all its names each time.
    found = dict(zip(record.keys(), record, strict=True))
    return Row(
        local_id=found["local_id"],
        created_at=datetime.fromisoformat(found["created_at"]),
        updated_at=datetime.fromisoformat(found["updated_at"]),
        endpoint=found["endpoint"],
        state=State(found["state"]),
        mode=found["mode"],
        request_id=found["request_id"] or "",
        host=found["host"],
        profile=found["profile"],
        key_print=found["key_print"],
        urls=_object(found["urls"]) or {},
        input_json=_object(found["input"]),
        input_is_whole=bool(found["input_is_whole"]),
        input_sha256=found["input_sha256"],
        options=_object(found["options"]) or {},
        is_private=bool(found["is_private"]),
        is_open=bool(found["is_open"]),
        pid=int(found["pid"]),
        error=found["error"] or "",
        started_at=_moment(found["started_at"]),
        ended_at=_moment(found["ended_at"]),
        inference_seconds=_number(found["inference_seconds"]),
        billable_units=found["billable_units"],
        expires_at=_moment(found["expires_at"]),
        files=texts(found["files"]),
        has_result=bool(found["has_result"]),
        clock_skew=_number(found["clock_skew"]),
        replaced_by=found["replaced_by"],
        once_key=found["once_key"] or "",
        content_key=found["content_key"] or "",
        scope=found["scope"] or "",
        mark=Mark(found["mark"]) if found["mark"] else None,
        sent_at=_moment(found["sent_at"]),
        reserved=_decimal(found["reserved"]),
        cost=_decimal(found["cost"]),
        currency=found["currency"] or "",
        cost_source=found["cost_source"] or "",
        failure=_object(found["failure"]) or {},
        batch=found["batch"] or "",
        row_number=found["row_number"],
        taken_by=found["taken_by"] or "",
        began=found["began"] or "",
        file_hashes=texts(found["file_hashes"]),
    )


def _decimal(text: str | None) -> "Decimal | None":
    if text is None:
        return None
    from decimal import Decimal

    try:
        number = Decimal(text)
    except ArithmeticError:
        raise ValueError(f"{text!r} is not an amount") from None
    if not number.is_finite():
        raise ValueError(f"{text!r} is not an amount")
    return number


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]  # what is not a number raises


def _object(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    if text == "{}":  # most are, and a batch reads many
        return {}
    value = json.loads(text)
    return value if isinstance(value, dict) else None


def texts(text: str) -> tuple[str, ...]:
    """A list of texts as a cell holds it."""
    return () if text == "[]" else tuple(map(str, json.loads(text)))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _shortened(value: Any) -> Any:
    """A value without the files in it: the ledger is not a file store."""
    from fal_cli.media import without_data  # not for the many that only read the ledger

    return without_data(value, longer_than=_SHORT_DATA_URI, shown=_SHORT_DATA_URI)
