"""`--from REF`: the result of an earlier request as the JSON that `{{expressions}}` look into."""

from typing import Any

from fal_cli.api.errors import NotReady
from fal_cli.calls import follow, refs
from fal_cli.calls.model import Tracked
from fal_cli.context import Context
from fal_cli.errors import NotFinished, NotFound, UsageError
from fal_cli.inputs import documents
from fal_cli.inputs.expressions import Source
from fal_cli.ledger.rows import Kept, Row


def source(context: Context, ref: str) -> Source:
    """The result of the request that `ref` names, fetched for the first expression.

    Reading it raises as `refs.calls` and `follow.fetch`, and `CliError` (code 8) while it is not there yet.
    """
    return Source(f"the result of {ref}", lambda item: _result(context, ref))


def _result(context: Context, ref: str) -> Any:
    (found,) = refs.calls(context, [ref])
    if isinstance(found, Row) and refs.is_in_queue(found):
        found = refs.of_row(context, found)
    data = _fetched(context, found) if isinstance(found, Tracked) else _remembered(context, found)
    return documents.loads(data, f"the result of {ref}")


def _fetched(context: Context, request: Tracked) -> bytes:
    try:
        data = follow.fetch(context, request).result.body.read()
    except NotReady as error:
        raise NotFinished(
            f"request {request.request_id} is not finished, so it has no result yet",
            hint=f"Wait for it: {context.tool} wait {error.request_id}",
            next=("wait", request.request_id),
        ) from None
    context.standing.accepted_id = ""  # it is not this command's request: what fails from here on was not paid for
    kept = request.entry.kept()
    if kept is not None and kept.body == data:
        _refuse_shortened(request.request_id, kept)
    return data


def _remembered(context: Context, row: Row) -> bytes:
    """The stored result of a call that the service cannot look up."""
    kept = context.journal.entry(row).kept()
    if kept is None:
        raise NotFound(
            f"no result of {row.name} is stored that values could be read from",
            hint=f"To see it: {context.tool} history show {row.name}",
            next=("history", "show", row.name),
        )
    _refuse_shortened(row.name, kept)
    return kept.body


def _refuse_shortened(name: str, kept: Kept) -> None:
    if not kept.is_whole:
        raise UsageError(f"only a shortened copy of the result of {name} is left: its data: URIs were cut")
