"""Temporary files where no folder takes any: they are in memory, and nobody who uses them can tell."""

import io
import tempfile
from pathlib import Path
from typing import Any

import pytest

from fal_cli.api.body import IN_MEMORY_BYTES, Body
from fal_cli.files import temporary
from fal_cli.files.spool import spool


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*values: Any, **options: Any) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp', '/var/tmp', '/']")

    for name in ("TemporaryFile", "mkstemp", "gettempdir"):
        monkeypatch.setattr(tempfile, name, refuse)


@pytest.mark.usefixtures("nowhere")
def test_a_large_answer() -> None:
    data = bytes(range(256)) * (IN_MEMORY_BYTES // 128)
    body = Body.received([data, b"end"])
    assert len(body) == len(data) + 3
    assert body.read() == data + b"end"
    assert body.tail(5) == data[-2:] + b"end"


@pytest.mark.usefixtures("nowhere")
def test_stdin_on_its_way() -> None:
    path = spool(io.BytesIO(b"a" * 100_000))
    assert path.stat().st_size == 100_000
    assert path.read_bytes() == b"a" * 100_000


def test_where_there_is_a_folder_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    descriptor, name = temporary.made()
    assert Path(name).parent == tmp_path
    assert descriptor > 2
