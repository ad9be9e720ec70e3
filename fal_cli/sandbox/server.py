"""Starting and stopping a sandbox: one server, a port for each service."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any, cast

import uvicorn

from fal_cli.sandbox.app import Application
from fal_cli.sandbox.intake.context import Addresses, Context
from fal_cli.sandbox.intake.names import Names
from fal_cli.sandbox.orders.faults import parse_fault
from fal_cli.sandbox.orders.settings import parse_settings
from fal_cli.sandbox.replies.connection import Protocol
from fal_cli.sandbox.state import keys, line
from fal_cli.sandbox.state.store import Store

__all__ = ["SERVICES", "Addresses", "Sandbox"]

# Each is a host of its own in reality, with the root of its paths to itself.
SERVICES = ("run", "queue", "cdn", "rest", "api")
HOST = "127.0.0.1"
_BACKLOG = 128
_STOP_SECONDS = 10.0
_PING_SECONDS = 20.0


class Sandbox:
    """A local fal. The sockets listen from the constructor on, so no connection comes too early."""

    def __init__(
        self,
        state: Path,
        *,
        faults: Sequence[str] = (),
        port: int = 0,
        cert: Path | None = None,
        key: Path | None = None,
        webhooks: bool = False,
        hosts: Sequence[str] = (),
        settings: Sequence[str] = (),
    ) -> None:
        """Bind `port` and those after it (0: any free ones); `cert` and `key` are PEM files for https.

        `webhooks` is whether it is to take and deliver any, which is for one that outlives a command. `hosts` are
        names beside its own that it answers to, those of a proxy before it say. `settings` are words of
        `orders.settings`.

        Raises OSError if a port is taken or a file cannot be read, HostError, SettingError, and ValueError for a
        malformed fault.
        """
        parsed = tuple(parse_fault(text) for text in faults)
        chosen = parse_settings(settings)
        self._prices = dict(chosen.price)
        chosen = replace(chosen, price=self._prices)
        names = Names(hosts)
        self.keys = keys.of(state)
        self.store = Store(state)
        self._sockets = _bind(port)
        ports = [bound.getsockname()[1] for bound in self._sockets]
        scheme = "https" if cert else "http"
        self.addresses = Addresses(*(f"{scheme}://{HOST}:{number}" for number in ports))
        if chosen.concurrency is not None:
            line.set_limit(self.store, chosen.concurrency, time.time())
        context = Context(self.store, self.keys, self.addresses, parsed, chosen, has_webhooks=webhooks)
        application = Application(context, dict(zip(ports, SERVICES, strict=True)), names)
        try:
            self._server = _Server(_config(application, cert, key))
        except OSError:
            self._close_sockets()
            raise
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve from a daemon thread; returns at once."""
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._thread.start()

    def serve(self) -> None:
        """Serve in this, the main, thread until SIGINT or SIGTERM; then return."""
        self._serve()

    def stop(self) -> None:
        """End serving and free the ports; safe to call twice, or without a start."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
        self._close_sockets()

    def set_price(self, endpoint_id: str, dollars: Decimal) -> None:
        """A unit costs so much from now on; what was accepted before is billed as it was."""
        self._prices[endpoint_id] = dollars

    def _serve(self) -> None:
        try:
            self._server.run(sockets=self._sockets)
        finally:
            self.store.close()

    def _close_sockets(self) -> None:
        for bound in self._sockets:
            bound.close()


class _Server(uvicorn.Server):
    """uvicorn's server, but a signal ends it without being raised once more afterwards."""

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn has it, but a signal in the moment before it begins leaves no warning about it behind."""
        serving = self.serve(sockets=sockets)
        try:
            with asyncio.Runner(loop_factory=self.config.get_loop_factory()) as runner:
                runner.run(serving)
        finally:
            serving.close()  # nothing is left to close of one that ran

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        earlier = {number: signal.signal(number, self._leave) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def _leave(self, _number: int, _frame: FrameType | None) -> None:
        self.should_exit = True


def _config(application: Application, cert: Path | None, key: Path | None) -> uvicorn.Config:
    config = uvicorn.Config(
        application,
        http=Protocol,
        ws=cast("type[asyncio.Protocol]", _web_sockets),
        # No pong within 20 s of a ping is no pong for 40 s (§15 #14).
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        loop="asyncio",
        lifespan="off",
        log_config=None,
        # An ordered fault looks like a failure to uvicorn, which would say so on the user's stderr.
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=0,
        ssl_certfile=cert,
        ssl_keyfile=key,
    )
    config.load()
    return config


def _web_sockets(**options: Any) -> asyncio.Protocol:
    """The protocol of one socket; the library is imported for the first one."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**options)


def _bind(port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for offset in range(len(SERVICES)):
            sockets.append(_listen(port + offset if port else 0))
    except OSError:
        for bound in sockets:
            bound.close()
        raise
    return sockets


def _listen(port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise OSError(f"port {port} is out of range")
    # The protocol is named so that asyncio knows the accepted sockets for TCP's and has them send at once: a body
    # would wait 40 ms for the acknowledgement of its headers otherwise.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound
