"""The ledger's copy of a result where the service no longer has it, or a plain word that it is past its time (§4.7)."""

from datetime import UTC, datetime

from fal_cli.api.body import Body
from fal_cli.api.errors import ApiError, NotReached, Refused
from fal_cli.api.events import Result
from fal_cli.calls.model import Tracked
from fal_cli.context import Context
from fal_cli.errors import NotFound
from fal_cli.ledger.journal import Entry
from fal_cli.ledger.rows import KEPT, Row, State
from fal_cli.results.outcome import Outcome


def instead(context: Context, request: Tracked, error: ApiError) -> Outcome:
    """What is given in place of a result that could not be had.

    The ledger's copy where there is one. Raises `CliError` (code 5) if the result is past its time, else `error`.
    """
    row = request.entry.row()
    if row is not None and row.state is State.COMPLETED and row.has_result and error.status not in (401, 403):
        return _kept(context, request, row, error)
    if row is None or not (isinstance(error, NotReached) or _is_gone(row, error)):
        if row is None or row.state is not State.COMPLETED:  # a known success stays one
            request.entry.failed(error)
        raise error
    if isinstance(error, NotReached):
        raise error
    if row.state is not State.COMPLETED:
        request.entry.ended(State.EXPIRED)
    raise NotFound(
        f"the result of {request.request_id} has expired: the service no longer has it",
        hint=_why(context, row),
    )


def _kept(context: Context, request: Tracked, row: Row, error: ApiError) -> Outcome:
    kept = request.entry.kept()
    if kept is None:
        raise error
    if isinstance(error, NotReached):
        why = "cannot be reached"
    else:
        why = "no longer has this result" if error.status == 404 else f"cannot give this result (HTTP {error.status})"
    cut = "" if kept.is_whole else ", with long data: URIs cut short"
    context.notify.warn(f"the service {why}: this is the copy in your history{cut}")
    result = Result(Body(kept.body), kept.content_type, request.request_id, row.billable_units)
    url = request.handle.response_url
    return Outcome(result, request.endpoint, request.request_id, request.entry, url, row.inference_seconds)


def _is_gone(row: Row, error: ApiError) -> bool:
    """Whether a 404 says that a request which was once there has been dropped."""
    if error.status != 404:
        return False
    end = row.expires_at or row.created_at + KEPT
    # The app's own 404 is an outcome; the queue's, of a request that was seen at its end, says that it was dropped.
    was_there = row.state is State.ENDED and isinstance(error, Refused)
    return was_there or row.state in (State.COMPLETED, State.EXPIRED) or end <= datetime.now(UTC)


def _why(context: Context, row: Row) -> str:
    keeps = "It keeps results for an hour, large ones of private calls for minutes."
    if row.is_private:
        return f"{keeps} The call was private, so no copy is stored here."
    return f"{keeps} To see it: {context.tool} history show {row.name}"


def kept_here(row: Row, entry: Entry) -> Outcome:
    """The result of a call outside the queue, which only the ledger has. Raises `CliError` if it has none."""
    kept = entry.kept()
    if kept is None:
        raise NotFound(f"the result of {row.name} is not stored here")
    result = Result(Body(kept.body), kept.content_type, row.request_id, row.billable_units)
    url = row.urls.get("response_url", "")
    return Outcome(result, row.endpoint, row.request_id or row.name, entry, url, row.inference_seconds)
