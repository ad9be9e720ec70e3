"""A proxy in front of a served sandbox, on real sockets, that fails as it is told.

    with Proxy(service.addresses) as proxy:
        proxy.fail("submit", lose_answer)             # the next submit is recorded, and its answer is lost
        proxy.fail("listing", answer(403), times=3)

Each of the service's hosts has a port here (`env` points the program at them). With `tls_env` the program is pointed
nowhere: it calls the real names over TLS, and this is the proxy through which it gets there, so that nothing of what it
says to anyone escapes. A request that no fault is told for goes through, byte for byte but for its key: each of the
`keys` becomes the sandbox's. Names that are not the service's are strangers. What came is in `seen`, in its order.
"""

import socket
import ssl
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from urllib.parse import urlsplit

from fal_cli.sandbox.intake.context import Addresses
from tests.support.faulty_server import Authority, http, route_of
from tests.support.faulty_server import Seen as Request
from tests.support.sandbox_keys import SANDBOX_KEY

SECONDS = 60.0
NAMES = {
    "fal.run": "run",
    "queue.fal.run": "queue",
    "rest.fal.ai": "rest",
    "v3.fal.media": "cdn",
    "api.fal.ai": "api",
}
_NET = "net"
_RST_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Seen:
    """One request as it came: to which host, and on which of its routes."""

    host: str
    route: str
    request: Request


class Exchange:
    """One request in the hands of a fault."""

    def __init__(
        self, client: socket.socket, seen: Seen, upstream: "Upstream | None", stopping: threading.Event
    ) -> None:
        self.client = client
        self.seen = seen
        self._upstream = upstream
        self._stopping = stopping

    def forward(self) -> bytes:
        """Lets the service have the request, and returns its whole answer."""
        assert self._upstream
        return b"".join(self._upstream.answer(self.seen.request))

    def pass_on(self) -> None:
        """Lets the service have the request, and the client its answer as it comes."""
        if self._upstream is None:
            self.reply(http(200, {"stranger": self.seen.host}, {"Connection": "close"}))
            return
        if "upgrade" in self.seen.request.headers:
            self._upstream.converse(self.seen.request, self.client)
            return
        for chunk in self._upstream.answer(self.seen.request):
            self.client.sendall(chunk)

    def reply(self, data: bytes) -> None:
        """Gives the client these bytes."""
        self.client.sendall(data)

    def hold(self) -> None:
        """Leaves the client waiting until it gives up."""
        self.client.settimeout(0.1)
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                if not self.client.recv(1):
                    return

    def reset(self) -> None:
        """Ends the connection with RST when this fault returns."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)


Fault = Callable[[Exchange], None]


class Upstream:
    """One host of the service, asked on a connection for each request."""

    def __init__(self, address: str, keys: Sequence[str], open_sockets: set[socket.socket]) -> None:
        parts = urlsplit(address)
        assert parts.hostname
        assert parts.port
        self._address = (parts.hostname, parts.port)
        self._keys = keys
        self._open = open_sockets

    def answer(self, request: Request) -> "Chunks":
        """The service's answer in the pieces in which it comes."""
        return Chunks(self._address, self._rewritten(request), self._open)

    def converse(self, request: Request, client: socket.socket) -> None:
        """Lets a socket and the service talk until one of them ends."""
        with socket.create_connection(self._address, SECONDS) as service:
            self._open.add(service)
            service.sendall(self._rewritten(request, connection="Upgrade"))
            back = threading.Thread(target=_copy, args=(service, client), daemon=True)
            back.start()
            _copy(client, service)
            back.join(SECONDS)
        self._open.discard(service)

    def _rewritten(self, request: Request, *, connection: str = "close") -> bytes:
        headers = dict(request.headers) | {"connection": connection}
        if headers.get("authorization") in [f"Key {key}" for key in self._keys]:
            headers["authorization"] = f"Key {SANDBOX_KEY}"
        lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Chunks:
    """What comes on a connection, until it ends."""

    def __init__(self, address: tuple[str, int], request: bytes, open_sockets: set[socket.socket]) -> None:
        self._sock = socket.create_connection(address, SECONDS)
        self._open = open_sockets
        self._open.add(self._sock)
        self._sock.sendall(request)

    def __iter__(self) -> "Chunks":
        return self

    def __next__(self) -> bytes:
        chunk = b""
        with suppress(OSError):
            chunk = self._sock.recv(65536)
        if chunk:
            return chunk
        self._open.discard(self._sock)
        self._sock.close()
        raise StopIteration


