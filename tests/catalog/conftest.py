"""Runs of the program in this process, each against a platform API of a few models."""

import io
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from fal_cli.context import Context
from fal_cli.options import GlobalFlags
from fal_cli.terminal.terminal import Streams
from tests.support.catalogue_server import Catalogue
from tests.support.faulty_server import Server, clear_environment

Make = Callable[..., "Run"]
Clock = Callable[[float], None]


class Run:
    """A context and what it says on stderr."""

    def __init__(self, env: Mapping[str, str], *, verbose: int = 1) -> None:
        self.stderr = io.StringIO()
        streams = Streams(None, io.BytesIO(), self.stderr, False, False, False)
        self.context = Context(streams, env, flags=GlobalFlags(verbose=verbose))

    @property
    def said(self) -> str:
        return self.stderr.getvalue()


@pytest.fixture
def api() -> Catalogue:
    return Catalogue()


@pytest.fixture
def server(api: Catalogue) -> Iterator[Server]:
    with api.server() as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a run of the program against the server; each stands for a process of its own."""
    clear_environment(monkeypatch)

    def make(**env: str) -> Run:
        return Run({"HOME": str(tmp_path), "FAL_CLI_HOME": str(tmp_path / "fal"), "FAL_API_HOST": server.url} | env)

    return make


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the wall clock so many seconds ahead."""
    real = time.time

    def ahead(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: real() + seconds)
        monkeypatch.setattr("fal_cli.files.cache.Cache.__init__.__kwdefaults__", {"now": lambda: real() + seconds})

    return ahead
