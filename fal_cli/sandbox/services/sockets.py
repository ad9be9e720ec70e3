"""Sockets beside realtime: a bare one on any path of an app (§7.2), and HTTP inside of one (§7.6).

In reality HTTP inside of a socket is a host of its own, `ws.fal.run`. The sandbox has it where `ws.localhost` is asked
for on the port of the run host, which is what the framework's small client makes of `localhost`; and, for whoever
cannot resolve that name, on the port of the queue, which has no other sockets.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from fal_cli.sandbox.intake import misbehave
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.models import known
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route

MAX_BUFFERING = 60
_WRONG_KIND_CODE = 1003

Serve = Callable[[Request], Awaitable[Response | None]]


async def connect(context: Context, request: HTTPConnection, route: Route) -> Response:
    """A bare socket to an app, without any rules for what is sent; or the refusal of its handshake."""
    assert route.endpoint is not None
    if not known.is_app(route.endpoint.app):
        return answers.unknown_app(route.endpoint.app)
    if not known.is_echo(route.endpoint) or request.url.path.endswith("/"):
        return answers.detail(403, "Forbidden")  # the app has no socket there (§15 #11)
    if not is_buffering(request.query_params.get("max_buffering")):
        return answers.detail(400, f"max_buffering must be 1 to {MAX_BUFFERING}")
    return await _perform(context, Echo)


async def tunnel(context: Context, route: Route, serve: Serve) -> Response:
    """HTTP inside of a socket; `serve` answers each of the requests in it."""
    assert route.endpoint is not None
    if not known.is_app(route.endpoint.app):
        return answers.unknown_app(route.endpoint.app)
    return await _perform(context, lambda request_id: Tunnel(request_id, serve))


async def _perform(context: Context, make: Callable[[str], Response]) -> Response:
    request_id = str(uuid4())

    async def open_socket() -> Response:
        return make(request_id)

    fault = misbehave.pick(context, "ws", request_id)
    return await misbehave.perform(fault, "ws", open_socket, request_id=request_id)


def is_buffering(text: str | None) -> bool:
    """Whether `max_buffering` is absent or one that is allowed (§7.2)."""
    return text is None or (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_BUFFERING)


class Echo(Response):
    """Sends each frame back as it came, until the client leaves."""

    def __init__(self, request_id: str) -> None:
        super().__init__()
        self._request_id = request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to hold the session."""
        await receive()
        await send({"type": "websocket.accept", "headers": [(b"x-fal-request-id", self._request_id.encode())]})
        while (message := await receive())["type"] == "websocket.receive":
            frame = {name: message[name] for name in ("text", "bytes") if message.get(name) is not None}
            await send({"type": "websocket.send", **frame})


class Tunnel(Response):
    """Answers the requests of a socket, one after the other."""

    def __init__(self, request_id: str, serve: Serve) -> None:
        super().__init__()
        self._request_id = request_id
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server to hold the session."""
        await receive()
        await send({"type": "websocket.accept", "headers": [(b"x-fal-request-id", self._request_id.encode())]})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") is None:
                await send({"type": "websocket.close", "code": _WRONG_KIND_CODE})
                return
            await self._answer(scope, send, message["text"].encode())

    async def _answer(self, scope: Scope, send: Send, body: bytes) -> None:
        inner = _scope(scope, body)
        response = await self._serve(Request(inner, _body(body)))
        if response is not None:
            await response(inner, _body(b""), Frames(send).send)


class Frames:
    """An HTTP answer as frames: its head and its end are told in text, and all between is its body."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._began = time.perf_counter()
        self._head: dict[str, Any] = {}
        self._first_byte: float | None = None

    async def send(self, message: Message) -> None:
        """Takes what an answer sends."""
        if message["type"] == "http.response.start":
            await self._start(message)
            return
        body = bytes(message.get("body", b""))
        if body:
            self._first_byte = self._first_byte or time.perf_counter() - self._began
            # Binary, so that a body that looks like a head is none.
            await self._send({"type": "websocket.send", "bytes": body})
        if not message.get("more_body", False):
            waited = self._first_byte or time.perf_counter() - self._began
            await self._tell({**self._head, "type": "end", "time_to_first_byte_seconds": round(waited, 6)})

    async def _start(self, message: Message) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        request_id = headers.get("x-fal-request-id") or str(uuid4())
        self._head = {"request_id": request_id, "status": message["status"]}
        await self._tell({"type": "start", **self._head, "headers": headers})

    async def _tell(self, meta: dict[str, Any]) -> None:
        await self._send({"type": "websocket.send", "text": json.dumps(meta)})


def _scope(scope: Scope, body: bytes) -> Scope:
    """The request that a frame is: a POST to the path of the socket, by whoever opened it."""
    kept = [(name, value) for name, value in scope["headers"] if name in (b"host", b"authorization")]
    headers = [*kept, (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scheme = {"ws": "http", "wss": "https"}[scope["scheme"]]
    return {**scope, "type": "http", "method": "POST", "scheme": scheme, "headers": headers}


def _body(body: bytes) -> Receive:
    """What a handler hears of such a request: its body, and then nothing more."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    return receive
