"""Where printed scripts run: a sandbox over TLS, the vendor's clients beside it, and whoever receives a webhook."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SECONDS, Finished, Program, Service
from tests.interop.conftest import Once, Served, certificates, once, tls_sandbox  # noqa: F401  # fixtures
from tests.interop.test_javascript_client import _install, _missing_node
from tests.support.fault_proxy import Proxy
from tests.support.faulty_server import Authority, Server, answer, answering

ENDINGS = {"python": "py", "js": "mjs", "curl": "sh", "shell": "sh"}


@dataclass(frozen=True)
class Desk:
    """A folder where calls are printed as scripts, and the scripts run.

    `program` prints them; `env` is all that a script is told. Both have the folder as theirs.
    """

    folder: Path
    program: Program
    env: Mapping[str, str]
    preload: Path | None = None

    def fal(
        self, *words: str, code: int | None = 0, env: Mapping[str, str] | None = None, stdin: bytes | None = None
    ) -> Finished:
        """Runs a command line of `fal` here."""
        pipe = {} if stdin is None else {"stdin": subprocess.PIPE}
        process = self.program.start(*words, cwd=self.folder, env=env, **pipe)
        stdout, stderr = process.communicate(stdin, timeout=SECONDS)
        if code is not None:
            assert process.returncode == code, stderr.decode()
        return Finished(process.returncode, stdout, stderr.decode())

    def printed(self, language: str, *words: str) -> Path:
        """The script of a call, in a file."""
        path = self.folder / f"script.{ENDINGS[language]}"
        path.write_bytes(self.fal(*words, "--as", language).stdout)
        return path

    def run(
        self, language: str, *words: str, shell: str = "sh", node: Sequence[str] = (), code: int | None = 0
    ) -> Finished:
        """Prints a call and runs the script. `fal` itself takes key and hosts from its surroundings."""
        path = self.printed(language, *words)
        done = self.run_file(path, *self._runner(language, shell, node), knows_all=language == "shell")
        assert code in (done.code, None), f"{path.read_text()}\n{done.text}\n{done.stderr}"
        return done

    def run_file(self, path: Path, *runner: str, knows_all: bool = False) -> Finished:
        """Runs a script; one that `knows_all` is told all that the program is."""
        env = {**self.env, **self.program.env, "PATH": self.env["PATH"]} if knows_all else self.env
        done = subprocess.run(
            [*runner, path.name],
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr.decode())

    def _runner(self, language: str, shell: str, node: Sequence[str]) -> list[str]:
        if language == "python":
            return [sys.executable]
        if language == "js":
            return ["node", *node, *(["--import", str(self.preload)] if self.preload else [])]
        return [shell]


@pytest.fixture(scope="session")
def modules(once: Once) -> Path | None:  # noqa: F811
    """The folder `node_modules` with the vendor's JavaScript client; None where it cannot be installed."""
    folder = once.folder / "modules-for-scripts"

    def work() -> dict[str, Any]:
        return {"missing": _missing_node() or _install(folder)}

    return None if once("modules-for-scripts", work)["missing"] else folder / "node_modules"


@pytest.fixture
def languages(modules: Path | None) -> list[str]:
    """Those whose scripts can run here."""
    missing = {"js": modules is None, "python": find_spec("fal_client") is None}
    return [language for language in ENDINGS if not missing.get(language)]


@pytest.fixture
def folder(tmp_path: Path, modules: Path | None) -> Path:
    """The folder to work in. A module finds the client beside itself."""
    folder = tmp_path / "work"
    folder.mkdir()
    if modules:
        (folder / "node_modules").symlink_to(modules)
    return folder


@pytest.fixture
def desk(folder: Path, home: Path, tls_sandbox: Served) -> Desk:  # noqa: F811
    """Scripts of calls of a sandbox that is served over TLS: they say themselves where it is."""
    authority = str(tls_sandbox.authority)
    program = Program(home, tls_sandbox.printed | {"SSL_CERT_FILE": authority})
    trust = {"SSL_CERT_FILE": authority, "CURL_CA_BUNDLE": authority, "NODE_EXTRA_CA_CERTS": authority}
    key = {"FAL_KEY": tls_sandbox.printed["FAL_KEY"]}
    return Desk(folder, program, surroundings(home) | key | trust)


@pytest.fixture
def plain_desk(folder: Path, home: Path, service: Service) -> Desk:
    """The same for a sandbox that is served without TLS."""
    key = {"FAL_KEY": service.env["FAL_KEY"]}
    return Desk(folder, Program(home, service.env), surroundings(home) | key)


@dataclass(frozen=True)
class RealNames:
    """A desk whose scripts call the service by its own names, and the proxy that they all come through."""

    desk: Desk
    proxy: Proxy


@pytest.fixture
def real_names(folder: Path, home: Path, tmp_path: Path, service: Service) -> Iterator[RealNames]:
    """The scripts are as they are for the service itself; only the way to it leads here.

    Node.js takes no proxy from the environment: there `fetch` is led here, before the script begins.
    """
    authority = Authority(tmp_path)
    with Proxy(service.sandbox.addresses, authority=authority) as proxy:
        bundle = str(authority.bundle)
        trust = {"SSL_CERT_FILE": bundle, "CURL_CA_BUNDLE": bundle}
        preload = tmp_path / "preload.mjs"
        preload.write_text(_led_to(proxy))
        env = surroundings(home) | proxy.tls_env | trust
        yield RealNames(Desk(folder, Program(home, proxy.tls_env), env, preload), proxy)


def _led_to(proxy: Proxy) -> str:
    addresses = proxy.addresses
    hosts = {"fal.run": addresses.run, "queue.fal.run": addresses.queue, "rest.fal.ai": addresses.rest}
    return f"""
const hosts = {hosts};
const original = globalThis.fetch;
globalThis.fetch = (url, init) => {{
  const to = new URL(url);
  const base = hosts[to.host] ?? (to.hostname === "127.0.0.1" ? to.origin : undefined);
  if (!base) throw new Error(`no sandbox for ${{to.host}}`);
  return original(base + to.pathname + to.search, init);
}};
"""


@pytest.fixture
def hook() -> Iterator[Server]:
    """A receiver of webhooks."""
    with Server(answering(answer(200))) as server:
        yield server


def surroundings(home: Path) -> dict[str, str]:
    """What every script has around it: the programs, among them this one, and a home."""
    programs = home / "bin"
    programs.mkdir(exist_ok=True)
    fal = programs / "fal"
    fal.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fal_cli "$@"\n')
    fal.chmod(0o755)
    return {"HOME": str(home), "FAL_CLI_HOME": str(home / "fal"), "PATH": f"{programs}:{os.environ['PATH']}"}
