"""The body of a webhook: how a request ended, as the service tells it (wire §10.2)."""

import json
from dataclasses import dataclass
from typing import Any

from fal_cli import jsontext
from fal_cli.api import free, retry
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import RequestFailed
from fal_cli.api.messages import Request
from fal_cli.calls.follow import fetch, wait_for
from fal_cli.calls.model import Ending, Tracked
from fal_cli.context import Context

# The service's own words for an output that cannot be put into JSON.
NO_JSON = (
    "Response payload is not JSON serializable. Either return a JSON serializable object or use the queue endpoint "
    "to retrieve the response."
)


@dataclass(frozen=True)
class Ended:
    """How a request ended: what its result route answers. `status` is None for a success."""

    request_id: str
    output: bytes
    status: int | None = None

    @property
    def word(self) -> str:
        return "OK" if self.status is None else "ERROR"

    def body(self) -> bytes:
        """The JSON that is delivered. The output stands in it as the bytes that it is: no number changes its form.

        Its keys are in the service's observed order; `error` is null on success.
        """
        payload = _payload(self.output)
        fields: dict[str, str] = {
            "error": _json(None if self.status is None else f"Invalid status code: {self.status}"),
            "gateway_request_id": _json(self.request_id),
            "payload": payload or "null",
            "payload_error": _json(NO_JSON) if payload is None else "",
            "request_id": _json(self.request_id),
            "status": _json(self.word),
        }
        text = ", ".join(f'"{name}": {value}' for name, value in fields.items() if value)
        return f"{{{text}}}".encode()


def ended(context: Context, request: Tracked, *, wait: bool, timeout: float | None) -> Ended:
    """How a request ended; with `wait` when it has. Raises as `follow.fetch` but for a request that failed."""
    try:
        outcome = wait_for(context, request, Ending(Deadline(timeout)), logs=False) if wait else fetch(context, request)
    except RequestFailed as error:
        status = error.status or 500
        return Ended(request.request_id, _error_body(context, request, error), status)
    return Ended(request.request_id, outcome.result.body.read())


def _error_body(context: Context, request: Tracked, error: RequestFailed) -> bytes:
    """The stored error once more, since the exception holds only what was read out of it."""
    wire = context.wire(account=request.account)
    answer = free.exchange(wire, Request("the result", "GET", request.handle.response_url), retry.STORED_OUTCOME)
    return answer.body if answer.status == error.status else _json({"detail": error.message}).encode()


def _payload(output: bytes) -> str | None:
    """The output as JSON text, None if it is not strict JSON."""
    try:
        text = output.decode("utf-8-sig").strip()
    except ValueError:
        return None
    return None if jsontext.read_strictly(text, jsontext.NOT_JSON) is jsontext.NOT_JSON else text


def _json(value: Any) -> str:
    return json.dumps(value)
