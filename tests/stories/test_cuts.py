"""The connection cut at ten random points of a 200 MB upload and of a 200 MB download: what arrives is whole."""

import hashlib
import json
import os
import random
from pathlib import Path

import pytest
import requests

from fal_cli.sandbox.server import Sandbox
from tests.conftest import Program, Service
from tests.support.sandbox_keys import sandbox_at

SIZE = 200 * 1000 * 1000
PART = 10 * 1024 * 1024
CUTS = 10


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.bin"
    block = os.urandom(1000 * 1000)
    with path.open("wb") as stream:
        for number in range(SIZE // len(block)):
            stream.write(number.to_bytes(4, "big") + block[4:])
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _service(state: Path, home: Path, faults: list[str]) -> tuple[Sandbox, Program]:
    sandbox = sandbox_at(state, faults=faults)
    sandbox.start()
    return sandbox, Program(home, Service(sandbox, state).env)


def test_an_upload_cut_ten_times_arrives_whole(tmp_path: Path, home: Path, large: Path) -> None:
    numbers = random.sample(range(1, SIZE // PART + 1), CUTS)
    faults = [f"part:{number}=cut-at:{random.randrange(1, PART)}*1" for number in numbers]
    sandbox, fal = _service(tmp_path / "state", home, faults)
    url = fal("upload", str(large)).text.strip()
    digest = hashlib.sha256()
    with requests.get(url, stream=True, timeout=60) as served:
        for chunk in served.iter_content(1024 * 1024):
            digest.update(chunk)
    sandbox.stop()
    assert digest.hexdigest() == _digest(large), faults
    assert sandbox.store.stats()["uploads"]["leaked_keys"] == 0


def test_a_download_cut_ten_times_arrives_whole(tmp_path: Path, home: Path, large: Path) -> None:
    step = SIZE // (CUTS + 1)
    faults = [f"file=cut-at:{random.randrange(1, step)}*1" for _ in range(CUTS)]
    sandbox, fal = _service(tmp_path / "state", home, faults)
    url = fal("upload", str(large)).text.strip()
    words = ("sandbox/echo", "-i", json.dumps({"file": {"url": url}}), "sandbox.run=0", "-o", str(tmp_path / "got.bin"))
    fal("run", *words)
    sandbox.stop()
    assert _digest(tmp_path / "got.bin") == _digest(large), faults
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []
