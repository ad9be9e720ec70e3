"""A batch that is there: its open requests stopped, its rows written out, all of it forgotten."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fal_cli.api import queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError
from fal_cli.api.wire import Wire
from fal_cli.batch import manifest, places
from fal_cli.batch.planned import PlanFile, Planned
from fal_cli.calls import refs
from fal_cli.calls.follow import CANCEL_SECONDS
from fal_cli.concurrency import in_parallel
from fal_cli.context import Context
from fal_cli.errors import NotFound, UsageError
from fal_cli.ledger import batches
from fal_cli.ledger.batches import Batch
from fal_cli.ledger.rows import Row

_AT_ONCE = 8
_FACTS = ("row", "state", "endpoint", "request_id", "media", "files", "cost", "currency", "seconds", "error")
"""What an export says about a row; the currency stands apart only in a table."""


def cancel_all(context: Context, batch: Batch) -> None:
    """Asks the service to stop what is open, and says what came of it."""
    rows = [row for row in _open_rows(context, batch) if row.request_id]
    if not rows:
        context.talk.note(f"{batch.name} has no open requests")
        return
    wire = context.wire()
    words = in_parallel([lambda row=row: _cancel(context, wire.twin(), row) for row in rows], _AT_ONCE)  # type: ignore[misc]
    asked = sum(words)
    context.talk.note(f"{asked} of {len(rows)} open requests were asked to stop; those that ran may be billed")


def _cancel(context: Context, wire: Wire, row: Row) -> bool:
    try:
        queue.cancel(wire, refs.of_row(context, row).handle, deadline=Deadline(CANCEL_SECONDS))
    except ApiError:
        return False
    return True


def export_rows(context: Context, batch: Batch, form: str) -> None:
    """Prints every row in the order of the list. Raises `NotFound`."""
    place = places.plan_of(context, batch.number)
    if not place.exists():
        raise NotFound(f"the plan of the batch {batch.name} is not stored here")
    plan = PlanFile(place)
    latest = manifest.Latest(Path(str(batch.facts.get("manifest", ""))), plan.greatest())
    try:
        columns = plan.columns()
        names = _names_beside(columns)
        rows = ({**planned.cells, **_told(planned, latest.of(planned.row), names)} for planned in plan.rows())
        if form == "csv":
            for line in _csv([*columns, *names.values()], (_with_plain_cost(facts, names) for facts in rows)):
                context.output.line(line)
        else:
            for facts in rows:
                context.output.json(facts, one_line=True)
    finally:
        latest.close()
        plan.close()


def _names_beside(columns: Sequence[str]) -> dict[str, str]:
    """The name of each fact about a row; one that the list has as a column is prefixed with `fal_`."""
    taken, names = set(columns), {}
    for fact in _FACTS:
        name = fact
        while name in taken:
            name = f"fal_{name}"
        names[fact] = name
        taken.add(name)
    return names


def _told(planned: Planned, told: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """What became of a row, by these names."""
    facts = {
        "row": planned.row,
        "state": told.get("state", "left"),
        "endpoint": str(planned.endpoint),
        "request_id": told.get("request_id") or None,
        "media": told.get("media") or [],
        "files": told.get("files") or [],
        "cost": told.get("cost"),
        "seconds": told.get("seconds"),
        "error": told.get("error") or None,
    }
    return {names[fact]: value for fact, value in facts.items()}


def _with_plain_cost(facts: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    """The same with the cost as a number, for a table that somebody adds up."""
    cost = facts[names["cost"]]
    if not isinstance(cost, Mapping):
        return facts
    return {**facts, names["cost"]: cost.get("amount"), names["currency"]: cost.get("currency")}


def _csv(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    yield _csv_line(names)
    for facts in rows:
        yield _csv_line([_cell(facts.get(name)) for name in names])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _csv_line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def forget(context: Context, batch: Batch, *, force: bool) -> None:
    """Forgets a batch and its plan. Raises `UsageError` while something of it is open."""
    if not force and _open_rows(context, batch):
        raise UsageError(
            f"{batch.name} has open requests",
            hint=f"To finish it: {context.tool} batch resume {batch.name}. To delete it anyway: --force",
        )
    context.journal.required(lambda ledger: batches.remove(ledger, batch.number))
    places.remove(context, batch.number)


def _open_rows(context: Context, batch: Batch) -> list[Row]:
    return context.journal.required(lambda ledger: ledger.rows("batch = ? AND is_open", (batch.name,), None))
