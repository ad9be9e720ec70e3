"""Cancelling a request, and finding out what came of it where the answer does not tell."""

from fal_cli.api import queue
from fal_cli.api.deadline import Deadline
from fal_cli.api.events import Cancelled, Completed
from fal_cli.api.wire import Wire
from fal_cli.calls.model import Tracked
from fal_cli.errors import CliError
from fal_cli.ledger.rows import State

_CANCELLED_TYPE = "client_cancelled"
CANCELLED, ASKED, TOO_LATE = "OK", "CANCELLATION_REQUESTED", "ALREADY_COMPLETED"
ALREADY = "ALREADY_CANCELLED"
"""No word of the service's: an earlier cancel did it."""


def cancel(wire: Wire, request: Tracked, deadline: Deadline | None = None) -> str:
    """Asks the service to stop a request, and returns what came of it: `CANCELLED`, `ASKED`, `TOO_LATE` or `ALREADY`.

    An answer without meaning, and one that may be about our own earlier try, are checked with the status. Raises as
    `queue.cancel`, and `CliError` where the request goes on as if nothing had been asked.
    """
    answer = queue.cancel(wire, request.handle, deadline=deadline)
    word = answer.word
    if word not in (CANCELLED, ASKED):
        word = _seen(wire, request, answer)
    if word in (CANCELLED, ALREADY):
        request.entry.ended(State.CANCELLED)
    return word


def _seen(wire: Wire, request: Tracked, answer: Cancelled) -> str:
    """What the request's own status says of a cancel that was answered so."""
    word, status = answer.word, queue.status(wire, request.handle)
    if isinstance(status, Completed):
        if status.error_type != _CANCELLED_TYPE:
            return TOO_LATE
        return ALREADY if word == TOO_LATE and not answer.is_repeated else CANCELLED
    detail = f"with {word}" if word else "without saying why"
    raise CliError(f"the service answered the cancel {detail}, and the request goes on ({status.word})")
