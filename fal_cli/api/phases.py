"""How far an HTTP exchange got, noted by the connection itself.

The exceptions of requests do not tell: a reset during the TLS handshake and one after sending look the
same. So urllib3's connection classes are extended at three public methods, and the pool classes that
hold them are handed to each adapter.
"""

import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse

from fal_cli.api.errors import Phase

WRITE_SECONDS = 30.0
_BLOCK = 1024 * 1024
_SEND_BLOCK = 1024 * 1024  # how much of a file is read and sent at a time; 16 KiB takes twice as long
_KEEPALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


class Exchange:
    """One request and its answer, as seen from outside: `phase` moves forward while it happens.

    A signal handler reads it to know whether bytes may have left, and sets `is_abandoned` so that it is not made
    again. `sock` is the socket in use, whose timeout a reader of an event stream adjusts. `request_id` is what
    the answer's headers named, where its body was lost.
    """

    def __init__(self) -> None:
        self.phase = Phase.NOT_CONNECTED
        self.sock: socket.socket | None = None
        self.request_id = ""
        self.is_abandoned = False


class Recorder:
    """Holds the exchange that the connections of one adapter report to."""

    def __init__(self) -> None:
        self.exchange = Exchange()


class PhasedAdapter(HTTPAdapter):
    """An adapter without retries whose connections report their phase to `recorder`."""

    def __init__(self, recorder: Recorder) -> None:
        self._pools = _pool_classes(recorder)
        super().__init__(pool_connections=4, pool_maxsize=4, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        kwargs["socket_options"] = [*HTTPConnection.default_socket_options, _KEEPALIVE]
        kwargs["blocksize"] = _SEND_BLOCK
        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def forget_connections(self) -> None:
        """Closes what is pooled, so that the next exchange has a connection of its own."""
        self.poolmanager.clear()
        for manager in self.proxy_manager.values():
            manager.clear()


def _pool_classes(recorder: Recorder) -> dict[str, type[Any]]:
    class Plain(_Phased, HTTPConnection):
        _recorder = recorder

    class Secure(_Phased, HTTPSConnection):
        _recorder = recorder

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _Phased(HTTPConnection):
    """Notes the phase around connect, send and getresponse."""

    _recorder: Recorder
    _is_connecting = False

    def connect(self) -> None:
        # A proxy's CONNECT goes through `send` as well, but nothing of the request is in it.
        self._is_connecting = True
        try:
            super().connect()
        finally:
            self._is_connecting = False

    def send(self, data: Any) -> None:
        if self._is_connecting:
            super().send(data)
            return
        if self.sock is None:
            self.connect()
        exchange = self._recorder.exchange
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
        exchange = self._recorder.exchange
        exchange.phase = Phase.WAITING
        response = super().getresponse()
        exchange.phase = Phase.ANSWERING
        return response
