"""Cancelling a request, and finding out what came of it where the answer does not tell."""

from fal_cli.api import queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.events import Completed
from fal_cli.api.wire import Wire
from fal_cli.calls.model import Tracked
from fal_cli.errors import CliError
from fal_cli.ledger.rows import State

_CANCELLED_TYPE = "client_cancelled"
CANCELLED, ASKED, TOO_LATE = "OK", "CANCELLATION_REQUESTED", "ALREADY_COMPLETED"


def cancel(wire: Wire, request: Tracked, deadline: Deadline | None = None) -> str:
    """Asks the service to stop a request, and returns what came of it: `CANCELLED`, `ASKED` or `TOO_LATE`.

    An answer without meaning, and one that may be about our own earlier try, are checked with the status. Raises as
    `queue.cancel`, and `CliError` where the request goes on as if nothing had been asked.
    """
    word = queue.cancel(wire, request.handle, deadline=deadline).word
    if word not in (CANCELLED, ASKED):
        word = _seen(wire, request, word)
    if word == CANCELLED:
        request.entry.ended(State.CANCELLED)
    return word


def _seen(wire: Wire, request: Tracked, word: str) -> str:
    """What the request's own status says of a cancel that was answered with `word`."""
    status = queue.status(wire, request.handle)
    if isinstance(status, Completed):
        return CANCELLED if status.error_type == _CANCELLED_TYPE else TOO_LATE
    detail = f"with {word}" if word else "without saying why"
    raise CliError(f"the service answered the cancel {detail}, and the request goes on ({status.word})")
