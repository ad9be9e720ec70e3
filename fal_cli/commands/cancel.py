"""`fal cancel`: ask the service to stop requests."""

from fal_cli.api.events import Handle
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
    from fal_cli import refs as references
    from fal_cli.api import queue
    from fal_cli.ledger import State

    handles = references.resolve(context, refs)
    wire = context.wire()

    def cancel_one(handle: Handle) -> None:
        answer = queue.cancel(wire, handle)
        if answer.word == "OK":
            context.journal.request_ended(handle.request_id, State.CANCELLED)
        context.talk.note(f"{handle.request_id}: {_TOLD.get(answer.word, answer.word)}")

    references.each(context, handles, cancel_one)


VERB = cancel
