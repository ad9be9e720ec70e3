"""Why an exchange failed, in words: whether trying again can help, and if not, what does. Pure."""

import re
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from urllib3.exceptions import DecodeError, ProxyError

from fal_cli.api import trust
from fal_cli.api.errors import Phase
from fal_cli.api.head import TooLarge
from fal_cli.urls import host_shown

NO_SOCKS = "SOCKS needs one more package: pip install pysocks"
_TUNNEL = "Tunnel connection failed: "
_TUNNEL_STATUS = _TUNNEL + r"(\d{3})"  # compiled at first use
_SPARED = "If it can be reached without the proxy, add it to NO_PROXY; else ask who runs the proxy."
_FIX = "Check the proxy variables and the hosts: fal doctor"


class PrivateAddress(OSError):
    """A URL of an answer leads to this machine, or to the network around it."""


class Reason(NamedTuple):
    """What went wrong. `way_out` is what helps where trying again does not (`is_permanent`)."""

    text: str
    is_permanent: bool = False
    way_out: str = ""


def of(error: BaseException, url: str, phase: Phase) -> Reason:
    """Why an exchange with `url` failed that got as far as `phase`."""
    host = host_shown(url)
    causes = list(_causes(error))
    for cause in causes:
        if (found := _known(cause, causes, host, url)) is not None:
            return found
    if isinstance(error, ValueError):  # requests' own complaints: a malformed URL or proxy, a missing SOCKS package
        return Reason(NO_SOCKS, True) if "SOCKS" in str(error) else Reason(str(error), True, _FIX)
    if any(isinstance(cause, TimeoutError) for cause in causes) or "timed out" in str(error):
        return Reason(_stalled(host, phase))
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return Reason(f"TLS with {host} failed ({cause.reason or cause})")
    return Reason(_ended(host, phase, causes))


def _known(cause: BaseException, causes: list[BaseException], host: str, url: str) -> Reason | None:
    """What one cause says by its kind alone."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _untrusted(cause, host)
    if isinstance(cause, ProxyError) or str(cause).startswith(_TUNNEL):  # the latter where no pool is around it
        return _of_proxy(causes, host)
    if type(cause).__module__ == "socks":  # of PySocks, which is imported where a SOCKS proxy is used
        return _of_socks(cause, host)
    if isinstance(cause, trust.Unusable):
        return Reason(str(cause), True, _other_trust())
    if isinstance(cause, PrivateAddress):
        return Reason(f"{host} leads to this machine or its own network, so it is not fetched", True)
    if isinstance(cause, TooLarge):
        return Reason(f"{host}: {cause}", True, "The service sent an unexpected answer.")
    if isinstance(cause, DecodeError):
        return Reason(f"the answer of {host} cannot be unpacked")
    if isinstance(cause, socket.gaierror):
        return Reason(f"the name {urlsplit(url).hostname} was not found")
    if isinstance(cause, ConnectionRefusedError):
        return Reason(f"{host} refused the connection")
    return None


def _untrusted(error: ssl.SSLCertVerificationError, host: str) -> Reason:
    said = error.verify_message or str(error)
    if "mismatch" in said or "doesn't match" in said:
        return Reason(f"{host} has the certificate of another host ({said})", True, _FIX)
    if "expired" in said or "not yet valid" in said:
        return Reason(f"the certificate of {host} is not valid now ({said})", True, "Check this machine's clock.")
    return Reason(f"the certificate of {host} is not trusted ({said})", True, _other_trust())


def _other_trust() -> str:
    others = "SSL_CERT_FILE=FILE or SSL_CERT_DIR=FOLDER"
    return f"fal trusts the certificates of {trust.store().name}. To trust others: {others}"


def _of_proxy(causes: list[BaseException], host: str) -> Reason:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause, "the proxy")
    said = next((match for cause in causes if (match := re.search(_TUNNEL_STATUS, str(cause)))), None)
    status = int(said.group(1)) if said else 0
    if status == 407:
        way_out = "Put a name and a password into the variable: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT"
        return Reason(f"the proxy on the way to {host} asks for a password (HTTP 407)", True, way_out)
    if 400 <= status < 500:
        return Reason(f"the proxy does not allow connections to {host} (HTTP {status})", True, _SPARED)
    return Reason(f"the proxy on the way to {host} failed ({causes[-1]})")


def _of_socks(error: BaseException, host: str) -> Reason:
    said = str(error)  # PySocks wraps its errors, and the words stay
    if "authentication" in said:
        way_out = "Put a name and a password into the variable: ALL_PROXY=socks5h://NAME:PASSWORD@HOST:PORT"
        return Reason(f"the SOCKS proxy on the way to {host} accepts no name and password of ours", True, way_out)
    if "not allowed by ruleset" in said:
        return Reason(f"the SOCKS proxy does not allow connections to {host}", True, _SPARED)
    return Reason(f"the SOCKS proxy on the way to {host} failed ({error})")


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
