"""What the interoperability tests share: a sandbox served over TLS by the program itself, and a client process.

The vendor's clients hard-code `https`, so the program serves TLS (`fal sandbox serve --cert --key`) with the
certificate of an authority made here, and a client is pointed at it by nothing but the `export …` lines that
the program prints, and by the variable in which its language looks for an authority.

A client works through all its steps in one process, which takes seconds. It does so once a session: whichever
xdist worker comes first runs it, the others read what it said.
"""

import contextlib
import fcntl
import json
import os
import shlex
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from fal_cli.sandbox.state.store import Store
from tests.conftest import Program

SECONDS = 60.0
STOP_SECONDS = 10.0
PRINTED = ("FAL_KEY", "FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "FAL_CDN_HOST", "FAL_REST_HOST", "FAL_API_HOST")


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority that a client must trust, and the server's certificate with its key."""

    authority: Path
    cert: Path
    key: Path


@dataclass(frozen=True)
class Served:
    """A sandbox that runs: the environment it printed, the authority behind it, and where its state lies."""

    printed: dict[str, str]
    authority: Path
    home: Path

    @property
    def state(self) -> Path:
        return self.home / "fal" / "state" / "sandbox"

    def env(self, authority_variable: str) -> dict[str, str]:
        """All that a client process is told; `authority_variable` is where its language looks for the CA."""
        keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return keep | {"HOME": str(self.home)} | self.printed | {authority_variable: str(self.authority)}


@dataclass(frozen=True)
class Said:
    """What a client reported, step by step, and the state of the sandbox that it talked to."""

    steps: dict[str, dict[str, Any]]
    state: Path

    def __getitem__(self, step: str) -> Any:
        """What a step saw; an exception that the client raised unexpectedly fails the test."""
        line = self.steps.get(step)
        assert line is not None, f"the client never came to the step {step!r}, only to {list(self.steps)}"
        assert "error" not in line, line["error"]
        return line["said"]

    def options(self, request_id: str) -> dict[str, Any]:
        """What the sandbox understood of a submit's headers."""
        found = Store(self.state).request(request_id)
        assert found is not None
        return dict(found[0]["options"])

    def exchanges(self, request_id: str) -> dict[str, int]:
        """How many HTTP exchanges there were about a request, by route."""
        return dict(Store(self.state).stats()["requests"][request_id]["http"])


class Once:
    """Work that is done by one process of a test session; its outcome, as JSON, serves all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        outcome = self.folder / f"{name}.json"
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not outcome.exists():
                outcome.write_text(json.dumps(work()), encoding="utf-8")
            return json.loads(outcome.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    base = tmp_path_factory.getbasetemp()
    # A worker's folder lies in the session's; without workers the parent belongs to all sessions of the user.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "interop-once"
    folder.mkdir(exist_ok=True)
    return Once(folder)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    files = Certificates(folder / "authority.pem", folder / "cert.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(files.authority)
    files.cert.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    server.private_key_pem.write_to_path(files.key)
    return files


@pytest.fixture(scope="session")
def tls_sandbox(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`fal sandbox serve` as a real process. Port 0 takes any free ports, so no two sessions can clash."""
    home = tmp_path_factory.mktemp("served-home")
    program = Program(home)
    words = ("sandbox", "serve", "--port", "0", "--cert", str(certificates.cert), "--key", str(certificates.key))
    errors = home / "stderr.txt"
    with errors.open("wb") as stderr:
        process = program.start(*words, stderr=stderr)
    try:
        printed = _read_exports(process, errors)
        _wait_until_it_answers(printed["FAL_QUEUE_RUN_HOST"], certificates.authority)
        yield Served(printed, certificates.authority, home)
    finally:
        _stop(process)


def _read_exports(process: "subprocess.Popen[bytes]", errors: Path) -> dict[str, str]:
    """The environment in the lines `export NAME=value`, read as a shell would read them."""
    assert process.stdout is not None
    printed: dict[str, str] = {}
    while not printed.keys() >= set(PRINTED):
        line = process.stdout.readline().decode()
        assert line, f"the sandbox ended after printing {printed}\n{errors.read_text()}"
        word, assignment = shlex.split(line)
        assert word == "export", line
        name, _, value = assignment.partition("=")
        printed[name] = value
    return printed


def _wait_until_it_answers(host: str, authority: Path) -> None:
    """One exchange to its end. The sockets listen before the lines are printed, so it cannot be refused."""
    trust = ssl.create_default_context(cafile=str(authority))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    with contextlib.suppress(urllib.error.HTTPError):
        opener.open(f"https://{host}/", timeout=SECONDS).close()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def hear(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> dict[str, dict[str, Any]]:
    """Runs a client's script to its end and reads its lines `{"step": …, "said" or "error": …}`."""
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=dict(env),
        cwd=cwd,
        timeout=SECONDS,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"code {done.returncode}\n{done.stdout}\n{done.stderr}"
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["step"]: line for line in lines}
