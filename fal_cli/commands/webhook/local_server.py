"""A small HTTP server on the loopback, for one purpose each: to receive webhooks, or to publish keys."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any, cast

from fal_cli.api.head import Head, TooLarge
from fal_cli.commands.webhook.signature import KEYS_PATH
from fal_cli.errors import CliError

HOST = "127.0.0.1"
SILENCE_SECONDS = 30.0


class LocalServer(ThreadingHTTPServer):
    """Listens on a port of the loopback, 0 taking a free one. Raises `CliError` if it cannot."""

    request_queue_size = 128  # the base's 5 drops connections when many webhooks come at once

    def __init__(self, port: int, handler: type["Handler"], option: str) -> None:
        try:
            super().__init__((HOST, port), handler)
        except OSError as error:
            hint = f"Choose another with {option}; 0 takes a free one."
            raise CliError(f"cannot listen on port {port}: {error.strerror or error}", hint=hint) from None

    def server_bind(self) -> None:
        """Without the base's look-up of this machine's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Disconnects are not logged."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serves in the background while the block runs."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers one request a connection, in plain text, and writes no log of its own."""

    server_version = "fal-cli"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # the base's 0.9 answers a malformed request without a status line
    timeout = SILENCE_SECONDS
    error_message_format = "%(code)d %(message)s\n"
    error_content_type = "text/plain; charset=utf-8"

    def parse_request(self) -> bool:
        """As the base does it; what has too many headers is refused."""
        stream = self.rfile
        self.rfile = cast(BufferedIOBase, Head(stream))
        try:
            return super().parse_request()
        except TooLarge as error:
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, str(error))
            return False
        finally:
            self.rfile = stream

    def answer(
        self,
        status: int,
        body: bytes,
        kind: str = "text/plain; charset=utf-8",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Writes a whole answer."""
        self.send_response(status)
        fields = {"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"}
        for name, value in {**fields, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: untrusted text never goes to the terminal unasked."""


class KeyServer(LocalServer):
    """Publishes a key set where the service has its own; `tell` hears of each time that it is fetched."""

    def __init__(self, port: int, jwks: Mapping[str, Any], option: str, tell: Callable[[str], None]) -> None:
        super().__init__(port, _KeyHandler, option)
        self.document = json.dumps(jwks).encode()
        self.tell = tell

    @property
    def jwks_url(self) -> str:
        return f"{self.url}{KEYS_PATH}"


class _KeyHandler(Handler):
    server: KeyServer

    def do_GET(self) -> None:
        """The keys, at their one path."""
        if self.path.partition("?")[0] != KEYS_PATH:
            self.answer(404, f"the keys are at {KEYS_PATH}\n".encode())
            return
        self.server.tell("the keys were fetched")
        self.answer(200, self.server.document, "application/json")

    do_HEAD = do_GET
