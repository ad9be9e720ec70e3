"""How far an HTTP exchange got, noted by the connection itself.

The exceptions of requests do not tell: a reset during the TLS handshake and one after sending look the
same. So urllib3's connection classes are extended where they connect, send and wait. Every connection of this
program is made here, with the one TLS context (`trust`) and the proxies of the environment (`proxies`).
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import CONTINUE, SWITCHING_PROTOCOLS, BadStatusLine, HTTPResponse, parse_headers
from typing import TYPE_CHECKING, Any, cast

from requests import Response
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidSchema
from requests.structures import CaseInsensitiveDict
from urllib3 import PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse
from urllib3.util import make_headers, parse_url

from fal_cli.api import proxies, trust
from fal_cli.api.errors import Phase
from fal_cli.api.head import Head
from fal_cli.api.reasons import NO_SOCKS, PrivateAddress

if TYPE_CHECKING:
    from requests import PreparedRequest

WRITE_SECONDS = 30.0
_BLOCK = 1024 * 1024
_MOST_INTERIM = 100
_SEND_BLOCK = 1024 * 1024  # how much of a file is read and sent at a time; 16 KiB takes twice as long
_POOLS_KEPT = 4
_KEEPALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
_OPTIONS = [*HTTPConnection.default_socket_options, _KEEPALIVE]


class Exchange:
    """One request and its answer, as seen from outside: `phase` moves forward while it happens.

    A signal handler reads it to know whether bytes may have left, and sets `is_abandoned` so that it is not made
    again. `sock` is the socket in use, whose timeout a reader of an event stream adjusts. `request_id` is what
    the answer's headers named, where its body was lost. `steps` are the seconds that each step to a connection took,
    the name lookup among them if it `is_timed`. `may_connect` says of an IP address whether it may be talked to.
    """

    def __init__(self) -> None:
        self.phase = Phase.NOT_CONNECTED
        self.sock: socket.socket | None = None
        self.request_id = ""
        self.is_abandoned = False
        self.steps: dict[str, float] = {}
        self.is_timed = False
        self.may_connect: Callable[[str], bool] | None = None

    @property
    def is_unconnected(self) -> bool:
        """Whether not even a connection came about: no name, no route, refused, or no answer to that."""
        return self.phase == Phase.NOT_CONNECTED and "connect" not in self.steps

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A block that is a step on the way to a connection."""
        began = time.monotonic()
        yield
        self.steps[name] = time.monotonic() - began


class Recorder:
    """Holds the exchange that the connections of one adapter report to."""

    def __init__(self) -> None:
        self.exchange = Exchange()


