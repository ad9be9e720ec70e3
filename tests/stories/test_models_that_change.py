"""Deprecated endpoints, filled templates, and folders sent as a zip."""

import io
import json
import zipfile
from pathlib import Path

import requests

from tests.conftest import Program
from tests.support.desk import NOW, Desk

OLD = "fal-ai/fast-lcm-diffusion"


def test_a_deprecated_endpoint_is_told_with_its_successor(served: Program, tmp_path: Path) -> None:
    desk = Desk(served, tmp_path)
    told = f"warning: {OLD} is deprecated; its successor is fal-ai/flux/dev"
    for _ in range(2):  # asked, then kept
        assert told in desk("run", OLD, "a cat", *NOW).stderr
    assert "deprecated" not in desk("run", "fal-ai/flux/dev", "a cat", *NOW).stderr


def test_a_sample_can_be_sent(served: Program, tmp_path: Path) -> None:
    desk = Desk(served, tmp_path)
    (tmp_path / "in.json").write_bytes(desk("schema", "fal-ai/flux/dev", "--sample").stdout)
    assert json.loads(desk("run", "fal-ai/flux/dev", "in.json", "--dry-run").text)["prompt"]
    desk("run", "fal-ai/flux/dev", "in.json", *NOW)
    done = desk("schema", "fal-ai/esrgan", "--sample")
    assert "put a file's URL in place of: image_url" in done.stderr


def test_a_folder_is_sent_as_a_zip(served: Program, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(str(number))
    desk = Desk(served, tmp_path)
    done = desk("run", "sandbox/echo", "images_data_url=@photos/", *NOW)
    url = json.loads(done.text)["images_data_url"]
    assert url.endswith("photos.zip")
    assert "3 files of photos" in done.stderr
    with zipfile.ZipFile(io.BytesIO(requests.get(url, timeout=30).content)) as found:
        assert {name: found.read(name) for name in found.namelist()} == {
            f"{number}.txt": str(number).encode() for number in range(3)
        }
    assert "KEY=@photos/" in desk("run", "sandbox/echo", "images_data_url=@photos", code=2).stderr
    assert "Zip it first" in desk("run", "sandbox/echo", "images_data_url=@photos/", "--as", "python", code=2).stderr
