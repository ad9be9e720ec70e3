"""Carrying out an ordered fault around an otherwise ordinary exchange."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fal_cli.sandbox import answers, connection
from fal_cli.sandbox.auth import LOCKED_DETAIL, UNKNOWN_KEY_DETAIL
from fal_cli.sandbox.context import Context
from fal_cli.sandbox.faults import STREAM_WORDS, Fault
from fal_cli.sandbox.planning import ERROR_TYPES
from fal_cli.sandbox.stream import StatusStream

Act = Callable[[], Awaitable[Response]]

_GARBAGE = b'{"status": <garbled by the sandbox'


def pick(context: Context, route: str, scope: str, own: Sequence[Fault] = ()) -> Fault | None:
    """The fault of this exchange, if one is left: the request's own first, then the server's.

    `scope` is what the request's own faults are counted by: its id, or its body's hash before it has one.
    """
    candidates = [(f"request:{scope}:{index}:{fault.text}", fault) for index, fault in enumerate(own)]
    candidates += [(f"server:{context.instance}:{index}", fault) for index, fault in enumerate(context.faults)]
    for counter, fault in candidates:
        if fault.matches(route) and (fault.times is None or context.store.use_fault(counter, fault.times)):
            return fault
    return None


async def perform(fault: Fault | None, route: str, act: Act, *, request_id: str | None = None) -> Response:
    """`act`'s answer as the fault leaves it. `act` is what records a job: some faults never come to it."""
    if fault is None:
        return await act()
    if fault.kind in ("status", "refuse"):
        return _refusal(fault, route, request_id)
    if fault.kind == "html":
        return answers.ingress_page(fault.status)
    if fault.kind in ("cut-before", "reset-before"):
        return Cut(reset=fault.kind == "reset-before")
    if fault.kind == "stall-before":
        await asyncio.sleep(fault.seconds)
        return await act()
    return await _spoil(fault, await act())


async def _spoil(fault: Fault, response: Response) -> Response:
    if isinstance(response, StatusStream):
        if fault.kind in STREAM_WORDS:
            response.fault = fault
            return response
        if fault.kind == "truncate":
            response.fault = replace(fault, kind="cut-after", events=1)
            return response
    elif fault.route == "stream" and fault.kind in STREAM_WORDS:
        return response  # there is no stream to spoil: the request is unknown
    if fault.kind == "stall":
        await asyncio.sleep(fault.seconds)
        return response
    if fault.kind == "truncate":
        return Truncated(response)
    if fault.kind == "garbage":
        return _garbled(response)
    return Cut(reset=fault.kind == "reset-after")


def _garbled(response: Response) -> Response:
    headers = {key: value for key, value in response.headers.items() if key != "content-length"}
    return Response(_GARBAGE, 200, headers)


def _refusal(fault: Fault, route: str, request_id: str | None) -> Response:
    headers = {} if fault.location is None else {"Location": fault.location}
    if fault.retry_after is not None:
        headers["Retry-After"] = _retry_after(fault.retry_after)
    if fault.status == 429:
        headers["X-Fal-Needs-Retry"] = "1"
    if fault.status in (401, 403, 429) or (fault.status < 500 and fault.error_type is None):
        body = _plain_body(fault.status, route)
        return answers.answer(fault.status, body, request_id=request_id, headers=headers)
    error_type = "request_timeout" if fault.user_timeout else fault.error_type
    error_type = error_type or ERROR_TYPES.get(fault.status, "internal_error")
    headers["X-Fal-Error-Type"] = error_type
    if fault.user_timeout:
        headers["X-Fal-Request-Timeout-Type"] = "user"
    body = {"detail": answers.phrase(fault.status), "error_type": error_type}
    return answers.answer(fault.status, body, request_id=request_id, headers=headers)


def _plain_body(status: int, route: str) -> dict[str, object]:
    if status == 401:
        return {"detail": UNKNOWN_KEY_DETAIL}
    if status == 403:
        return {"detail": LOCKED_DETAIL}
    if status == 404 and route in ("status", "stream", "result", "cancel"):
        return {"status": "NOT_FOUND"}
    if status == 429 and route in ("run", "submit"):
        message = "You have reached the maximum number of concurrent requests."
        return {"detail": [{"loc": ["body"], "msg": message, "type": "concurrent_requests_limit"}]}
    return {"detail": answers.phrase(status)}


def _retry_after(text: str) -> str:
    if text.startswith("date+"):
        return answers.http_date(time.time() + float(text.removeprefix("date+")))
    return text


class Cut(Response):
    """No answer at all: the connection ends, or is reset."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to send the response."""
        await connection.close(scope, receive, reset=self.reset)


class Truncated(Response):
    """The true headers and the first half of the body, then the end of the connection."""

    def __init__(self, whole: Response) -> None:
        headers = {key: value for key, value in whole.headers.items() if key != "content-length"}
        super().__init__(bytes(whole.body), whole.status_code, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to send the response."""
        body = bytes(self.body)
        self.headers["content-length"] = str(max(len(body), 1))
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await connection.close(scope, receive)
