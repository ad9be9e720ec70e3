"""What every test stands on: a home of its own, the program as a real process, and a served sandbox."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fal_cli.sandbox.server import Sandbox
from fal_cli.sandbox.state.store import Store
from tests.support.full_run import FULL
from tests.support.sandbox_keys import sandbox_at

pytest_plugins = ["tests.support.summary_tables"]

SECONDS = 60.0


@dataclass(frozen=True)
class Finished:
    """A process that ended."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.decode()


class Program:
    """The program as its users run it: a real process with a home and an environment of its own."""

    def __init__(self, home: Path, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "SYSTEMROOT", "LANG") if name in os.environ}
        self.env = keep | {"HOME": str(home), "FAL_CLI_HOME": str(home / "fal"), "LC_ALL": "C.UTF-8"} | dict(env or {})

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-m", "fal_cli"]

    def __call__(
        self,
        *words: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        code: int | None = 0,
        timeout: float = SECONDS,
    ) -> Finished:
        """Runs a command line to its end. stdin is closed unless given; `code` is asserted unless None."""
        done = subprocess.run(
            [*self.argv, *words],
            input=stdin if stdin is not None else None,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env=self.env | dict(env or {}),
            timeout=timeout,
            check=False,
        )
        finished = Finished(done.returncode, done.stdout, done.stderr.decode())
        if code is not None:
            assert finished.code == code, f"code {finished.code}, not {code}\n{finished.text}\n{finished.stderr}"
        return finished

    def start(self, *words: str, env: Mapping[str, str] | None = None, **options: Any) -> "subprocess.Popen[bytes]":
        """Starts a command line and leaves it running."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen([*self.argv, *words], env=self.env | dict(env or {}), **pipes)


@dataclass(frozen=True)
class Service:
    """A served sandbox, what points the program at it, and its own counts."""

    sandbox: Sandbox
    state: Path

    @property
    def env(self) -> dict[str, str]:
        addresses = self.sandbox.addresses
        return {
            "FAL_KEY": self.sandbox.keys.plain,
            "FAL_RUN_HOST": addresses.run,
            "FAL_QUEUE_RUN_HOST": addresses.queue,
            "FAL_CDN_HOST": addresses.cdn,
            "FAL_REST_HOST": addresses.rest,
            "FAL_API_HOST": addresses.api,
        }

    @property
    def stats(self) -> dict[str, Any]:
        return Store(self.state).stats()

    @property
    def accepted(self) -> int:
        return int(self.stats["accepted"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def fal(home: Path) -> Program:
    """The program without a key."""
    return Program(home)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A sandbox that is served for this test."""
    state = tmp_path / "service"
    sandbox = sandbox_at(state)
    sandbox.start()
    yield Service(sandbox, state)
    sandbox.stop()


@pytest.fixture
def served(home: Path, service: Service) -> Program:
    """The program, pointed at the served sandbox with its key."""
    return Program(home, service.env)


@pytest.fixture(autouse=True)
def digits_as_python_has_them() -> Iterator[None]:
    """A result with a long number raises the limit of the process that reads it; the next test is another process."""
    digits = sys.get_int_max_str_digits()
    yield
    sys.set_int_max_str_digits(digits)


_MOST_CELLS = 5
_DRIVES_PROCESSES = ("tests/stories/", "tests/snippets/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of each table whose cells are whole processes an ordinary run has so many, from end to end of it.

    FAL_TESTS_FULL=1 runs every cell, and so does naming one.
    """
    if FULL or any("[" in argument for argument in config.args):
        return
    tables: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.nodeid.startswith(_DRIVES_PROCESSES):
            tables.setdefault(item.nodeid.partition("[")[0], []).append(item)
    left_out: set[pytest.Item] = set()
    for cells in tables.values():
        if len(cells) > _MOST_CELLS:
            step = (len(cells) - 1) / (_MOST_CELLS - 1)
            left_out |= set(cells) - {cells[round(number * step)] for number in range(_MOST_CELLS)}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))
