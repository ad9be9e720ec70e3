"""The way to one host: name lookup, connection, a proxy's tunnel and TLS, each with its time."""

import os
import socket
import ssl
import time
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from fal_cli.urls import is_loopback

LIMIT_SECONDS = 4.5
_READ_BYTES = 65536


class Reached(NamedTuple):
    """How the way to a host was, in words, and the moment that it says it is."""

    told: str
    date: datetime | None = None


class Unreachable(Exception):
    """A host that was not reached; the message says in which step and why."""


def reach(url: str, ca: str | None) -> Reached:
    """Looks a host's name up, connects, shakes hands and asks what time it is there. Raises `Unreachable`."""
    parts = urlsplit(url)
    proxy = proxy_for(url)
    told: list[str] = []
    with _step("name lookup", told):
        addresses = _looked_up(proxy or parts)
    with _step("connect", told):
        sock = _connected(addresses)
    with sock:
        if proxy:
            with _step("proxy", told):
                _tunnel(sock, parts, proxy)
        if parts.scheme == "https":
            with _step("TLS", told):
                sock = trusting(ca).wrap_socket(sock, server_hostname=parts.hostname)
        return Reached(", ".join(told), _date(sock, parts))


class _step:  # reads as a block, like contextlib.suppress
    """One step of the way: its time goes into `told`; what fails in it is raised as `Unreachable`."""

    def __init__(self, name: str, told: list[str]) -> None:
        self._name, self._told = name, told

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ssl.SSLCertVerificationError):
            raise Unreachable(f"TLS: the certificate is not trusted ({error.verify_message})") from None
        if isinstance(error, TimeoutError):
            raise Unreachable(f"{self._name}: no answer") from None
        if isinstance(error, OSError):
            raise Unreachable(f"{self._name} failed ({_reason(error)})") from None
        if error is None:
            self._told.append(f"{self._name} {1000 * (time.monotonic() - self._began):.0f} ms")


def _looked_up(parts: SplitResult) -> list[tuple[str, int]]:
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 443)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    return [(str(address[0]), int(address[1])) for *_, address in found]


def _connected(addresses: list[tuple[str, int]]) -> socket.socket:
    """A connection to the first address that takes one. Raises what the last one says."""
    *others, last = addresses
    for address in others:
        with suppress(OSError):
            return socket.create_connection(address, timeout=LIMIT_SECONDS / 2)
    return socket.create_connection(last, timeout=LIMIT_SECONDS)


def _tunnel(sock: socket.socket, parts: SplitResult, proxy: SplitResult) -> None:
    """Asks a proxy for a way to a host."""
    if parts.scheme != "https" or not proxy.scheme.startswith("http"):
        return
    import base64

    sock.settimeout(LIMIT_SECONDS)
    where = f"{parts.hostname}:{parts.port or 443}"
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    if proxy.username:
        secret = base64.b64encode(f"{proxy.username}:{proxy.password or ''}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {secret}")
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    status = _head(sock).partition("\r\n")[0].split(" ")
    if len(status) < 2 or status[1] != "200":
        raise OSError(f"it answered {' '.join(status[1:]) or 'nothing'}")


def _date(sock: socket.socket, parts: SplitResult) -> datetime | None:
    """The `Date` of an answer, whatever the answer is."""
    try:
        sock.settimeout(LIMIT_SECONDS)
        sock.sendall(f"HEAD / HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        for line in _head(sock).split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "date":
                return parsedate_to_datetime(value.strip())
    except (OSError, ValueError, TypeError):
        pass
    return None


def _head(sock: socket.socket) -> str:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < _READ_BYTES:
        piece = sock.recv(4096)
        if not piece:
            break
        data += piece
    return data.decode("latin-1")


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error).replace("_", " ").lower()
    return error.strerror or str(error) or type(error).__name__


def trusting(path: str | None) -> ssl.SSLContext:
    if path and os.path.isdir(path):
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)


def proxy_for(url: str) -> SplitResult | None:
    """The proxy that a call to `url` goes through, as the request layer chooses it."""
    import requests

    if is_loopback(url):
        return None
    proxies = requests.utils.get_environ_proxies(url)
    found = requests.utils.select_proxy(url, proxies)
    return as_url(found) if found else None


def as_url(text: str) -> SplitResult:
    return urlsplit(text if "://" in text else f"http://{text}")


def shown_proxy(proxy: SplitResult | None) -> str:
    return f"{proxy.scheme}://{proxy.hostname}{f':{proxy.port}' if proxy.port else ''}" if proxy else ""


def name_of(url: str) -> str:
    return urlsplit(url).netloc
