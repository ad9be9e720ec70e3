"""Places for stories about money, where all that the program says passes a proxy; sandboxes with settings."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Program, Service
from tests.support.fault_proxy import Proxy
from tests.support.faulty_server import Authority
from tests.support.place import HURRY, KEY, Place
from tests.support.sandbox_keys import sandbox_at

Serve = Callable[..., tuple[Program, Service]]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def place(tmp_path: Path, home: Path, service: Service, authority: Authority) -> Iterator[Place]:
    """The program calls the real names over TLS; it waits for less (see `tests/hurry`)."""
    folder = tmp_path / "work"
    folder.mkdir()
    with Proxy(service.sandbox.addresses, key=KEY, authority=authority) as proxy:
        program = Program(home, proxy.tls_env | {"PYTHONPATH": HURRY})
        yield Place(home, folder, service, proxy, program, [])


@pytest.fixture
def serve(tmp_path: Path, home: Path) -> Iterator[Serve]:
    """Serves a sandbox with settings, and the program at it."""
    running = []

    def start(*settings: str) -> tuple[Program, Service]:
        state = tmp_path / f"service-{len(running)}"
        sandbox = sandbox_at(state, settings=settings)
        sandbox.start()
        running.append(sandbox)
        service = Service(sandbox, state)
        return Program(home, service.env), service

    yield start
    for sandbox in running:
        sandbox.stop()


@pytest.fixture
def exact_service(serve: Serve) -> Service:
    """A sandbox whose listing leaves nothing out."""
    return serve("exact-listing")[1]
