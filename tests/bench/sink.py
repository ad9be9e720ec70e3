"""A service that takes every upload and keeps nothing, and sends files, results and events as fast as they are taken.

Run as a process of its own, so that its work is not counted as a client's: `python -m tests.bench.sink` prints its
port and serves until it is ended. It holds no state: the name of an app or of a request says what is to be sent.

| asked for | sends |
|---|---|
| `/COUNT/app/stream` | so many events; of `slow` a time stamp every 20 ms |
| a request `inline-SIZE` | a result of so many bytes, nearly all of them one inline video |
| a request `file-SIZE` | a result that names a file of so many bytes |
| `…/SIZE` | a file of so many bytes |
| a WebSocket | each frame itself |
"""

import http.server
import json
import re
import socketserver
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO, cast

from tests.bench import echo

BLOCK = b"A" * 1024 * 1024
SLOW_EVENTS = 50
SLOW_SECONDS = 0.02
_AT_ONCE = 100
_EVENT = b'data: {"output": "a word or two", "partial": true}\n\n'
_HEAD, _TAIL = b'{"video":{"url":"data:video/mp4;base64,', b'"}}'
_REQUEST = re.compile(r"/requests/(?P<kind>inline|file)-(?P<size>\d+)(?P<status>/status)?$")


class Handler(http.server.BaseHTTPRequestHandler):
    """The routes that the rows need (wire §4 to §7)."""

    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self._discard()
        if self.path.startswith("/storage/auth/token"):
            expires = "2099-01-01T00:00:00+00:00"
            self._json({"token": "t", "token_type": "Bearer", "base_url": self._base, "expires_at": expires})
        elif self.path.startswith("/tokens/"):
            self._json("token")
        elif "/storage/upload/initiate" in self.path:
            url = f"{self._base}/files/b/x/f.bin"
            self._json({"upload_url": f"{self._base}/up?signature=s", "file_url": url})
        elif self.path.endswith("/stream"):
            self._events()
        else:
            self._json({"access_url": f"{self._base}/files/b/x/f.bin", "uploadId": "u"})

    def do_PUT(self) -> None:
        self._discard()
        self._json({"partNumber": 1, "etag": "e"}, {"ETag": '"e"'})

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        request = _REQUEST.search(path)
        size = path.rpartition("/")[2]
        if "Sec-WebSocket-Key" in self.headers:
            self._meet()
        elif request is None and size.isdigit():
            self._send("application/octet-stream", int(size))
        elif request is None:
            self.send_error(404)
        elif request["status"]:
            self._json({"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 1.0}})
        elif request["kind"] == "inline":
            self._send("application/json", int(request["size"]), _HEAD, _TAIL)
        else:
            self._json({"file": {"url": f"{self._base}/files/b/{request['size']}", "content_type": "video/mp4"}})

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    @property
    def _base(self) -> str:
        return f"http://{self.headers['Host']}"

    def _send(self, kind: str, size: int, head: bytes = b"", tail: bytes = b"") -> None:
        """A body of `size` bytes, `head` and `tail` included."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(head)
        for piece in _pieces(size - len(head) - len(tail)):
            self.wfile.write(piece)
        self.wfile.write(tail)

    def _events(self) -> None:
        count = self.path.split("/")[1]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if count == "slow":
            for _ in range(SLOW_EVENTS):
                self.wfile.write(_chunk(b'data: {"at": %d}\n\n' % time.time_ns()))
                time.sleep(SLOW_SECONDS)
        else:
            for _ in range(int(count) // _AT_ONCE):
                self.wfile.write(_chunk(_EVENT) * _AT_ONCE)
        self.wfile.write(_chunk(b""))

    def _meet(self) -> None:
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", echo.accept_key(self.headers["Sec-WebSocket-Key"]))
        self.end_headers()
        echo.converse(cast(BinaryIO, self.rfile), cast(BinaryIO, self.wfile))
        self.close_connection = True

    def _discard(self) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        buffer = bytearray(1024 * 1024)
        while left > 0:
            got = self.rfile.readinto(memoryview(buffer)[: min(left, len(buffer))])
            left -= got
            if not got:
                return

    def _json(self, value: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        for name, text in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A thread a connection."""

    daemon_threads = True
    request_queue_size = 64


def _chunk(data: bytes) -> bytes:
    """One chunk of a body; a service sends each event as one of its own."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def _pieces(size: int) -> Iterator[memoryview]:
    block = memoryview(BLOCK)
    for start in range(0, size, len(BLOCK)):
        yield block[: size - start]


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
