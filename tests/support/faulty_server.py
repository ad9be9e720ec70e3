"""Servers that fail on purpose: raw sockets on the loopback, each connection following a list of steps.

    with Server([read_request, reset]) as server:          # every connection: read a request, then RST
    with Server([read_request, send(b"HT"), close], [read_request, answer(200)]) as server:   # first, then all later

The n-th connection follows the n-th script, those after the last script follow the last one again. What a client
was seen to send is in `server.requests`; `server.connections` counts the accepted connections. A TLS server is one
whose script begins with `handshake(context)`, a proxy one whose script answers a CONNECT first.
"""

import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any

import pytest
import trustme

LONGEST_STALL_SECONDS = 30.0
_RST_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Seen:
    """One request as it arrived, and on which connection (from 0)."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


@dataclass
class Talk:
    """One connection in the hands of its script."""

    server: "Server"
    sock: socket.socket
    number: int
    is_over: bool = False

    def receive(self, most: int = 65536) -> bytes:
        """Bytes from the client; none ends the script."""
        chunk = self.sock.recv(most)
        self.is_over = self.is_over or not chunk
        return chunk

    @property
    def request(self) -> Seen:
        """The request that this connection read last."""
        return [seen for seen in self.server.requests if seen.connection == self.number][-1]


Step = Callable[[Talk], None]


class Server:
    """A listening socket whose connections follow scripts, until the `with` block ends."""

    def __init__(self, *scripts: list[Step], receive_buffer: int | None = None) -> None:
        self.scripts = scripts
        self.requests: list[Seen] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settle(self, *, connections: int = 0, requests: int = 0) -> None:
        """Waits until so many have come at least: a client that gave up may be ahead of our threads."""
        end = time.monotonic() + 5.0
        while (self.connections < connections or len(self.requests) < requests) and time.monotonic() < end:
            self.stopping.wait(0.005)

    def __enter__(self) -> "Server":
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stopping.set()
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5.0)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._open.append(sock)
                talk = Talk(self, sock, self.connections)
                self.connections += 1
                self._start(lambda talk=talk: self._follow(talk))

    def _follow(self, talk: Talk) -> None:
        script = self.scripts[min(talk.number, len(self.scripts) - 1)]
        with suppress(OSError, ValueError):  # ValueError: a TLS socket that the test's end closed
            for step in script:
                if talk.is_over or self.stopping.is_set():
                    break
                step(talk)
        talk.sock.close()

    def _start(self, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()


# Steps


def read_request(talk: Talk) -> None:
    """Reads one whole request; a connection that ends before it is no request."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (chunk := talk.receive()):
            return
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        if not (chunk := talk.receive()):
            return
        body += chunk
    method, target, _ = first.split(" ")
    talk.server.requests.append(Seen(method, target, headers, body, talk.number))


def read_some(talk: Talk) -> None:
    """Reads the first bytes of a request and leaves the rest unread."""
    talk.receive(4096)


def reset(talk: Talk) -> None:
    """Ends the connection with RST."""
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
    close(talk)


def close(talk: Talk) -> None:
    """Ends the connection with FIN."""
    talk.is_over = True
    talk.sock.close()


def stall(talk: Talk) -> None:
    """Does nothing until the test is over."""
    talk.server.stopping.wait(LONGEST_STALL_SECONDS)


def pause(seconds: float) -> Step:
    """Does nothing for a while."""

    def step(talk: Talk) -> None:
        talk.server.stopping.wait(seconds)

    return step


def send(data: bytes) -> Step:
    """Sends bytes as they are."""
    return lambda talk: talk.sock.sendall(data)


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Step:
    """Sends a whole answer: a dict as JSON, bytes and text as they are."""
    return send(http(status, body, headers))


def echo_headers(status: int) -> Step:
    """Answers with what the client sent as its Authorization, in every place that an answer has."""

    def step(talk: Talk) -> None:
        told = talk.request.headers.get("authorization", "")
        body = {"detail": f"bad key {told}"}
        talk.sock.sendall(http(status, body, {"X-Echo": told, "X-Fal-Error-Type": "bad"}, reason=f"No {told}"))

    return step


