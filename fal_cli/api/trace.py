"""Exchanges and their failures as text, with secrets left out. Pure."""

import socket
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3.exceptions import ProxyError

from fal_cli.api.errors import Phase
from fal_cli.api.redaction import HIDDEN

if TYPE_CHECKING:
    import requests

_BODY_CHARACTERS = 2000
_SECRET_HEADERS = ("authorization", "cookie", "set-cookie", "x-fal-cdn-token")


def request_text(prepared: "requests.PreparedRequest") -> str:
    """A prepared request as `curl -v` would show it."""
    body = prepared.body
    lines = [f"> {prepared.method} {prepared.url}", *(f"> {line}" for line in _headers(prepared.headers))]
    if isinstance(body, bytes) and body:
        lines.append(_shortened(body))
    return "\n".join(lines)


def response_text(response: "requests.Response") -> str:
    """Status line and headers of an answer."""
    return "\n".join(
        [f"< {response.status_code} {response.reason}", *(f"< {line}" for line in _headers(response.headers))]
    )


def reason(error: BaseException, url: str, phase: Phase) -> tuple[str, bool]:
    """Why an exchange failed, in words, and whether trying again cannot help."""
    host = urlsplit(url).netloc
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate of {host} is not trusted ({cause.verify_message})", True
        if isinstance(cause, ProxyError):
            return f"the proxy on the way to {host} failed ({causes[-1]})", False
        if isinstance(cause, socket.gaierror):
            return f"the name {urlsplit(url).hostname} was not found", False
        if isinstance(cause, ConnectionRefusedError):
            return f"{host} refused the connection", False
    if "CA certificate bundle" in str(error) or "NO_CERTIFICATE_OR_CRL_FOUND" in str(error):
        return f"the file of trusted certificates cannot be used ({error})", True
    if isinstance(error, ValueError):  # requests' own complaints: a malformed URL or proxy, a missing SOCKS package
        return str(error), True
    if any(isinstance(cause, TimeoutError) for cause in causes) or "timed out" in str(error):
        return _stalled(host, phase), False
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return f"TLS with {host} failed ({cause.reason or cause})", False
    return _ended(host, phase, causes), False


def _stalled(host: str, phase: Phase) -> str:
    if phase == Phase.NOT_CONNECTED:
        return f"{host} did not accept the connection in time"
    if phase == Phase.SENDING:
        return f"{host} stopped reading the request"
    return f"{host} did not answer in time"


def _ended(host: str, phase: Phase, causes: list[BaseException]) -> str:
    if phase == Phase.NOT_CONNECTED:
        return f"no connection to {host} ({causes[-1]})"
    if phase == Phase.SENDING:
        return f"{host} closed the connection while the request was sent"
    if phase == Phase.WAITING:
        return f"{host} closed the connection without an answer"
    return f"the answer of {host} was cut short"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what is behind it, outermost first; urllib3 and requests also nest through args."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        nested = (*current.args, getattr(current, "reason", None), current.__cause__, current.__context__)
        waiting += [value for value in nested if isinstance(value, BaseException)]


def _headers(headers: object) -> list[str]:
    items = headers.items()  # type: ignore[attr-defined]  # requests' mappings share no public base
    return [f"{name}: {HIDDEN if name.lower() in _SECRET_HEADERS else _plain(value)}" for name, value in items]


def _plain(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _shortened(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    return text if len(text) <= _BODY_CHARACTERS else f"{text[:_BODY_CHARACTERS]}… ({len(body)} bytes)"
