"""Carrying out an ordered fault around an otherwise ordinary exchange."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fal_cli.sandbox.intake import account
from fal_cli.sandbox.intake.auth import SCOPE_DETAIL, UNKNOWN_KEY_DETAIL
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.intake import Call
from fal_cli.sandbox.orders.failures import Failure, gateway_type
from fal_cli.sandbox.orders.faults import Fault
from fal_cli.sandbox.orders.words import EVENT_WORDS, PLATFORM_ROUTES, STREAM_WORDS
from fal_cli.sandbox.replies import answers, connection
from fal_cli.sandbox.replies.spoil import Spoilable

Act = Callable[[], Awaitable[Response]]

# Words that mean something to one kind of answer only, and the routes where what comes in can be cut.
_SPECIAL_WORDS = {
    "stream": {*STREAM_WORDS},
    "events": {*EVENT_WORDS},
    "realtime": {"cut-after", "close-after", "silent-after", "unauthorized"},
    "file": {"cut-at"},
}
# Refusals and redirects that are no failures of a request: they have no `error_type` (§8.2).
_UNTYPED = (*range(300, 400), 401, 403, 404, 405, 406, 409, 410, 411, 413, 415, 416, 417, 422)
BODY_ROUTES = ("upload", "part")

_GARBAGE = b'{"status": <garbled by the sandbox'


def pick(context: Context, route: str, scope: str, own: Sequence[Fault] = (), *, number: int = 0) -> Fault | None:
    """The fault of this exchange, if one is left: the request's own first, then the server's.

    `scope` is what the request's own faults are counted by: its id, or its body's hash before it has one.
    `number` is that of a part.
    """
    found = pick_own(context, route, scope, own)
    if found is not None:
        return found
    for index, fault in enumerate(context.faults):
        if fault.locks_account or not fault.matches(route, number):
            continue  # a lock is in force all the time, whatever is asked
        found = _drawn(context, f"server:{context.instance}:{index}", fault)
        if found is not None:
            return found
    return None


def pick_own(context: Context, route: str, scope: str, own: Sequence[Fault]) -> Fault | None:
    """The same of the request's own faults alone. One that locks the account does so."""
    for index, fault in enumerate(own):
        found = _drawn(context, f"request:{scope}:{index}:{fault.text}", fault) if fault.matches(route) else None
        if found is not None:
            if found.locks_account:
                context.store.lock(found.lock, time.time() + found.seconds)
            return found
    return None


def _drawn(context: Context, counter: str, fault: Fault) -> Fault | None:
    """The fault if it is to happen now, as often as it may and beyond its rate; with the time until the next call."""
    if fault.rate:
        # The bucket is the account's, whichever process asks.
        wait = context.store.take_token(f"bucket:{fault.text}", fault.rate, fault.burst, time.time())
        if not wait:
            return None
        fault = replace(fault, seconds=wait)
    is_left = fault.times is None or context.store.use_fault(counter, fault.times)
    return fault if is_left else None


def leave_to_app(call: Call, fault: Fault | None) -> tuple[Call, Fault | None]:
    """The call and its fault, or where the fault is an answer of the app's own the call that ends in it."""
    if fault is None or fault.kind != "app":
        return call, fault
    return replace(call, orders=replace(call.orders, fail=Failure(fault.status))), None


async def perform(fault: Fault | None, route: str, act: Act, *, request_id: str | None = None) -> Response:
    """`act`'s answer as the fault leaves it. `act` is what records a job: some faults never come to it."""
    if fault is None:
        return await act()
    if fault.kind in ("status", "refuse"):
        return _refusal(fault, route, request_id)
    if fault.kind == "html":
        return answers.ingress_page(fault.status)
    if fault.kind == "locked":
        return account.locked(fault.lock)
    if fault.kind == "denied":
        return account.denied(route)
    if fault.kind in ("cut-before", "reset-before"):
        return Cut(reset=fault.kind == "reset-before")
    if fault.kind == "stall-before":
        await asyncio.sleep(fault.seconds)
        return await act()
    if fault.kind == "expires":
        return await act()  # what it says is short-lived, not broken
    if fault.kind == "cut-at" and route in BODY_ROUTES:
        return CutBody(fault.count)
    return await _spoil(fault, await act())


