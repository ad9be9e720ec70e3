"""`fal cancel`: ask the service to stop requests."""

from fal_cli.calls.model import Tracked
from fal_cli.context import Context
from fal_cli.options import Refs

EXAMPLES = """\
  fal cancel $id
  fal cancel last"""


def cancel(context: Context, refs: Refs) -> None:
    """Ask the service to stop requests.

    A queued request is removed. A running one is asked to stop; it may still finish and be billed. A completed one
    stays as it is, which is not a failure.
    """
    from fal_cli.calls import cancelling
    from fal_cli.calls import refs as references

    told = {
        cancelling.CANCELLED: "cancelled",
        cancelling.ASKED: "asked to stop; it may still finish and be billed",
        cancelling.TOO_LATE: "already completed, nothing to cancel",
        cancelling.ALREADY: "already cancelled",
    }
    outcomes = {
        cancelling.CANCELLED: "cancelled",
        cancelling.ASKED: "asked",
        cancelling.TOO_LATE: "too_late",
        cancelling.ALREADY: "already_cancelled",
    }
    requests = references.resolve(context, refs)

    def cancel_one(request: Tracked) -> None:
        word = cancelling.cancel(context.wire(account=request.account), request)
        context.talk.note(f"{request.request_id}: {told[word]}")
        if context.output.machine:
            context.output.json({"request_id": request.request_id, "outcome": outcomes[word]})

    references.each(context, requests, cancel_one)


VERB = cancel