class Proxy:
    """The hosts of a service behind ports that fail as they are told, until the `with` block ends."""

    def __init__(self, behind: Addresses, *, key: str = "", authority: Authority | None = None) -> None:
        """`authority` issues the certificates; without it there is no TLS."""
        self.keys = [key or SANDBOX_KEY]
        self.names = dict(NAMES)
        self.seen: list[Seen] = []
        self._open: set[socket.socket] = set()
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._resets: dict[str, int] = defaultdict(int)
        self._resets_in_handshake: dict[str, int] = defaultdict(int)
        self._upstreams = {name: Upstream(url, self.keys, self._open) for name, url in vars(behind).items()}
        self._doors = {name: Door(0) for name in (*self._upstreams, *([_NET] if authority else []))}
        self._authority = authority
        self._contexts: dict[str, ssl.SSLContext] = {}

    def __enter__(self) -> "Proxy":
        self.come_back()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stopping.set()
        self.go_away()
        for door in self._doors.values():
            door.close()

    # -- what it is told

    def also(self, behind: Addresses) -> None:
        """Another service: its hosts are named as the first one's, under `.other.example`."""
        for name, url in vars(behind).items():
            self._upstreams[f"other {name}"] = Upstream(url, self.keys, self._open)
        self.names |= {f"{name}.other.example": f"other {host}" for name, host in NAMES.items()}

    def fail(self, route: str, fault: Fault, *, times: int = 1) -> None:
        """The next so many requests on a route end in this fault."""
        self._faults[route] += [fault] * times

    def forget_faults(self) -> None:
        """From now on everything goes through."""
        self._faults.clear()

    def reset_while_sending(self, host: str, times: int = 1) -> None:
        """The next so many connections to a host are reset when the first bytes of a request have come."""
        self._resets[host] += times

    def reset_in_handshake(self, host: str, times: int = 1) -> None:
        """The next so many connections to a host are reset before they are secure."""
        self._resets_in_handshake[host] += times

    def go_away(self) -> None:
        """From now on every connection is refused; those that are open are reset."""
        for door in self._doors.values():
            door.shut()
        with self._lock:
            for sock in list(self._open):
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
                    sock.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Connections are accepted again, on the ports as before."""
        for name, door in self._doors.items():
            listener = door.open()
            threading.Thread(target=self._accept, args=(name, listener), daemon=True).start()

    # -- what it knows

    @property
    def addresses(self) -> Addresses:
        """Where a client is to be pointed to."""
        return Addresses(**{name: f"http://127.0.0.1:{self._doors[name].port}" for name in NAMES.values()})

    @property
    def env(self) -> dict[str, str]:
        """What points the program here."""
        addresses = self.addresses
        return {
            "FAL_KEY": self.keys[0],
            "FAL_RUN_HOST": addresses.run,
            "FAL_QUEUE_RUN_HOST": addresses.queue,
            "FAL_CDN_HOST": addresses.cdn,
            "FAL_REST_HOST": addresses.rest,
            "FAL_API_HOST": addresses.api,
        }

    @property
    def tls_env(self) -> dict[str, str]:
        """What sends the program through here wherever it goes."""
        assert self._authority
        return {
            "FAL_KEY": self.keys[0],
            "HTTPS_PROXY": f"http://127.0.0.1:{self._doors[_NET].port}",
            "FAL_CDN_HOST": self.addresses.cdn,  # the sandbox's files are here, and the real service's never
            "REQUESTS_CA_BUNDLE": str(self._authority.bundle),
        }

    def count(self, *routes: str) -> int:
        """How many requests came on these routes."""
        return sum(seen.route in routes for seen in self.seen)

    # -- inside

    def _accept(self, host: str, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(host, client), daemon=True).start()

    def _serve(self, host: str, client: socket.socket) -> None:
        with self._lock:
            self._open.add(client)
        try:
            with suppress(OSError):
                if host == _NET:
                    self._tunnel(client)
                else:
                    self._answer(host, client)
        finally:
            with self._lock:
                self._open.discard(client)
                client.close()

    def _tunnel(self, client: socket.socket) -> None:
        """Answers a CONNECT and becomes the host that is asked for."""
        request = read_request(client)
        if request is None:
            return
        if request.method != "CONNECT":
            client.sendall(http(501, "only CONNECT", {"Connection": "close"}))
            return
        name = request.target.partition(":")[0]
        host = self.names.get(name, name)
        client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        if self._is_next(self._resets_in_handshake, host):
            client.recv(1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
            return
        with self._context(name).wrap_socket(client, server_side=True) as secure, suppress(OSError):
            with self._lock:
                self._open.add(secure)
            try:
                self._answer(host, secure)
            finally:
                with self._lock:
                    self._open.discard(secure)

    def _context(self, name: str) -> ssl.SSLContext:
        assert self._authority
        with self._lock:
            if name not in self._contexts:
                self._contexts[name] = self._authority.context(name)
            return self._contexts[name]

    def _is_next(self, told: dict[str, int], host: str) -> bool:
        with self._lock:
            is_next = told[host] > 0
            told[host] -= is_next
        return is_next

    def _answer(self, host: str, client: socket.socket) -> None:
        if self._is_next(self._resets, host):
            client.recv(1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
            return
        request = read_request(client)
        if request is None:
            return
        seen = Seen(host, route(host, request), request)
        with self._lock:
            self.seen.append(seen)
            faults = self._faults[seen.route]
            fault = faults.pop(0) if faults else Exchange.pass_on
        fault(Exchange(client, seen, self._upstreams.get(host), self._stopping))


class Door:
    """A port that is kept while nobody listens on it."""

    def __init__(self, port: int) -> None:
        self._sock = self._bound(port)
        self.port = int(self._sock.getsockname()[1])

    def open(self) -> socket.socket:
        """The listening socket."""
        self._sock.listen(128)
        return self._sock

    def shut(self) -> None:
        """Nobody listens any more: connections are refused."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts
        self._sock.close()
        self._sock = self._bound(self.port)

    def close(self) -> None:
        self._sock.close()

    def _bound(self, port: int) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        return sock