async def _spoil(fault: Fault, response: Response) -> Response:
    if isinstance(response, Spoilable) and response.take(fault):
        return response
    if fault.kind in _SPECIAL_WORDS.get(fault.route, ()):
        return response  # there is nothing to spoil: the request is unknown, or refused
    if fault.kind == "stall":
        await asyncio.sleep(fault.seconds)
        return response
    if fault.kind == "truncate":
        return Truncated(response)
    if isinstance(response, Spoilable):
        response.lose()
    if fault.kind == "garbage":
        return _garbled(response)
    return Cut(reset=fault.kind == "reset-after")


def _garbled(response: Response) -> Response:
    headers = {key: value for key, value in response.headers.items() if key != "content-length"}
    return Response(_GARBAGE, 200, headers)


def _refusal(fault: Fault, route: str, request_id: str | None) -> Response:
    headers = {} if fault.location is None else {"Location": fault.location}
    if fault.retry_after is not None:
        headers["Retry-After"] = _retry_after(fault)
    if fault.reset is not None:
        headers["x-ratelimit-remaining"] = "0"
        headers["x-ratelimit-reset"] = _next(fault) if fault.reset == "next" else fault.reset
    if route in PLATFORM_ROUTES:
        return answers.problem(fault.status, _problem_text(fault.status), kind=fault.error_type, headers=headers)
    if fault.error_type is None and not fault.user_timeout and fault.status in _UNTYPED:
        body = _plain_body(fault.status, route)
        return answers.answer(fault.status, body, request_id=request_id, headers=headers)
    if fault.status == 429:
        headers["X-Fal-Needs-Retry"] = "1"
    if fault.user_timeout:
        headers["X-Fal-Request-Timeout-Type"] = "user"
    error_type = fault.error_type or ("request_timeout" if fault.user_timeout else gateway_type(fault.status))
    headers["X-Fal-Error-Type"] = error_type
    body = answers.gateway_body(fault.status, error_type)
    return answers.answer(fault.status, body, request_id=request_id, headers=headers)


def _plain_body(status: int, route: str) -> dict[str, object]:
    if status == 401:
        return {"detail": UNKNOWN_KEY_DETAIL}
    if status == 403:
        return {"detail": account.LOCK_DETAILS["balance"]}
    if status == 404 and route in ("status", "stream", "result", "cancel"):
        return {"status": "NOT_FOUND"}
    return {"detail": answers.phrase(status)}


def _problem_text(status: int) -> str:
    return {401: UNKNOWN_KEY_DETAIL, 403: SCOPE_DETAIL}.get(status) or answers.phrase(status)


def _retry_after(fault: Fault) -> str:
    text = fault.retry_after or ""
    if text.startswith("date+"):
        return answers.http_date(time.time() + float(text.removeprefix("date+")))
    return _next(fault) if text == "next" else text


def _next(fault: Fault) -> str:
    """In how many whole seconds the next call is let through."""
    return str(max(1, math.ceil(fault.seconds)))


class Cut(Response):
    """No answer at all: the connection ends, or is reset."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to send the response."""
        await connection.close(scope, receive, reset=self.reset)


class CutBody(Response):
    """No answer either: the connection ends when so many bytes of the request's body have come."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to send the response."""
        seen, more = 0, True
        while more and seen < self.count:
            message = await receive()
            seen += len(message.get("body", b""))
            more = message.get("more_body", False)
        await connection.close(scope, receive, reset=True)


class Truncated(Response):
    """The true headers and the first half of the body, then the end of the connection."""

    def __init__(self, whole: Response) -> None:
        headers = {key: value for key, value in whole.headers.items() if key != "content-length"}
        super().__init__(bytes(whole.body), whole.status_code, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to send the response."""
        if scope["type"] == "websocket":  # a refused handshake cannot be cut in half
            await connection.close(scope, receive)
            return
        body = bytes(self.body)
        self.headers["content-length"] = str(max(len(body), 1))
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await connection.close(scope, receive)
