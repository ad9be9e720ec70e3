"""Where the programs run: a home, a sandbox served over TLS, a discarding service, files; made at first need."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import certifi
import trustme

from fal_cli.sandbox.state import record
from fal_cli.sandbox.state.store import Store
from tests.bench.measure import MIB, Talk, measure
from tests.bench.peers import Argv, Peers
from tests.bench.row import Missing, Program, Row

HOSTS = ("FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "FAL_REST_HOST", "FAL_CDN_HOST", "FAL_API_HOST")
"""Each program takes them as `host:port`, or with a scheme."""

ROOT = Path(__file__).parents[2]


class Sandbox:
    """The served sandbox: what points a client at it, and its own counts."""

    def __init__(self, hosts: Mapping[str, str], state: Path) -> None:
        self.hosts = hosts
        self._store = Store(state)

    @property
    def accepted(self) -> int:
        """Requests that were accepted so far."""
        return int(self._store.stats()["accepted"])

    @property
    def exchanges(self) -> int:
        """HTTP requests that came so far."""
        return sum(self._store.stats()["http"].values())

    @property
    def connections(self) -> int:
        """TLS connections that came so far, and brought an HTTP request."""
        return int(self._store.stats()["connections"])

    @property
    def last_completion(self) -> float:
        """When the newest request is COMPLETED (Unix seconds)."""
        newest = next(reversed(self._store.stats()["requests"]))
        found = self._store.request(newest)
        assert found is not None
        request = record.from_json(*found)
        return request.accepted + request.life.end


@dataclass(frozen=True)
class Certificates:
    """PEM files: the server's certificate with its key, and what a client must trust, in the two usual forms.

    Both forms hold the public authorities and the server's own `authority`: `bundle` in one file, `folder` a file each
    under its hash, as the store of a system is.
    """

    authority: Path
    cert: Path
    key: Path
    bundle: Path
    folder: Path


class Place:
    """A folder to work in, and the services, which run until `close`."""

    def __init__(self, folder: Path, peers: Peers) -> None:
        self.folder = folder
        self.peers = peers
        self._closing: list[subprocess.Popen[str]] = []

    def close(self) -> None:
        """Ends the services."""
        for process in self._closing:
            process.kill()
            process.wait()

    # -- programs

    @cached_property
    def fal(self) -> str:
        """The installed console script, as users start it."""
        found = shutil.which("fal", path=str(Path(sys.executable).parent))
        assert found, "there is no fal beside this Python: pip install -e '.[bench]'"
        return found

    def ours(self, *words: str) -> Argv:
        """Our own program."""
        return (self.fal, *words)

    def env(self, home: str = "home", hosts: Mapping[str, str] | None = None) -> dict[str, str]:
        """All that a program is told: a home of its own, and where the services are."""
        folder = self.folder / home
        folder.mkdir(exist_ok=True)
        keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**keep, "HOME": str(folder), "LC_ALL": "C.UTF-8", **(hosts or {})}

    def tls(self, argv: Argv | Missing, home: str = "home") -> dict[str, str]:
        """The environment in which the sandbox is the service, with trust in the form that a program reads by default.

        Ours reads the hashed folder of a system, the Python client and curl a bundle, node what is not built in.
        """
        files = self.certificates
        if not isinstance(argv, Missing) and argv[0] == self.fal:
            trust = {"SSL_CERT_DIR": files.folder}
        else:
            bundles = dict.fromkeys(("SSL_CERT_FILE", "CURL_CA_BUNDLE"), files.bundle)
            trust = {**bundles, "NODE_EXTRA_CA_CERTS": files.authority}
        return self.env(home, self.sandbox.hosts) | {name: str(path) for name, path in trust.items()}

    @property
    def plain(self) -> dict[str, str]:
        """The environment in which the discarding service is it."""
        return self.env(hosts={**dict.fromkeys(HOSTS, self.sink), "FAL_KEY": "bench:key"})

    # -- services

    @cached_property
    def certificates(self) -> Certificates:
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1", "localhost")
        names = ("authority.pem", "cert.pem", "key.pem", "bundle.pem", "authorities")
        files = Certificates(*(self.folder / name for name in names))
        authority.cert_pem.write_to_path(files.authority)
        files.cert.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        server.private_key_pem.write_to_path(files.key)
        public = Path(certifi.where()).read_bytes()
        files.bundle.write_bytes(public + authority.cert_pem.bytes())
        _hashed(files.bundle.read_bytes(), files.folder)
        return files

    @cached_property
    def sandbox(self) -> Sandbox:
        """The sandbox as a process of its own, over TLS."""
        from fal_cli.sandbox.server import SERVICES  # brings the server stack

        files = self.certificates
        env = self.env("service") | {"FAL_CLI_HOME": str(self.folder / "service")}
        words = ("sandbox", "serve", "--port", "0", "--cert", str(files.cert), "--key", str(files.key))
        lines = self._served(self.ours(*words), env, 1 + len(SERVICES))  # the key, and a host for each
        printed = dict(line.strip().removeprefix("export ").split("=", 1) for line in lines)
        return Sandbox(printed, self.folder / "service" / "state" / "sandbox")

    @cached_property
    def sink(self) -> str:
        """The base URL of the discarding service, a process of its own."""
        (port,) = self._served((sys.executable, "-m", "tests.bench.sink"), self.env(), 1)
        return f"http://127.0.0.1:{port.strip()}"

    def file(self, size: int) -> Path:
        """A file of random bytes."""
        path = self.folder / f"{size}.bin"
        if not path.exists():
            with path.open("wb") as stream:
                for start in range(0, size, MIB):
                    stream.write(os.urandom(min(MIB, size - start)))
        return path

    def _served(self, argv: Sequence[str], env: Mapping[str, str], lines: int) -> list[str]:
        """Starts a service; the first lines that it prints."""
        process = subprocess.Popen(
            argv, env=dict(env), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._closing.append(process)
        assert process.stdout is not None
        return list(islice(process.stdout, lines))


def _hashed(bundle: bytes, folder: Path) -> None:
    """Writes each certificate of a bundle under the hash of its subject, by which OpenSSL looks for it."""
    folder.mkdir()
    ends = b"-----END CERTIFICATE-----"
    blocks = [part[part.index(b"-----BEGIN") :] + ends for part in bundle.split(ends) if b"-----BEGIN" in part]
    for number, block in enumerate(blocks):
        (folder / f"{number}.pem").write_bytes(block)
    subprocess.run(("openssl", "rehash", str(folder)), check=True)


Maker = Callable[[Place], Row]
"""Makes a row in a place, when it is the row's turn."""


def program(argv: Argv | Missing, env: Mapping[str, str], talk: Talk | None = None) -> Program | Missing:
    """A program of a row, measured as a whole process."""
    if isinstance(argv, Missing):
        return argv
    return lambda: measure(argv, env, talk=talk).sample
