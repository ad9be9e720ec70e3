"""The direct call: no queue, no id to come back for (wire §3)."""

from collections.abc import Mapping
from typing import Any

from fal_cli.api import failures, queue
from fal_cli.api.call_options import CallOptions, body_and_query
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError
from fal_cli.api.events import Result
from fal_cli.api.messages import Answer, Outcome, Policy, Request, TransportFailure
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire
from fal_cli.endpoint import Target, url_on

# No runner had the work when the gateway says one of these, and a 5xx is not billed (§8.2, §9.3).
_NEVER_STARTED = (
    "runner_scheduling_failure",
    "startup_timeout",
    "runner_connection_timeout",
    "runner_connection_refused",
)
_NEVER_STARTED_RETRIES = 2


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
    body, query = body_and_query(input_json, options)
    url = url_on(wire.hosts.run, endpoint) + (f"?{query}" if query else "")
    request = Request(
        "the call", options.method.upper(), url, options.wire_headers(), body, read_seconds=None, is_large=True
    )
    try:
        answer = wire.send(request, PAID, deadline=deadline, exchange=exchange)
    except TransportFailure as failure:
        if failures.is_delivered(failure):
            raise failures.lost(failure) from failure
        raise failures.unsent(failure) from failure
    if answer.ok:
        return queue.to_result(answer)
    raise error_of(answer)


def _retries(outcome: Outcome) -> int:
    if isinstance(outcome, Answer) and outcome.status >= 500 and not outcome.missed_start_deadline:
        return _NEVER_STARTED_RETRIES if _error_type(outcome) in _NEVER_STARTED else 0
    return queue.unsent_retries(outcome)


def _error_type(answer: Answer) -> str:
    body = answer.json()
    in_body = body.get("error_type") if isinstance(body, dict) else None
    return str(in_body or answer.headers.get("x-fal-error-type", ""))


def error_of(answer: Answer) -> ApiError:
    """What an answer that is no success means for a call outside the queue (§9.3)."""
    if answer.status < 500 and answer.status != 408:
        return failures.refused(answer)
    return failures.failed(answer) if answer.from_service else failures.lost(answer)


PAID = Policy(_retries, fresh_connection=True)
