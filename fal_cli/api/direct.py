"""The direct call: no queue, no id to come back for (wire §3)."""

from collections.abc import Mapping
from typing import Any

from fal_cli.api import failures, queue, retry
from fal_cli.api.call_options import CallOptions, body_and_query
from fal_cli.api.deadline import Deadline
from fal_cli.api.events import Result
from fal_cli.api.messages import Request, TransportFailure
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire
from fal_cli.endpoint import LocalApp, Target, url_on


def run(
    wire: Wire,
    endpoint: Target,
    input_json: Mapping[str, Any],
    options: CallOptions,
    *,
    deadline: Deadline | None = None,
    exchange: Exchange | None = None,
) -> Result:
    """Calls an endpoint and waits for its answer on the same connection.

    Raises `NotReached` (nothing was sent), `Refused`, `RequestFailed`, or `AnswerLost` (it may have run, and
    nothing can fetch it).
    """
    is_local = isinstance(endpoint, LocalApp)
    body, query = body_and_query(input_json, options)
    url = url_on(wire.hosts.run, endpoint) + (f"?{query}" if query else "")
    request = Request(
        "the call", options.method.upper(), url, options.wire_headers(), body, read_seconds=None, is_large=True
    )
    try:
        answer = wire.send(request, retry.paid(is_local=is_local), deadline=deadline, exchange=exchange)
    except TransportFailure as failure:
        raise failures.of_paid(failure) from failure
    if answer.ok:
        return queue.to_result(answer)
    raise failures.outside_the_queue(answer, is_local=is_local)