class PhasedAdapter(HTTPAdapter):
    """An adapter without retries whose connections report their phase to `recorder`."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._pools: dict[tuple[str, ...], HTTPConnectionPool] = {}
        super().__init__(pool_connections=_POOLS_KEPT, pool_maxsize=4, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        kwargs["socket_options"] = _OPTIONS
        kwargs["blocksize"] = _SEND_BLOCK
        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        if not proxy.lower().startswith("socks"):
            kwargs["proxy_ssl_context"] = trust.context()
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_connection_pool_key_attributes(self, request: "PreparedRequest", verify: Any, cert: Any = None) -> Any:
        """The one TLS context; requests would read all certificates anew for each connection."""
        host, more = super().build_connection_pool_key_attributes(request, True, cert)
        if host["scheme"] == "https":
            more = {"ssl_context": trust.context(), "cert_reqs": "CERT_REQUIRED"}
        return host, more

    def get_connection_with_tls_context(
        self, request: "PreparedRequest", verify: Any, proxies: Any = None, cert: Any = None
    ) -> HTTPConnectionPool:
        """The pool of the URL's origin, found again by its text: requests takes the URL apart three times for that."""
        key = (*(request.url or "").split("/", 3)[:3], *(proxies or {}).values())
        pool = self._pools.get(key)
        if pool is None or pool.pool is None:  # none yet, or closed to make room for others
            if key[0].lower() not in ("http:", "https:"):
                raise InvalidSchema(f"'{request.url}' is not an http or https address")
            found = cast(_PhasedPool, super().get_connection_with_tls_context(request, verify, proxies, cert))
            found.recorder = self._recorder
            if len(self._pools) >= _POOLS_KEPT:
                self._pools.clear()
            pool = self._pools[key] = found
        return pool

    def request_url(self, request: "PreparedRequest", proxies: Any) -> str:
        return super().request_url(request, proxies) if proxies else request.path_url

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing to add: the context says it all."""

    def build_response(self, req: "PreparedRequest", resp: BaseHTTPResponse) -> Response:
        """An answer without cookies, which nothing here keeps."""
        response = Response()
        response.status_code, response.reason, response.raw = resp.status, resp.reason or "", resp
        response.headers = CaseInsensitiveDict(resp.headers)
        response.url, response.request = req.url or "", req
        response.connection = self
        return response

    def forget_connections(self) -> None:
        """Closes what is pooled, so that the next exchange has a connection of its own."""
        self._pools.clear()
        self.poolmanager.clear()
        for manager in self.proxy_manager.values():
            manager.clear()


class _Patient(HTTPResponse):
    """An answer that may be announced: `http.client` skips no interim answer but `100 Continue`.

    Nor does it limit what all headers have together (`head`).
    """

    fp: Any

    def begin(self) -> None:
        stream, self.fp = self.fp, Head(self.fp)
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = stream

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]  # not in its public face
            if not 100 <= status < 200 or status in (CONTINUE, SWITCHING_PROTOCOLS):
                return version, status, reason
            parse_headers(self.fp)
        raise BadStatusLine("endless interim answers")


class _Phased(HTTPConnection):
    """Notes the phase around connect, send and getresponse."""

    response_class = _Patient

    recorder = Recorder()  # of a connection that is not pooled
    _is_connecting = False

    def connect(self) -> None:
        # A proxy's CONNECT goes through `send` as well, but nothing of the request is in it.
        self._is_connecting = True
        try:
            with self.recorder.exchange.step("connection"):
                super().connect()
        finally:
            self._is_connecting = False

    def _new_conn(self) -> socket.socket:
        exchange = self.recorder.exchange
        if exchange.is_timed:  # the system remembers a name, so that this costs a diagnosis alone
            with exchange.step("name lookup"):
                socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        with exchange.step("connect"):
            sock = super()._new_conn()
        # Asked of the connection itself: a name may be anything to whoever looks it up the second time.
        if exchange.may_connect and not self.proxy and not exchange.may_connect(str(sock.getpeername()[0])):
            sock.close()
            raise PrivateAddress("it is an address of this machine or its network")
        return sock

    def send(self, data: Any) -> None:
        if self._is_connecting:
            super().send(data)
            return
        if self.sock is None:
            self.connect()
        exchange = self.recorder.exchange
        exchange.sock = self.sock
        exchange.phase = Phase.SENDING
        self.sock.settimeout(WRITE_SECONDS)
        if isinstance(data, bytes):
            # In blocks, because the timeout of a single sendall counts for all of its bytes.
            view = memoryview(data)
            for start in range(0, len(view), _BLOCK):
                super().send(view[start : start + _BLOCK])
        else:
            super().send(data)

    def getresponse(self) -> BaseHTTPResponse:  # type: ignore[override]  # urllib3 narrows it to its own class
        exchange = self.recorder.exchange
        exchange.phase = Phase.WAITING
        response = super().getresponse()
        exchange.phase = Phase.ANSWERING
        return response


class _Plain(_Phased, HTTPConnection):
    pass


class _Secure(_Phased, HTTPSConnection):
    pass


class _PhasedPool(HTTPConnectionPool):
    """Hands each new connection what it reports to. The classes are the same for all: a class is a cycle."""

    recorder: Recorder

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.recorder = self.recorder
        return connection


class _PlainPool(_PhasedPool):
    ConnectionCls = _Plain


class _SecurePool(_PhasedPool, HTTPSConnectionPool):
    ConnectionCls = _Secure


_POOLS = {"http": _PlainPool, "https": _SecurePool}


def open_socket(url: str, seconds: float) -> socket.socket:
    """A connection to where an http(s) URL points, TLS and the environment's proxy included, for another protocol.

    Raises `OSError`, urllib3's and requests' errors, `trust.Unusable`.
    """
    target, proxy = parse_url(url), proxies.chosen(url)
    is_secure = target.scheme == "https"
    port = target.port or (443 if is_secure else 80)
    options: dict[str, Any] = {"timeout": seconds, "socket_options": _OPTIONS}
    if is_secure:
        options["ssl_context"] = trust.context()
    kind: Any = _Secure if is_secure else _Plain
    if proxy is None:
        connection = kind(target.host, port, **options)
    elif proxy.scheme.startswith("socks"):
        connection = _through_socks(proxy, target.host or "", port, options, is_secure=is_secure)
    else:
        connection = _through_proxy(proxy, target.host or "", port, options, is_secure=is_secure)
    connection.connect()
    found: socket.socket = connection.sock
    return found


def _through_proxy(proxy: Any, host: str, port: int, options: dict[str, Any], *, is_secure: bool) -> Any:
    address = parse_url(proxy.geturl())
    secret = f"{proxy.username}:{proxy.password or ''}" if proxy.username else None
    config = ProxyConfig(
        ssl_context=trust.context() if proxy.scheme == "https" else None,
        use_forwarding_for_https=False,
        assert_hostname=None,
        assert_fingerprint=None,
    )
    kind: Any = _Secure if is_secure or proxy.scheme == "https" else _Plain
    connection = kind(
        address.host,
        address.port or (443 if proxy.scheme == "https" else 80),
        proxy=address,
        proxy_config=config,
        **options,
    )
    connection.set_tunnel(host, port, make_headers(proxy_basic_auth=secret) if secret else None)
    return connection


def _through_socks(proxy: Any, host: str, port: int, options: dict[str, Any], *, is_secure: bool) -> Any:
    try:
        import socks as pysocks
        from urllib3.contrib import socks
    except ImportError:
        raise InvalidSchema(NO_SOCKS) from None
    version = pysocks.SOCKS4 if proxy.scheme.startswith("socks4") else pysocks.SOCKS5
    how = {
        "socks_version": version,
        "proxy_host": proxy.hostname,
        "proxy_port": proxy.port or 1080,
        "username": proxy.username,
        "password": proxy.password,
        "rdns": proxy.scheme.endswith(("h", "a")),
    }
    kind: Any = socks.SOCKSHTTPSConnection if is_secure else socks.SOCKSConnection
    return kind(how, host, port, **options)
