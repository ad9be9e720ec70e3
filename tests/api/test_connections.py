"""No reference cycle holds a connection: each is freed with its wire, with the collector switched off.

A connection that waits for the collector holds its socket, and its memory, for as long as a command runs.
"""

import gc
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from fal_cli.api import cdn, direct, follow, queue
from fal_cli.api.call_options import CallOptions
from fal_cli.api.download import Download, fetch
from fal_cli.api.errors import ApiError
from fal_cli.api.hosts import Hosts
from fal_cli.api.phases import PhasedAdapter
from fal_cli.api.wire import Wire
from fal_cli.endpoint import EndpointId
from tests.support.faulty_server import Server, answer, answering

TOY = EndpointId("acme", "toy")
HELD = (Wire, PhasedAdapter, requests.Response, HTTPConnection, HTTPConnectionPool, socket.socket)
DONE = answer(200, {"status": "COMPLETED", "request_id": "r-1", "token": "t", "base_url": "http://127.0.0.1:1"})
FAILED = answer(404, {"detail": "no"})


def look(wire: Wire) -> None:
    queue.status(wire, queue.handle_for(wire.hosts, TOY, "r-1"))


def follow_it(wire: Wire) -> None:
    list(follow.follow(wire, queue.handle_for(wire.hosts, TOY, "r-1")))


def call(wire: Wire) -> None:
    direct.run(wire, TOY, {}, CallOptions())


def download(wire: Wire) -> None:
    list(fetch(wire.twin(), Download(f"{wire.hosts.cdn}/x")))


def ask_for_a_token(wire: Wire) -> None:
    cdn.of(wire).with_token(str)
    cdn.of(wire.twin()).with_token(str)


def make_a_twin(wire: Wire) -> None:
    look(wire.twin())


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held(url: str) -> Counter[str]:
    """How many of these things are alive, by their kind; of sockets those that are connected to the server."""
    alive = [found for found in gc.get_objects() if isinstance(found, HELD)]
    return Counter(
        type(found).__name__ for found in alive if not isinstance(found, socket.socket) or leads_to(found, url)
    )


def leads_to(sock: socket.socket, url: str) -> bool:
    try:
        return url.endswith(f":{sock.getpeername()[1]}")
    except OSError:  # it is closed
        return False


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("use", [look, follow_it, call, download, ask_for_a_token, make_a_twin])
@pytest.mark.parametrize("reply", [DONE, FAILED], ids=["good", "refused"])
def test_a_connection_goes_with_its_wire(use: Callable[[Wire], None], reply: Callable[..., None]) -> None:
    with Server(answering(reply)) as server:
        hosts = Hosts(run=server.url, queue=server.url, rest=server.url, cdn=server.url, api=server.url)

        def once() -> None:
            with suppress(ApiError):
                use(Wire(hosts, "Key a:b"))

        once()
        before = held(server.url)
        for _ in range(10):
            once()
        assert held(server.url) - before == Counter()


def test_what_the_adapter_replaces_is_there() -> None:
    """A version of requests that does not ask for it would use connections and certificates of its own."""
    own = {"forget_connections"}
    replaced = {name for name in vars(PhasedAdapter) if not name.startswith("_")} - own
    assert replaced
    assert {name for name in replaced if not hasattr(HTTPAdapter, name)} == set()
