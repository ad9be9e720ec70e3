"""Places for stories about money: everything that the program says to anyone passes a proxy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Program, Service
from tests.support.fault_proxy import Proxy
from tests.support.faulty_server import Authority
from tests.support.place import HURRY, KEY, Place


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
