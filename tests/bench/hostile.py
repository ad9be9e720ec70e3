"""The peak memory of each command against each kind of hostile body, beside that against a good one.

`python -m tests.bench.hostile [WORD…]` prints a table of those whose name holds one of the words, and ends with 1
where a body takes more than `ALLOWED_MIB` beyond the good one. What a command
saves goes to the disk: such bodies have an end.
"""

import gzip
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.support.faulty_server import Server, Talk, read_request
from tests.support.place import HURRY

MIB = 1024 * 1024
ALLOWED_MIB = 100
SECONDS = float(os.environ.get("HOSTILE_SECONDS", "8"))
"""After so long a command is ended: what it took until then counts."""
_LAUNCHER = Path(__file__).with_name("launch.py")
_KEY = "aaaaaaaa-0000-4000-8000-000000000001:00112233445566778899aabbccddeeff"
_ID = "11111111-2222-4333-8444-555555555555"
_PIECE = b" " * MIB
_LARGE = 300

Pieces = Iterator[bytes]


class Case(NamedTuple):
    """A command, and the route whose answer is the hostile one.

    `first` is a command that prepares it, and `streams` is whether the service has a status event stream.
    """

    name: str
    argv: tuple[str, ...]
    route: str
    stdin: bytes = b""
    first: tuple[str, ...] = ()
    streams: bool = True


class Body(NamedTuple):
    """What a route answers with: header lines, and what follows them."""

    head: bytes
    pieces: Callable[[], Pieces]


def _plain(*pieces: bytes, times: int = 1) -> Callable[[], Pieces]:
    return lambda: (piece for _ in range(times) for piece in pieces)


def _drip() -> Pieces:
    while True:
        yield b" "
        time.sleep(0.02)


def _text(size: int) -> Callable[[], Pieces]:
    """So many megabytes of JSON that is one text."""

    def pieces() -> Pieces:
        yield b'{"status":"COMPLETED","request_id":"%s","text":"' % _ID.encode()
        yield from [b"x" * MIB] * size
        yield b'"}'

    return pieces


def event_of(body: Callable[[], Pieces]) -> Callable[[], Pieces]:
    """A body as the one event of a stream."""

    def pieces() -> Pieces:
        yield b"data: "
        yield from body()
        yield b"\n\n"

    return pieces


