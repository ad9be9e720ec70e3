"""A ready call put into the queue and left there; with `--once` only if no earlier one stands for it."""

from collections.abc import Mapping
from typing import NamedTuple

from fal_cli.api.deadline import Deadline
from fal_cli.calls import admission
from fal_cli.calls.model import Call
from fal_cli.calls.submit import submit
from fal_cli.calls.terms import Terms
from fal_cli.context import Context

URLS = ("status_url", "response_url", "cancel_url")


class Placed(NamedTuple):
    """The request that stands for a call. `adopted`: the answer was cut, and its header id was found running.

    `urls` are those to ask about it; its place in the queue is known of one that was sent now.
    """

    request_id: str
    endpoint: str
    urls: Mapping[str, str]
    position: int | None = None
    adopted: bool = False
    reused: bool = False


def put(context: Context, call: Call, terms: Terms, *, inline: bool) -> Placed:
    """Submits a call, its files uploaded on the way. Raises as `admission.admit`, `once.answer` and `submit`."""
    deadline = Deadline.never()
    if terms.once is not None:
        from fal_cli.calls import once

        found = once.answer(context, call, terms, "queue", deadline)
        if isinstance(found, once.Answered):
            once.tell(context, found)
            return Placed(found.request_id, found.row.endpoint, found.row.urls, reused=True)
        with admission.held(context, found):
            call = admission.ready(context, found, inline=inline, deadline=deadline, reuses=True)
    else:
        call = admission.admit(context, call, terms, "queue", inline=inline, deadline=deadline)
    with admission.held(context, call):
        sent = submit(context, context.wire(), call)
    handle = sent.request.handle
    urls = {name: getattr(handle, name) for name in URLS}
    return Placed(handle.request_id, str(handle.endpoint), urls, sent.position, sent.adopted)
