"""An author of webhooks who shares no code with the program, and the program as a listener."""

import base64
import hashlib
import http.client
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.conftest import Program

REQUEST_ID = "5057fca7-2eb3-468f-b95d-cefe92b0b9d4"
USER_ID = "github|1234567"
# A body as the service was seen to write one: keys in order, an integer beyond 2**53.
BODY = (
    b'{"error": null, "gateway_request_id": "5057fca7-2eb3-468f-b95d-cefe92b0b9d4", "payload": '
    b'{"prompt": "a d\xc3\xb6g", "seed": 17454220438242315174}, '
    b'"request_id": "5057fca7-2eb3-468f-b95d-cefe92b0b9d4", "status": "OK"}'
)


class Author:
    """A key pair that signs as wire §10.3 says."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()

    @property
    def jwk(self) -> dict[str, Any]:
        x = base64.urlsafe_b64encode(self.key.public_key().public_bytes_raw()).decode().rstrip("=")
        return {"kty": "OKP", "crv": "Ed25519", "x": x}

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.jwk]}

    @property
    def pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(
        self, body: bytes, *, request_id: str = REQUEST_ID, user_id: str = USER_ID, age: float = 0
    ) -> dict[str, str]:
        """The four headers of a webhook that was signed `age` seconds ago."""
        timestamp = str(int(time.time() - age))
        signed = f"{request_id}\n{user_id}\n{timestamp}\n{hashlib.sha256(body).hexdigest()}"
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": user_id,
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": self.key.sign(signed.encode()).hex(),
        }


def raw(
    headers: Mapping[str, str], body: bytes, *, newline: bytes = b"\r\n", start: bytes = b"POST / HTTP/1.1"
) -> bytes:
    """A whole raw HTTP request."""
    lines = [start] if start else []
    lines += [f"{name}: {value}".encode() for name, value in headers.items()]
    return newline.join([*lines, b"", b""]) + body


def exchange(url: str, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> tuple[int, str]:
    """One request over a connection of its own; the status and the words of its answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    words = answer.read().decode().strip()
    connection.close()
    return answer.status, words


class Listener:
    """`fal webhook listen` as a real process on a free port, and posts to it over real sockets."""

    def __init__(self, program: Program, *words: str, env: Mapping[str, str] | None = None) -> None:
        self.process = program.start("webhook", "listen", "--port", "0", "--json", *words, env=env)
        assert self.process.stderr is not None
        said = json.loads(self.process.stderr.readline())
        assert said["event"] == "notice", said
        self.said = said["message"]
        self.url = said["url"]

    def post(self, headers: Mapping[str, str], body: bytes, *, path: str = "/") -> tuple[int, str]:
        """One delivery; the status and the words that it is answered with."""
        return exchange(self.url, "POST", path, headers, body)

    def send(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> tuple[int, str]:
        """One request of any kind."""
        return exchange(self.url, method, path, headers, body)

    def line(self) -> dict[str, Any]:
        """The next line of stdout, which is there as soon as its delivery came."""
        assert self.process.stdout is not None
        line: dict[str, Any] = json.loads(self.process.stdout.readline())
        return line

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self.process.kill()
        self.process.communicate()


Listen = Callable[..., Listener]


@pytest.fixture
def author() -> Author:
    return Author()


@pytest.fixture
def jwks(tmp_path: Path, author: Author) -> str:
    """A file with the author's public key."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(author.jwks))
    return str(path)


@pytest.fixture
def listen(fal: Program) -> Iterator[Listen]:
    """Starts listeners that end with the test."""
    started: list[Listener] = []

    def start(*words: str, env: Mapping[str, str] | None = None) -> Listener:
        started.append(Listener(fal, *words, env=env))
        return started[-1]

    yield start
    for listener in started:
        listener.end()


def ended(process: "subprocess.Popen[bytes]") -> int:
    """The code of a process that ends by itself."""
    return process.wait(30)
