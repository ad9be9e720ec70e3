"""One POST to a receiver on this machine: where it may go, and what comes back."""

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

import h11

_PORTS = {"http": 80, "https": 443}
_LOCALHOST = ("127.0.0.1", "::1")
_PRINTABLE = re.compile(r"[!-~]+")
_READ_BYTES = 64 * 1024
_REST_SECONDS = 1.0

Event = TypeVar("Event", bound=h11.Event)


@dataclass(frozen=True)
class Target:
    """Where a webhook goes; `hosts` are addresses of this machine, tried in turn."""

    hosts: tuple[str, ...]
    port: int
    authority: str
    path: str
    tls: bool


def parse(url: str) -> Target:
    """Where a URL points. Raises ValueError with the reason if a webhook cannot or must not go there."""
    malformed = ValueError(f"expected an absolute http:// or https:// URL, not {url!r}")
    if not _PRINTABLE.fullmatch(url):
        raise malformed
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise malformed from error
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or "@" in parts.netloc:
        raise malformed
    return Target(
        hosts=_addresses(parts),
        port=port or _PORTS[parts.scheme],
        authority=parts.netloc,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        tls=parts.scheme == "https",
    )


async def post(target: Target, headers: Mapping[str, str], body: bytes) -> int:
    """The status of the answer; nothing is followed. Raises OSError, h11.ProtocolError."""
    reader, writer = await _connect(target)
    try:
        connection = h11.Connection(h11.CLIENT)
        own = {
            "Host": target.authority, "User-Agent": "fal-sandbox", "Content-Type": "application/json",
            "Content-Length": str(len(body)), "Connection": "close",
        }  # fmt: skip
        request = h11.Request(method="POST", target=target.path, headers=list({**own, **headers}.items()))
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        await writer.drain()
        response = await _next(connection, reader, h11.Response)
        with suppress(OSError, h11.ProtocolError):  # whatever more it says is heard, but not waited for
            async with asyncio.timeout(_REST_SECONDS):
                await _next(connection, reader, h11.EndOfMessage)
        return response.status_code
    finally:
        writer.close()


async def _connect(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context() if target.tls else None
    name = urlsplit(f"//{target.authority}").hostname if target.tls else None
    for host in target.hosts[:-1]:
        with suppress(ConnectionError):
            return await asyncio.open_connection(host, target.port, ssl=context, server_hostname=name)
    return await asyncio.open_connection(target.hosts[-1], target.port, ssl=context, server_hostname=name)


async def _next(connection: h11.Connection, reader: asyncio.StreamReader, kind: type[Event]) -> Event:
    """The next event of that kind; those before it are passed over."""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, kind):
            return event


def _addresses(parts: SplitResult) -> tuple[str, ...]:
    """The addresses of a host, of which no name server is asked."""
    host = parts.hostname or ""
    if host == "localhost":
        return _LOCALHOST
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        raise ValueError(
            f"the sandbox delivers to this machine only (localhost, 127.0.0.1 or [::1]), not to {host!r}: "
            "nothing offline may leave it"
        )
    return (host,)