def handshake(context: ssl.SSLContext) -> Step:
    """Becomes a TLS server on this connection."""

    def step(talk: Talk) -> None:
        talk.sock = context.wrap_socket(talk.sock, server_side=True)
        talk.server._open.append(talk.sock)

    return step


def answering(*replies: Step | list[Step]) -> list[Step]:
    """A script that answers request after request with the next reply, whatever the connection; the last stays."""
    left = [_as_steps(reply) for reply in replies]

    def step(talk: Talk) -> None:
        while not talk.is_over:
            read_request(talk)
            if talk.is_over:
                return
            for part in left.pop(0) if len(left) > 1 else left[0]:
                part(talk)

    return [step]


def routed(**routes: list[Step | list[Step]]) -> list[Step]:
    """A script that answers by route (`submit`, `status`, `stream`, `result`, `cancel`), each as `answering` does."""
    left = {
        name: [reply if isinstance(reply, list) else [reply] for reply in replies] for name, replies in routes.items()
    }

    def step(talk: Talk) -> None:
        while not talk.is_over:
            read_request(talk)
            if talk.is_over:
                return
            replies = left.get(route_of(talk.request), [[answer(404, {"detail": "no such route"})]])
            for part in replies.pop(0) if len(replies) > 1 else replies[0]:
                part(talk)

    return [step]


def _as_steps(reply: Step | list[Step]) -> list[Step]:
    return reply if isinstance(reply, list) else [reply]


def route_of(seen: Seen) -> str:
    """Which of the queue's routes a request asked for (wire §4.1)."""
    path = seen.target.partition("?")[0]
    if not re.search(r"/requests/[^/]+", path):
        return "submit"
    last = path.rpartition("/")[2]
    return last if last in ("status", "stream", "cancel") else "result"


# Answers as bytes


def http(status: int, body: Any = None, headers: Mapping[str, str] | None = None, *, reason: str = "Told") -> bytes:
    """A whole answer with a length: a dict or list as JSON, bytes and text as they are."""
    kind = "application/json" if isinstance(body, dict | list) else "text/html"
    data = json.dumps(body).encode() if isinstance(body, dict | list) else body or b""
    data = data.encode() if isinstance(data, str) else data
    fields = {"Content-Type": kind, "Content-Length": str(len(data))} | dict(headers or {})
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + data


def event(body: Mapping[str, Any]) -> bytes:
    """A status as the event stream tells it (wire §4.6)."""
    return f"data: {json.dumps(body)}\n\n".encode()


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def stream(*bodies: Mapping[str, Any], then: Step = close) -> list[Step]:
    """A status stream of these events, ended as `then` says."""
    return [send(STREAM_HEAD + b"".join(event(body) for body in bodies)), then]


# What is around a server


@contextmanager
def refusing_port() -> Iterator[int]:
    """A loopback port that nobody listens on, kept from others while it is used."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield int(sock.getsockname()[1])


@contextmanager
def full_port() -> Iterator[int]:
    """A loopback port whose line of waiting connections is full, so that a connect is never answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
        for sock in waiting:
            sock.close()


class Authority:
    """A certificate authority of our own; `bundle` is its file for `REQUESTS_CA_BUNDLE`."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.bundle = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.bundle)

    def context(self, *names: str) -> ssl.SSLContext:
        """What a server of these names (127.0.0.1 if none) shakes hands with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
        return context


class Clock:
    """Stands in for a module's `time`: `sleep` returns at once, is noted, and moves the clock ahead."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.slept)

    def replace_in(self, patch: pytest.MonkeyPatch, *modules: Any) -> "Clock":
        for module in modules:
            patch.setattr(module, "time", SimpleNamespace(monotonic=self.monotonic, sleep=self.sleep))
        return self


def clear_environment(patch: pytest.MonkeyPatch) -> None:
    """Takes away what the machine says about proxies, certificates and netrc."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC")
    for name in (*names, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        patch.delenv(name, raising=False)
        patch.delenv(name.lower(), raising=False)
