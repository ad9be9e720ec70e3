"""One sandbox for a file's tests, and a way to start others."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fal_cli.sandbox.server import Sandbox
from tests.support.sandbox_client import Client
from tests.support.sandbox_keys import sandbox_at


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a sandbox without faults, shared by the tests of a file."""
    sandbox = sandbox_at(tmp_path_factory.mktemp("sandbox") / "state")
    sandbox.start()
    yield Client(sandbox)
    sandbox.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Start a sandbox of one's own; all of a test share one state folder."""
    started: list[Sandbox] = []

    def begin(**options: Any) -> Client:
        sandbox = sandbox_at(tmp_path / "state", **options)
        started.append(sandbox)
        sandbox.start()
        return Client(sandbox)

    yield begin
    for sandbox in started:
        sandbox.stop()
