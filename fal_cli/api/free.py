"""A free call: asked again as `retry` allows, and either its answer or one error of the family."""

from collections.abc import Callable
from typing import Any

from fal_cli.api import failures, retry
from fal_cli.api.deadline import Deadline
from fal_cli.api.messages import Answer, Policy, Request, TransportFailure
from fal_cli.api.wire import Wire


def exchange(wire: Wire, request: Request, policy: Policy = retry.FREE, *, deadline: Deadline | None = None) -> Answer:
    """The answer, whatever its status. Raises `NotReached`."""
    try:
        return wire.send(request, policy, deadline=deadline)
    except TransportFailure as failure:
        raise failures.unreached(failure) from failure


def answered(wire: Wire, request: Request, policy: Policy = retry.FREE, *, deadline: Deadline | None = None) -> Answer:
    """The answer, which is a 2xx. Raises `NotReached`, `Refused`, `Unavailable`."""
    answer = exchange(wire, request, policy, deadline=deadline)
    if not answer.ok:
        raise failures.free_error(answer)
    return answer


def object_of(
    wire: Wire,
    request: Request,
    policy: Policy = retry.FREE,
    *,
    deadline: Deadline | None = None,
    look: Callable[[Answer], None] = lambda answer: None,
) -> dict[str, Any]:
    """The JSON object of the answer, which `look` sees as a whole.

    A 2xx without one counts as a failure of the service. Raises as `answered`.
    """
    answer = answered(wire, request, policy, deadline=deadline)
    look(answer)
    body = answer.json()
    if isinstance(body, dict):
        return body
    raise failures.unavailable(answer)