def _values(size: int) -> Callable[[], Pieces]:
    def pieces() -> Pieces:
        yield b'{"status":"COMPLETED","request_id":"%s","models":[{}' % _ID.encode()
        yield from [b",{}" * (MIB // 3)] * size
        yield b"]}"

    return pieces


def log_lines(size: int) -> Callable[[], Pieces]:
    """So many megabytes of log lines."""
    return lambda: _lines(size)


def _lines(size: int) -> Pieces:
    yield b'{"status":"COMPLETED","request_id":"%s","logs":[{}' % _ID.encode()
    line = b',{"message":"%s","level":"INFO","timestamp":"t"}' % (b"m" * 200)
    yield from [line * (MIB // len(line))] * size
    yield b"]}"


_BOMB = gzip.compress(_PIECE * 16, 9) * 64
_VALUES_BOMB = gzip.compress(b'{"status":"COMPLETED","models":[{}' + b",{}" * (20 * MIB) + b"]}", 9)

BODIES = {
    "bomb": Body(b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(_BOMB), _plain(_BOMB)),
    "bomb of values": Body(
        b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(_VALUES_BOMB), _plain(_VALUES_BOMB)
    ),
    "endless": Body(b"", _plain(_PIECE, times=_LARGE)),
    "drip": Body(b"Content-Length: 1000000\r\n", _drip),
    "100 MB of text": Body(b"", _text(100)),
    "23 MB of values": Body(b"", _values(23)),
    "2 MB of values": Body(b"", _values(2)),
    "23 MB of text": Body(b"", _text(23)),
    "23 MB of log lines": Body(b"", log_lines(23)),
    "15 MB of text": Body(b"", _text(15)),  # just below what is read of a result; 23 just below that of an answer
    "15 MB of log lines": Body(b"", log_lines(15)),
    "deep": Body(b"", _plain(b'{"status":', b"[" * MIB * 8)),
    "a header": Body(b"X-Long: " + b"h" * (60 * MIB) + b"\r\n", _plain(b"{}")),
    "headers": Body(b"".join(b"X-%d: %s\r\n" % (n, b"h" * 50_000) for n in range(1000)), _plain(b"{}")),
}
EVENTS = {
    "an event": lambda: iter([b"data: ", *[b"e" * MIB] * _LARGE]),
    "an event of lines": lambda: iter([b"data: e\n" * (MIB // 8)] * _LARGE),
    "23 MB event of text": lambda: iter([b'data: {"text":"', *[b"e" * MIB] * 23, b'"}\n\n']),
    "23 MB event of values": lambda: iter([b"data: [{}", *[b",{}" * (MIB // 3)] * 23, b"]\n\n"]),
    "a name": lambda: iter([b"event: ", *[b"e" * MIB] * _LARGE]),
    "a comment": lambda: iter([b": ", *[b"e" * MIB] * _LARGE]),
}


def _frame(size: int, opcode: int = 2) -> bytes:
    return bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big")


_NUMBER = (20 * MIB).to_bytes(4, "big")
FRAMES = {
    "a frame": lambda: iter([_frame(_LARGE * MIB), *[b"f" * MIB] * _LARGE]),
    "60 MB frame of values": lambda: iter(
        [_frame(60 * MIB), b"\xdd" + (60 * MIB).to_bytes(4, "big"), b"\x80" * 60 * MIB]
    ),
    "60 MB frame of text": lambda: iter(
        [_frame(60 * MIB + 5), b"\xdb" + (60 * MIB).to_bytes(4, "big"), b"a" * 60 * MIB]
    ),
    "60 MB text frame of values": lambda: iter([_frame(60 * MIB + 4, 1), b"[[]", b",[]" * (20 * MIB), b"]"]),
    "fragments": lambda: iter([b"\x02\x7e\xff\xff" + b"f" * 65535, *[b"\x00\x7e\xff\xff" + b"f" * 65535] * 4000]),
    "pings": lambda: iter([(b"\x89\x7d" + b"p" * 125) * 8000] * 100),
}


def _route(method: str, target: str) -> str:
    path = target.partition("?")[0]
    if path.startswith("/v1/models/pricing"):
        return "pricing"
    if path.startswith("/v1/models/requests"):
        return "listing"
    if path.startswith("/v1/models/billing-events"):
        return "charges"
    if path.startswith("/v1/models"):
        return "models"
    if path.startswith("/v1"):
        return "platform"
    if "well-known" in path:
        return "keys"
    if path.startswith("/tokens"):
        return "token"
    if path.startswith("/storage"):
        return "storage"
    if path.startswith(("/put", "/files/")):
        return "put"
    if path.startswith("/media"):
        return "media"
    if path.endswith("/realtime"):
        return "socket"
    if re.search(r"/requests/[^/]+/status/stream", path):
        return "events"
    if path.endswith("/status"):
        return "status"
    if path.endswith("/cancel"):
        return "cancel"
    if "/requests/" in path:
        return "result"
    if path.endswith("/stream"):
        return "stream"
    return "call"


def _good(route: str, url: str, direct: bool) -> tuple[int, str, bytes]:
    """A whole answer of a service that is well."""
    base = f"{url}/acme/x/requests/{_ID}"
    done = {"status": "COMPLETED", "request_id": _ID, "metrics": {"inference_time": 0.1}, "logs": []}
    queued = {
        "request_id": _ID,
        "status": "IN_QUEUE",
        "status_url": base + "/status",
        "response_url": base,
        "cancel_url": base + "/cancel",
    }
    output = {"images": [{"url": f"{url}/media/a.png"}], "text": "t"}
    price = {"endpoint_id": "acme/x", "unit_price": 0.01, "unit": "image", "currency": "USD"}
    answers: dict[str, object] = {
        "call": output if direct else queued,
        "status": done,
        "result": output,
        "models": {
            "models": [
                {
                    "endpoint_id": "acme/x",
                    "metadata": {"display_name": "X"},
                    "openapi": {"openapi": "3.0.4", "paths": {}, "components": {}},
                }
            ],
            "has_more": False,
        },
        "pricing": {"prices": [price], "has_more": False},
        "token": "jwt",
        "storage": {
            "token": "t",
            "token_type": "Bearer",
            "base_url": url,
            "expires_at": "2099-01-01T00:00:00Z",
            "file_url": f"{url}/media/x",
            "upload_url": f"{url}/put/x",
        },
        "put": {"access_url": f"{url}/media/x"},
        "platform": {},
        "keys": {"keys": []},
        "listing": {"items": [], "has_more": False},
        "charges": {"billing_events": [], "has_more": False},
        "cancel": {"status": "CANCELLATION_REQUESTED"},
    }
    if route == "events":
        return 200, "text/event-stream", b"data: " + json.dumps(done).encode() + b"\n\n"
    if route == "stream":
        return 200, "text/event-stream", b'data: {"text":"t"}\n\n'
    if route == "media":
        return 200, "image/png", b"\x89PNG\r\n\x1a\n" + bytes(5000)
    return 200, "application/json", json.dumps(answers[route]).encode()


class Service:
    """Answers every route well, but one as it was told."""

    def __init__(self) -> None:
        self.hostile: tuple[str, int, str, Body] | None = None
        self.direct = False
        self.streams = True

    def step(self, talk: Talk) -> None:
        while not talk.is_over:
            read_request(talk)
            if talk.is_over:
                return
            with suppress(OSError):
                self._answer(talk)

    def _answer(self, talk: Talk) -> None:
        route = _route(talk.request.method, talk.request.target)
        seen.append(route)
        if route == "events" and not self.streams:
            talk.sock.sendall(b"HTTP/1.1 405 X\r\nContent-Length: 2\r\n\r\n{}")
            return
        if self.hostile is None or self.hostile[0] != route:
            self._well(talk, route)
            return
        _, status, kind, body = self.hostile
        talk.is_over = True
        if kind == "websocket":
            self._open(talk)
        else:
            talk.sock.sendall(b"HTTP/1.1 %d X\r\nContent-Type: %s\r\nConnection: close\r\n" % (status, kind.encode()))
            talk.sock.sendall(body.head)
            talk.sock.sendall(b"\r\n")
        for piece in body.pieces():
            talk.sock.sendall(piece)
        if kind == "websocket":
            talk.sock.sendall(b"\x88\x02\x03\xe8")
            talk.server.stopping.wait(0.3)

    def _well(self, talk: Talk, route: str) -> None:
        if route == "socket":
            self._open(talk)
            talk.receive()
            talk.sock.sendall(b"\x82\x04\x81\xa1a\x01\x88\x02\x03\xe8")
            talk.server.stopping.wait(0.3)
            talk.is_over = True
            return
        status, kind, data = _good(route, talk.server.url, self.direct)
        billed = "X-Fal-Billable-Units: 1\r\n" if route == "result" else ""
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{billed}Content-Length: {len(data)}\r\n\r\n"
        talk.sock.sendall(head.encode() + data)

    def _open(self, talk: Talk) -> None:
        key = talk.request.headers.get("sec-websocket-key", "")
        accept = b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        talk.sock.sendall(
            b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )


seen: list[str] = []
_WEBHOOK = (
    b"X-Fal-Webhook-Request-Id: r\r\nX-Fal-Webhook-User-Id: u\r\nX-Fal-Webhook-Timestamp: %d\r\n"
    b"X-Fal-Webhook-Signature: %s\r\n\r\n{}"
) % (time.time(), b"0" * 128)
_MANY = tuple(f"11111111-2222-4333-8444-{number:012}" for number in range(16))
_ROWS = ("batch", "acme/x", "rows.csv", "prompt={{prompt}}", "--yes", "-d", "out/", "--concurrency", "16")
FREE = ("--no-validate",)
CASES = (
    Case("run", ("run", "acme/x", "prompt=x", *FREE), "call"),
    Case("run", ("run", "acme/x", "prompt=x", *FREE), "events"),
    Case("run", ("run", "acme/x", "prompt=x", *FREE), "result"),
    Case("run", ("run", "acme/x", "prompt=x"), "models"),
    Case("run -d", ("run", "acme/x", "prompt=x", "-d", "out/", *FREE), "result"),
    Case("run -d", ("run", "acme/x", "prompt=x", "-d", "out/", *FREE), "media"),
    Case("run --json", ("run", "acme/x", "prompt=x", "--json", *FREE), "result"),
    Case("run --query", ("run", "acme/x", "prompt=x", "--query", "text", *FREE), "result"),
    Case("run --print urls", ("run", "acme/x", "prompt=x", "--print", "urls", *FREE), "result"),
    Case("run --print envelope", ("run", "acme/x", "prompt=x", "--print", "envelope", *FREE), "result"),
    Case("run --direct", ("run", "--direct", "acme/x", "prompt=x", *FREE), "call"),
    Case("run --direct -d", ("run", "--direct", "acme/x", "prompt=x", "-d", "out/", *FREE), "call"),
    Case("submit", ("submit", "acme/x", "prompt=x", *FREE), "call"),
    Case("status", ("status", "acme/x", _ID), "status"),
    Case("status --json", ("status", "acme/x", _ID, "--json"), "status"),
    Case("status --follow", ("status", "acme/x", _ID, "--follow"), "events"),
    Case("logs", ("logs", "acme/x", _ID), "status"),
    Case("result", ("result", "acme/x", _ID), "result"),
    Case("cancel", ("cancel", "acme/x", _ID), "cancel"),
    Case("wait", ("wait", "acme/x", _ID), "events"),
    Case("resume", ("resume", "acme/x", _ID), "events"),
    Case("resume", ("resume", "acme/x", _ID), "result"),
    Case("stream", ("stream", "acme/x", "prompt=x", *FREE), "stream"),
    Case("stream --text", ("stream", "acme/x", "prompt=x", "--text", *FREE), "stream"),
    Case("realtime", ("realtime", "acme/x"), "token", b'{"a":1}\n'),
    Case("realtime", ("realtime", "acme/x"), "socket", b'{"a":1}\n'),
    Case("upload", ("upload", "photo.jpg"), "storage"),
    Case("upload", ("upload", "photo.jpg"), "put"),
    Case("models", ("models",), "models"),
    Case("models --json", ("models", "x", "--json"), "models"),
    Case("schema", ("schema", "acme/x"), "models"),
    Case("pricing", ("pricing", "acme/x"), "pricing"),
    Case("doctor", ("doctor",), "call"),
    Case("doctor", ("doctor",), "pricing"),
    Case("webhook verify", ("webhook", "verify", "--tolerance", "1h"), "keys", _WEBHOOK),
    Case("cost", ("cost",), "charges", first=("run", "acme/x", "prompt=x", *FREE)),
    Case("cost", ("cost",), "pricing", first=("run", "acme/x", "prompt=x", *FREE)),
    Case("auth status", ("auth", "status"), "platform"),
    Case("resume of 16", ("resume", "acme/x", *_MANY, "-d", "out/"), "result"),
    Case("resume of 16", ("resume", "acme/x", *_MANY, "-d", "out/"), "events"),
    Case("resume of 16", ("resume", "acme/x", *_MANY, "-d", "out/"), "status", streams=False),
    Case("wait of 16", ("wait", "acme/x", *_MANY), "result"),
    Case("batch", (*_ROWS, *FREE), "call"),
    Case("batch", (*_ROWS, *FREE), "result"),
    Case("batch", (*_ROWS, *FREE), "events"),
    Case("batch", (*_ROWS, *FREE), "status", streams=False),
)


def peak_of(case: Case, url: str, folder: Path) -> tuple[float, float, str]:
    """The memory in megabytes and the seconds that a command took, and the first thing that it said."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("FAL_")}
    env |= {f"FAL_{name}_HOST": url for name in ("RUN", "QUEUE_RUN", "REST", "API", "CDN")}
    env |= {"FAL_KEY": _KEY, "FAL_CLI_HOME": str(folder / "home"), "HOME": str(folder), "PYTHONPATH": HURRY}
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    (folder / "rows.csv").write_text("prompt\n" + "\n".join(map(str, range(16))) + "\n", "ascii")
    report = folder / "report"
    launcher = (sys.executable, "-I", "-S", str(_LAUNCHER), str(report), "1", "1")
    limit = ("timeout", "-s", "INT", "-k", "3", str(SECONDS))
    program = (sys.executable, "-m", "fal_cli")
    if case.first:
        subprocess.run((*program, *case.first), env=env, cwd=folder, capture_output=True, check=True)
    words = (*launcher, *limit, *program, *case.argv)
    done = subprocess.run(
        words, input=case.stdin, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    _, seconds, _, peak, _ = report.read_text("ascii").split()
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    faults = [line for line in said if line.startswith(("fal:", "{"))] or said
    return int(peak) / MIB, float(seconds), faults[0][:110] if faults else ""


def _listener_peak(senders: Sequence[Callable[[], Pieces]], folder: Path) -> float:
    """The memory that `webhook listen` took, while these sent to it at once."""
    report = folder / "report"
    launcher = (sys.executable, "-I", "-S", str(_LAUNCHER), str(report), "1", "1", "timeout", "-s", "INT", "60")
    words = ("-m", "fal_cli", "webhook", "listen", "--no-verify", "--port", "0", "--json")
    env = {**os.environ, "FAL_CLI_HOME": str(folder / "home")}
    with subprocess.Popen(
        (*launcher, sys.executable, *words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env, cwd=folder
    ) as process:
        assert process.stderr is not None
        port = urlsplit(json.loads(process.stderr.readline())["url"]).port
        threads = [threading.Thread(target=_send_to, args=(port, pieces)) for pieces in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (listener,) = _children(process.pid)
        os.kill(listener, signal.SIGINT)
        process.communicate()
    return int(report.read_text("ascii").split()[3]) / MIB


def _children(pid: int) -> list[int]:
    """The processes that a process has started (Linux)."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def _send_to(port: int | None, pieces: Callable[[], Pieces]) -> None:
    """Sends a request, and waits for its answer as long as a sender of webhooks may."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port or 0), timeout=SECONDS) as sock:
        for piece in pieces():
            sock.sendall(piece)
        while sock.recv(65536):
            pass


def _posted(body: Callable[[], Pieces]) -> Callable[[], Pieces]:
    def pieces() -> Pieces:
        whole = b"".join(body())
        yield b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(whole)
        yield whole

    return pieces


def _half_sent() -> Pieces:
    yield b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (20 * MIB)
    yield from [_PIECE] * 16
    time.sleep(SECONDS / 2)


def _of_long_headers() -> Pieces:
    yield b"POST / HTTP/1.1\r\n" + BODIES["headers"].head
    time.sleep(1.0)


DELIVERIES = {
    "15 MB of text": [_posted(_text(15))] * 4,
    "15 MB of values": [_posted(_values(15))] * 4,
    "2 MB of values": [_posted(_values(2))] * 30,
    "15 MB of log lines": [_posted(log_lines(15))] * 4,
    "half-sent": [_half_sent] * 30,
    "headers": [_of_long_headers] * 30,
}


def _listeners(good: float) -> float:
    """Prints what `webhook listen` takes for each kind of delivery; the most beyond a good one."""
    worst = 0.0
    for name, senders in DELIVERIES.items():
        with tempfile.TemporaryDirectory() as folder:
            peak = _listener_peak(senders, Path(folder))
        worst = max(worst, peak - good)
        mark = "TOO MUCH" if peak - good > ALLOWED_MIB else "ok"
        title = f"webhook listen · {len(senders)} deliveries"
        print(f"{title} | {name} | {good:.0f} | {peak:.0f} | {peak - good:+.0f} | {mark}", flush=True)
    return worst


def _bodies(case: Case) -> Iterator[tuple[str, int, str, Body]]:
    for name, body in BODIES.items():
        for status in (200, 500):
            if case.route == "socket" and status == 200:
                continue
            if status == 500 and name != "bomb":
                continue
            yield f"{name}{'' if status == 200 else ', a 500'}", status, "application/json", body
    if case.route in ("events", "stream"):
        for name, pieces in EVENTS.items():
            yield name, 200, "text/event-stream", Body(b"", pieces)
    if case.route == "socket":
        for name, pieces in FRAMES.items():
            yield name, 101, "websocket", Body(b"", pieces)


def main() -> int:
    wanted = sys.argv[1:]
    service, worst = Service(), 0.0
    with Server([service.step]) as server:
        for case in CASES:
            title = f"{case.name} · {case.route}"
            if wanted and not any(word in title for word in wanted):
                continue
            service.direct, service.streams = "--direct" in case.argv, case.streams
            service.hostile = None
            seen.clear()
            with tempfile.TemporaryDirectory() as folder:
                good, _, said = peak_of(case, server.url, Path(folder))
            if case.route not in seen:
                print(f"{title}: the good one asks {seen}, says {said}", flush=True)
            for name, status, kind, body in _bodies(case):
                service.hostile = (case.route, status, kind, body)
                with tempfile.TemporaryDirectory() as folder:
                    peak, seconds, said = peak_of(case, server.url, Path(folder))
                worst = max(worst, peak - good)
                mark = "TOO MUCH" if peak - good > ALLOWED_MIB else "ok"
                figures = f"{good:.0f} | {peak:.0f} | {peak - good:+.0f} | {seconds:.1f} s"
                print(f"{title} | {name} | {figures} | {mark} | {said}", flush=True)
    if not wanted or any("webhook listen".startswith(word) for word in wanted):
        with tempfile.TemporaryDirectory() as folder:
            good = _listener_peak([_posted(lambda: iter([b"{}"]))], Path(folder))
        worst = max(worst, _listeners(good))
    return worst > ALLOWED_MIB


if __name__ == "__main__":
    sys.exit(main())
