"""A folder as a zip that is made while it is sent: any stretch of it, the same each time, in little memory."""

import io
import random
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from fal_cli.api.upload_folder import FolderSource
from fal_cli.api.upload_source import SourceChanged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "a.jpg").write_bytes(b"a" * 1000)
    (made / "empty.txt").write_bytes(b"")
    (made / "deep" / "ü 1.png").write_bytes(bytes(range(256)) * 300)
    (made / "deep" / "er" / "b.txt").write_text("b")
    return made


def whole(source: FolderSource, step: int = 10_000) -> bytes:
    return b"".join(source.read_at(at, min(step, source.size - at)) for at in range(0, source.size, step))


@pytest.mark.parametrize("step", [1, 7, 10_000, 10**6])
def test_it_is_a_zip_of_the_files_however_it_is_read(folder: Path, step: int) -> None:
    source = FolderSource(folder, name="photos.zip")
    if step == 1:
        (folder / "deep" / "ü 1.png").write_bytes(b"")
        source = FolderSource(folder, name="photos.zip")
    data = whole(source, step)
    assert len(data) == source.size
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }


def test_any_stretch_is_the_same_again(folder: Path) -> None:
    source = FolderSource(folder, name="photos.zip")
    data = whole(source)
    chance = random.Random(1)
    for _ in range(200):
        start = chance.randrange(source.size)
        length = chance.randrange(1, source.size - start + 1)
        assert source.read_at(start, length) == data[start : start + length]


def test_hidden_files_and_links_out_stay_here(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "inner").symlink_to(folder / "a.jpg")
    (folder / ".DS_Store").write_text("x")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("x")
    source = FolderSource(folder, name="photos.zip")
    assert {(one.path.name, one.why) for one in source.skipped} == {
        ("link", "a link out of the folder"), (".DS_Store", "hidden"),
    }  # fmt: skip
    names = zipfile.ZipFile(io.BytesIO(whole(source))).namelist()
    assert "inner" in names
    assert not {"link", ".DS_Store", ".git/config"} & set(names)


def test_a_file_that_changes_ends_it(folder: Path) -> None:
    source = FolderSource(folder, name="photos.zip")
    (folder / "a.jpg").write_bytes(b"b" * 10)
    with pytest.raises(SourceChanged):
        whole(source)
    with pytest.raises(SourceChanged):
        source.check_unchanged()


def test_an_empty_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no files"):
        FolderSource(tmp_path, name="x.zip")


def test_memory_does_not_grow_with_the_files(folder: Path) -> None:
    with (folder / "large.bin").open("wb") as stream:
        stream.truncate(64 * 2**20)
    tracemalloc.start()
    source = FolderSource(folder, name="photos.zip")
    for at in range(0, source.size, 2**18):
        source.read_at(at, 2**18)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20
