"""What the ledger tells of the requests in it, to people and to programs, and forgetting them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from fal_cli import jsontext
from fal_cli.context import Context
from fal_cli.ledger.rows import Kept, Row, Search, State
from fal_cli.results.money import facts_of

T = TypeVar("T")
SHORTEST_NAME = 8
UNDELIVERED = "undelivered"
_WHY_OPEN = {
    State.SENDING: "it may be on its way to the service",
    State.ACCEPTED: "the service accepted it, and it may still be running",
    State.RUNNING: "it was running when it was last seen",
    State.ENDED: "its result was not fetched",
    State.UNKNOWN: "its answer was lost, and it may be running",
    State.COMPLETED: "its result was not printed or saved",
}


def search(context: Context, wanted: Search) -> Iterator[Row]:
    """The rows that are asked for, newest first. Raises `CliError` where the ledger cannot be read."""
    return context.journal.search(wanted)


def kept_result(context: Context, row: Row) -> Kept | None:
    """The result that is kept of a request. Raises as `search`."""
    return context.journal.required(lambda ledger: ledger.result(row.local_id))


def forget(context: Context, rows: Sequence[Row]) -> None:
    """Removes rows, with what is kept of their results. Raises as `search`."""
    context.journal.required(lambda ledger: ledger.remove([row.local_id for row in rows]))


def short_name(context: Context, row: Row) -> str:
    """What a row may be called on a command line: the shortest beginning of its id that names it alone.

    Not shorter than eight characters, since the ledger grows.
    """
    for length in range(SHORTEST_NAME, len(row.request_id)):
        name = row.request_id[:length]
        if len(context.journal.by_request_id(name)) == 1:
            return name
    return row.name


def state_word(row: Row) -> str:
    """A row's state as people read it: a result that came and was not handed over is not done with."""
    return UNDELIVERED if row.is_open and row.state is State.COMPLETED else row.state.value


def why_open(row: Row) -> str:
    """What is still to be done about a row, as a reason not to forget it."""
    return _WHY_OPEN.get(row.state, "it is not finished")


def facts(row: Row) -> dict[str, Any]:
    """All that is known of a request but its result, for programs; what is not known is null."""
    return {
        "local_id": row.local_id,
        "request_id": row.request_id or None,
        "created_at": _moment(row.created_at),
        "endpoint": row.endpoint,
        "mode": row.mode,
        "state": row.state.value,
        "open": row.is_open,
        "input": row.input_json,
        "input_is_whole": row.input_is_whole,
        "private": row.is_private,
        "profile": row.profile or None,
        "host": row.host,
        "tags": dict(row.tags),
        "error": row.error or None,
        "started_at": _moment(row.started_at),
        "ended_at": _moment(row.ended_at),
        "inference_seconds": row.inference_seconds,
        "billable_units": row.billable_units or None,
        "cost": facts_of(row),
        "reserved": None if row.reserved is None else f"{row.reserved:f}",
        "expires_at": _moment(row.expires_at),
        "files": list(row.files),
        "has_result": row.has_result,
        "batch": row.batch or None,
        "batch_row": row.row_number,
    }


def whole_facts(row: Row, kept: Kept | None) -> dict[str, Any]:
    """The same with the result, the call's options and its URLs."""
    return facts(row) | {
        "options": {name: value for name, value in row.options.items() if name != "tags"},
        "urls": dict(row.urls),
        "result": value_of(kept) if kept else None,
        "result_is_whole": kept.is_whole if kept else None,
        "result_content_type": kept.content_type if kept else None,
    }


def value_of(kept: Kept) -> Any:
    """A result as a JSON value, each number as it came; as text if it is none."""
    value = jsontext.read_exactly(kept.body, jsontext.NOT_JSON)
    return kept.body.decode("utf-8", "replace") if value is jsontext.NOT_JSON else value


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
