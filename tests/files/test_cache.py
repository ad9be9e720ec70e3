"""The cache of answers: private files, whole or not there, and never in the way."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from fal_cli.files.cache import Cache


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> Cache:
    return Cache(tmp_path / "a" / "b", now=clock)


def test_what_was_kept_is_read_byte_for_byte(cache: Cache) -> None:
    body = b'{\n "a": 1.0,\r\n "b": "\xc3\xa4" }\n'
    cache.write("fal-ai/flux/dev", body, seconds=60, facts={"title": "T"})
    kept = cache.read("fal-ai/flux/dev")
    assert kept is not None
    assert (kept.body, kept.facts, kept.is_fresh) == (body, {"title": "T"}, True)


def test_it_is_fresh_until_its_time(cache: Cache, clock: Clock) -> None:
    cache.write("a", b"x", seconds=60, facts={})
    for moment, is_fresh in ((1059.9, True), (1060.0, False), (999.0, False)):
        clock.seconds = moment
        kept = cache.read("a")
        assert kept is not None
        assert kept.is_fresh is is_fresh


def test_its_age_may_be_another_than_its_writings(cache: Cache, clock: Clock) -> None:
    cache.write("a", b"x", seconds=60, facts={}, kept_at=5.0)
    kept = cache.read("a")
    assert kept is not None
    assert (kept.kept_at, kept.is_fresh) == (5.0, True)


@pytest.mark.parametrize(
    "name",
    [
        "fal-ai/flux/dev",
        "http://localhost:8080",
        "../../etc/passwd",
        "..",
        ".",
        "CON",
        "a\x00b",
        "ü" * 300,
        "x" * 5000,
        "a:b",
    ],
)
def test_every_name_is_a_file_in_the_folder(cache: Cache, name: str) -> None:
    cache.write(name, b"x", seconds=60, facts={})
    kept = cache.read(name)
    assert kept is not None
    assert kept.body == b"x"
    (file,) = Path(cache.folder).iterdir()
    assert len(os.fsencode(file.name)) < 200


def test_names_that_differ_only_in_case_are_kept_apart(cache: Cache) -> None:
    cache.write("a/B", b"x", seconds=60, facts={})
    assert cache.read("a/b") is None


def test_only_the_owner_reads_it(cache: Cache) -> None:
    before = os.umask(0)
    try:
        cache.write("a", b"x", seconds=60, facts={})
    finally:
        os.umask(before)
    (file,) = Path(cache.folder).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(cache.folder).stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(cache.folder).parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"not json\nx", b"[]\nx", b"{}\nx", b'{"name": "a"}\nx', b"null\nx", b"\xff\xfe\nx", b"[" * 100_000,
        b'{"name": "a", "kept_at": "soon", "until": 1}\nx', b'{"name": "a", "kept_at": [], "until": 1}\nx',
        b'{"name": "other", "kept_at": 1, "until": 1}\nx',
    ],
)  # fmt: skip
def test_a_damaged_file_is_not_there(cache: Cache, data: bytes) -> None:
    cache.write("a", b"x", seconds=60, facts={})
    (file,) = Path(cache.folder).iterdir()
    file.write_bytes(data)
    assert cache.read("a") is None


def test_a_folder_that_cannot_be_made_is_an_empty_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "cache")
    cache.write("a", b"x", seconds=60, facts={})
    assert cache.read("a") is None


def test_a_reader_never_sees_half_a_file(cache: Cache) -> None:
    bodies = [bytes([letter]) * 200_000 for letter in b"ab"]
    cache.write("a", bodies[0], seconds=60, facts={})
    done = threading.Event()

    def write() -> None:
        for number in range(100):
            cache.write("a", bodies[number % 2], seconds=60, facts={})
        done.set()

    threading.Thread(target=write).start()
    while not done.is_set():
        kept = cache.read("a")
        assert kept is not None
        assert kept.body in bodies
    assert [file.suffix for file in Path(cache.folder).iterdir()] == [".json"]


def test_the_file_says_what_it_is_of(cache: Cache) -> None:
    cache.write("a/b", b"{}", seconds=60, facts={"title": "T"})
    (file,) = Path(cache.folder).iterdir()
    head = json.loads(file.read_bytes().split(b"\n")[0])
    assert head == {"name": "a/b", "kept_at": 1000.0, "until": 1060.0, "title": "T"}
