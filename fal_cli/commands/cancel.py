"""`fal cancel`: ask the service to stop requests."""

from fal_cli.calls.model import Tracked
from fal_cli.context import Context
from fal_cli.options import Refs

EXAMPLES = """\
  fal cancel $id
  fal cancel last"""

_TOLD = {
    "OK": "cancelled",
    "CANCELLATION_REQUESTED": "asked to stop; it may still finish and be billed",
    "ALREADY_COMPLETED": "already completed, nothing to cancel",
}


def cancel(context: Context, refs: Refs) -> None:
    """Ask the service to stop requests.

    One that waits in the queue is removed. One that runs is asked to stop and may still finish and be
    billed. One that has completed is left as it is; that is no failure.
    """
    from fal_cli.api import queue
    from fal_cli.calls import refs as references
    from fal_cli.ledger.rows import State

    requests = references.resolve(context, refs)

    def cancel_one(request: Tracked) -> None:
        answer = queue.cancel(context.wire(account=request.account), request.handle)
        if answer.word == "OK":
            request.entry.ended(State.CANCELLED)
        context.talk.note(f"{request.request_id}: {_TOLD.get(answer.word, answer.word)}")

    references.each(context, requests, cancel_one)


VERB = cancel
