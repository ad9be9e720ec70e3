"""Delivering a webhook to a receiver, once, as the service's first delivery does (wire §10.1)."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3

from fal_cli.api.errors import Phase
from fal_cli.api.messages import Request, TransportFailure
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire
from fal_cli.errors import CliError, NetworkFailure, UsageError
from fal_cli.urls import origin

ACKNOWLEDGE_SECONDS = 15.0
_READ_OF_ANSWER = 2048
_SHOWN_OF_ANSWER = 200
_HINT = "To acknowledge a webhook, answer with any 2xx within 15 s. The service delivers it again otherwise."


@dataclass(frozen=True)
class Answered:
    """What a receiver answered: its status line, where it redirects to, and the first words of its body."""

    status: int
    line: str
    location: str
    words: str
    seconds: float


def check_url(url: str) -> None:
    """Raises `UsageError` for what nothing can be delivered to."""
    scheme, host, _ = origin(url)
    if scheme not in ("http", "https") or not host:
        raise UsageError(f"--to takes an http:// or https:// URL, not {url!r}")


def deliver(wire: Wire, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
    """POSTs a webhook and returns the answer that acknowledges it. No key goes along.

    Raises `CliError`: code 6 if the receiver was not reached, 1 for any other answer than a 2xx, or none in time.
    """
    request = Request("the webhook", "POST", url, headers, body, read_seconds=ACKNOWLEDGE_SECONDS, authorization="")
    exchange, started = Exchange(), time.monotonic()
    try:
        with _cut_after(ACKNOWLEDGE_SECONDS, exchange), wire.open(request, exchange) as response:
            answered = _answered(response, time.monotonic() - started)
    except TransportFailure as failure:
        raise _unacknowledged(failure, exchange, time.monotonic() - started) from None
    if 200 <= answered.status < 300:
        return answered
    raise CliError(f"the receiver did not acknowledge: {_described(answered)}", hint=_HINT)


def raw_request(url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """The request as it goes over the wire, as far as it is about the webhook."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    own = {"Host": parts.netloc.rpartition("@")[2], "Content-Type": "application/json", "Content-Length": len(body)}
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in {**own, **headers}.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def _cut_after(seconds: float, exchange: Exchange) -> Iterator[None]:
    """Ends an exchange that takes longer in all; a socket's own timeout begins anew with every byte."""
    timer = threading.Timer(seconds, _cut, [exchange])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(exchange: Exchange) -> None:
    if exchange.sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(exchange.sock, socket.SHUT_RDWR)  # not TLS's own, which is not for two threads


def _answered(response: requests.Response, seconds: float) -> Answered:
    version = "HTTP/1.0" if response.raw.version == 10 else "HTTP/1.1"
    words = b""
    with suppress(urllib3.exceptions.HTTPError, OSError):
        words = response.raw.read(_READ_OF_ANSWER, decode_content=True)
    return Answered(
        response.status_code,
        f"{version} {response.status_code} {response.reason or ''}".rstrip(),
        response.headers.get("location", ""),
        " ".join(words.decode("utf-8", "replace").split())[:_SHOWN_OF_ANSWER],
        seconds,
    )


def _described(answered: Answered) -> str:
    if 300 <= answered.status < 400:
        return f"{answered.line}, a redirect to {answered.location or 'nowhere'}, which is not followed"
    return f"{answered.line}: {answered.words}" if answered.words else answered.line


def _unacknowledged(failure: TransportFailure, exchange: Exchange, seconds: float) -> CliError:
    if exchange.phase == Phase.NOT_CONNECTED:
        return NetworkFailure(f"the receiver was not reached: {failure.reason}")
    late = seconds >= ACKNOWLEDGE_SECONDS
    reason = f"no answer within {ACKNOWLEDGE_SECONDS:g} s" if late else failure.reason
    return CliError(f"the receiver did not acknowledge: {reason}", hint=_HINT)
