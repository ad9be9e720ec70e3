"""A receiver of webhooks on this machine, which answers as it is told to."""

import base64
import hashlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LEEWAY_SECONDS = 300


@dataclass(frozen=True)
class Delivery:
    """A webhook as it came; names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Answers the deliveries with `answers` in turn, and then with 200.

    An answer is a status, or a function of the handler.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.deliveries: list[Delivery] = []
        self.answers: list[int | Callable[[BaseHTTPRequestHandler], None]] = []
        kind = _Server6 if ":" in host else ThreadingHTTPServer
        self._server = kind((host, port), self._handler())
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def wrap(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.deliveries.append(Delivery(self.path, headers, body))
                answer = receiver.answers.pop(0) if receiver.answers else 200
                if callable(answer):
                    answer(self)
                    return
                self.send_response(answer)
                if answer // 100 == 3:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


class _Server6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


def is_signed(delivery: Delivery, jwks: Any) -> bool:
    """Whether a webhook is the service's, checked as §10.3 says it."""
    headers = delivery.headers
    names = ("request-id", "user-id", "timestamp", "signature")
    request_id, user_id, timestamp, signature = (headers[f"x-fal-webhook-{name}"] for name in names)
    if abs(time.time() - int(timestamp)) > LEEWAY_SECONDS:
        return False
    message = "\n".join([request_id, user_id, timestamp, hashlib.sha256(delivery.body).hexdigest()]).encode()
    return any(_fits(key, signature, message) for key in jwks["keys"])


def _fits(key: Any, signature: str, message: bytes) -> bool:
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    try:
        public.verify(bytes.fromhex(signature), message)
    except InvalidSignature:
        return False
    return True
