"""A ready call put into the queue and left there; with `--once` only if no earlier one stands for it."""

from typing import NamedTuple

from fal_cli.api.deadline import Deadline
from fal_cli.calls import admission
from fal_cli.calls.model import Call
from fal_cli.calls.submit import submit
from fal_cli.calls.terms import Terms
from fal_cli.context import Context


class Placed(NamedTuple):
    """The request that stands for a call. `adopted`: the answer was cut, and its header id was found running.

    `position` is its place in the line, where it was told. `is_reused`: an earlier call stands for this one.
    """

    request_id: str
    response_url: str
    adopted: bool = False
    position: int | None = None
    is_reused: bool = False


def put(context: Context, call: Call, terms: Terms, *, inline: bool) -> Placed:
    """Submits a call, its files uploaded on the way. Raises as `admission.admit`, `once.answer` and `submit`."""
    deadline = Deadline.never()
    if terms.once is not None:
        from fal_cli.calls import once

        found = once.answer(context, call, terms, "queue", deadline)
        if isinstance(found, once.Answered):
            once.tell(context, found)
            return Placed(found.request_id, found.row.urls.get("response_url", ""), is_reused=True)
        with admission.held(context, found):
            call = admission.ready(context, found, inline=inline, deadline=deadline, reuses=True)
    else:
        call = admission.admit(context, call, terms, "queue", inline=inline, deadline=deadline)
    with admission.held(context, call):
        sent = submit(context, context.wire(), call)
    return Placed(sent.request.request_id, sent.request.handle.response_url, sent.adopted, sent.position)