def read_request(client: socket.socket) -> Request | None:
    """One whole request; None if the client leaves before."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (chunk := client.recv(65536)):
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        if not (chunk := client.recv(65536)):
            return None
        body += chunk
    method, target, _ = first.split(" ")
    return Request(method, target, headers, body, 0)


def route(host: str, request: Request) -> str:
    """What a request asks for, in the sandbox's words."""
    path = request.target.partition("?")[0]
    host = host.removeprefix("other ")
    if host == "queue":
        return route_of(request)
    if host == "run":
        return "events" if path.endswith("/stream") else "run"
    if host == "api":
        return {"by-endpoint": "listing", "billing-events": "billing"}.get(path.rpartition("/")[2], "pricing")
    return host


# Faults


def lose_answer(exchange: Exchange) -> None:
    """The service has the request; the client gets no answer."""
    exchange.forward()


def reset_after(exchange: Exchange) -> None:
    """The service has the request; the client's connection is reset."""
    exchange.forward()
    exchange.reset()


def cut_answer(exchange: Exchange) -> None:
    """The headers and half of the body."""
    head, _, body = exchange.forward().partition(b"\r\n\r\n")
    exchange.reply(head + b"\r\n\r\n" + body[: len(body) // 2])


def stall(exchange: Exchange) -> None:
    """The service has the request, and the client waits."""
    exchange.forward()
    exchange.hold()


def held(event: threading.Event) -> Fault:
    """The service's answer, given once an event has happened."""

    def fault(exchange: Exchange) -> None:
        data = exchange.forward()
        event.wait(SECONDS)
        exchange.reply(data)

    return fault


def together(count: int) -> Fault:
    """The service's answers to so many requests, given when all of them have come."""
    barrier = threading.Barrier(count)

    def fault(exchange: Exchange) -> None:
        data = exchange.forward()
        with suppress(threading.BrokenBarrierError):
            barrier.wait(SECONDS)
        exchange.reply(data)

    return fault


def answer(
    status: int, body: object = None, headers: Mapping[str, str] | None = None, *, forwards: bool = False
) -> Fault:
    """This answer in place of the service's; `forwards`: the service has the request all the same."""

    def fault(exchange: Exchange) -> None:
        if forwards:
            exchange.forward()
        exchange.reply(http(status, body, {"Connection": "close"} | dict(headers or {})))

    return fault


def replaced(status: int, body: object) -> Fault:
    """The service has the request and names it in the headers; status and body are these."""

    def fault(exchange: Exchange) -> None:
        head = exchange.forward().partition(b"\r\n\r\n")[0].decode("latin-1")
        (request_id,) = [
            line.partition(":")[2].strip() for line in head.split("\r\n") if line.lower().startswith("x-fal-request-id")
        ]
        answer(status, body, {"x-fal-request-id": request_id})(exchange)

    return fault


def with_header(name: str, value: str) -> Fault:
    """The service's answer with one more header."""

    def fault(exchange: Exchange) -> None:
        first, _, rest = exchange.forward().partition(b"\r\n")
        exchange.reply(first + f"\r\n{name}: {value}\r\n".encode() + rest)

    return fault


def with_body(change: Callable[[bytes], bytes]) -> Fault:
    """The service's answer with a changed body."""

    def fault(exchange: Exchange) -> None:
        head, _, body = exchange.forward().partition(b"\r\n\r\n")
        changed = change(body)
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        exchange.reply(b"\r\n".join([*lines, b"content-length: %d" % len(changed), b"", changed]))

    return fault


def without_key(seen: Seen) -> Seen:
    """The same without the Authorization header: whatever is then found of a key is where it must not be."""
    headers = {name: value for name, value in seen.request.headers.items() if name != "authorization"}
    return replace(seen, request=replace(seen.request, headers=headers))
