"""A service that takes every upload and keeps nothing, and sends files and events as fast as they are taken.

Run as a process of its own, so that its work is not counted as a client's: `python -m tests.bench.sink` prints its
port and serves until it is ended.
"""

import http.server
import json
import socketserver
import sys
import time

BLOCK = bytes(1024 * 1024)


class Handler(http.server.BaseHTTPRequestHandler):
    """The routes that an upload, a download and a stream need (wire §5, §6)."""

    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def do_POST(self) -> None:
        self._discard()
        base = f"http://{self.headers['Host']}"
        if self.path.startswith("/storage/auth/token"):
            expires = "2099-01-01T00:00:00+00:00"
            self._json({"token": "t", "token_type": "Bearer", "base_url": base, "expires_at": expires})
        elif "/storage/upload/initiate" in self.path:
            self._json({"upload_url": f"{base}/up?signature=s", "file_url": f"{base}/files/b/x/f.bin"})
        elif self.path.endswith("/stream"):
            self._events()
        else:
            self._json({"access_url": f"{base}/files/b/x/f.bin", "uploadId": "u"})

    def do_PUT(self) -> None:
        self._discard()
        self._json({"partNumber": 1, "etag": "e"}, {"ETag": '"e"'})

    def do_GET(self) -> None:
        size = int(self.path.rpartition("/")[2])
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        while size > 0:
            self.wfile.write(BLOCK[: min(size, len(BLOCK))])
            size -= len(BLOCK)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def _events(self) -> None:
        """As many events as the path's first segment says; `slow` sends a time stamp every 20 ms instead."""
        count = self.path.split("/")[1]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if count == "slow":
            for _ in range(50):
                self._chunk(b'data: {"at": %d}\n\n' % time.time_ns())
                time.sleep(0.02)
        else:
            line = b'data: {"output": "a word or two", "partial": true}\n\n'
            for _ in range(int(count) // 100):
                self._chunk(line * 100)
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _discard(self) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        buffer = bytearray(1024 * 1024)
        while left > 0:
            got = self.rfile.readinto(memoryview(buffer)[: min(left, len(buffer))])  # type: ignore[attr-defined]
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


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
