"""Hold of the connection itself, which ASGI hides: to cut, to reset, to write half a chunk."""

import socket
import struct
from asyncio import BaseTransport, Transport
from typing import Any, cast

from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_STATE_KEY = "transport"
_FRESH_KEY = "fal.fresh"


class Protocol(H11Protocol):
    """uvicorn's HTTP protocol, which also puts its transport into the state of each request's scope."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Called by the event loop for a new connection."""
        self.app_state = {**self.app_state, _STATE_KEY: transport, _FRESH_KEY: [True]}
        super().connection_made(cast("Transport", transport))


def is_first(scope: Scope) -> bool:
    """Whether a request is the first on its connection; asked once of each."""
    fresh: list[bool] = scope["state"].get(_FRESH_KEY, [])
    return bool(fresh) and fresh.pop()


def is_gone(scope: Scope) -> bool:
    """Whether the client has left."""
    return _transport(scope).is_closing()


def write_raw(scope: Scope, data: bytes) -> None:
    """Write bytes past the HTTP layer."""
    _transport(scope).write(data)


async def close(scope: Scope, receive: Receive, *, reset: bool = False) -> None:
    """End the connection after what was written; `reset` drops it at once with a TCP RST.

    Returns when the server has noticed, so that it does not mistake the missing answer for a failure.
    """
    drop(scope, reset=reset)
    while not (await receive())["type"].endswith(".disconnect"):
        pass


def drop(scope: Scope, *, reset: bool = False) -> None:
    """The same without waiting."""
    transport = _transport(scope)
    if reset:
        linger_none = struct.pack("ii", 1, 0)
        _socket(transport).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
        transport.abort()
    else:
        transport.close()


def _transport(scope: Scope) -> Transport:
    return cast("Transport", scope["state"][_STATE_KEY])


def _socket(transport: Transport) -> Any:
    # asyncio answers its own TransportSocket, which the type of get_extra_info does not say.
    return transport.get_extra_info("socket")
