"""A saved file stands for the request that made it: here by its content, elsewhere by its sidecar."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Program, Service
from tests.support.desk import NOW, Desk

SMALL = ("image_size.width=32", "image_size.height=24", *NOW)
CAT = ("run", "fal-ai/flux/dev", "a cat", "seed=7", *SMALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def desk(served: Program, folder: Path) -> Desk:
    return Desk(served, folder)


def test_a_file_is_known_by_what_it_holds(desk: Desk, folder: Path) -> None:
    desk(*CAT, "-o", "cat.jpg")
    (row,) = desk.rows
    (folder / "cat.jpg").rename(folder / "renamed.jpg")
    done = desk("rerun", "renamed.jpg", "seed=8", "--print", "none")
    assert f"renamed.jpg was made by fal-ai/flux/dev request {row.request_id}" in done.stderr
    assert desk.rows[-1].input_json == {**(row.input_json or {}), "seed": 8}
    assert json.loads(desk("history", "show", "renamed.jpg").text)["request_id"] == row.request_id
    for words in (("show",), ("result",), ("status",), ("open", "--print")):
        assert desk(*words, "--file", "renamed.jpg").text == desk(*words, "renamed.jpg").text
    for words in (("./renamed.jpg",), ("--file", "renamed.jpg"), ("fal-ai/flux/dev", "renamed.jpg")):
        assert json.loads(desk("show", *words).text)["request_id"] == row.request_id


def test_of_two_with_the_same_content_the_one_of_this_name_counts(desk: Desk) -> None:
    desk(*CAT, "-o", "first.jpg")
    desk(*CAT, "-o", "second.jpg")
    first, second = desk.rows
    for name, row in (("first.jpg", first), ("second.jpg", second)):
        assert json.loads(desk("history", "show", name).text)["request_id"] == row.request_id


def test_a_file_that_nobody_made_here_is_told(desk: Desk, folder: Path) -> None:
    (folder / "other.jpg").write_bytes(b"other")
    assert "no request in your history made other.jpg" in desk("rerun", "other.jpg", code=5).stderr
    assert "made other.jpg" in desk("history", "show", "other.jpg", code=5).stderr
    assert "or made with --sandbox" in desk("show", "other.jpg", code=5).stderr
    assert "no file gone.jpg" in desk("show", "--file", "gone.jpg", code=2).stderr
    assert "'gone.jpg' in your history, and no such file here" in desk("show", "gone.jpg", code=5).stderr
    assert "name a request" in desk("show", code=2).stderr


def test_a_sidecar_is_enough_on_another_machine(desk: Desk, folder: Path, service: Service, tmp_path: Path) -> None:
    desk(*CAT, "-o", "cat.jpg", "--sidecar")
    facts = json.loads((folder / "cat.jpg.json").read_text())
    assert (facts["endpoint"], facts["input"]["prompt"], facts["seed"]) == ("fal-ai/flux/dev", "a cat", 7)
    assert facts["request_id"] == desk.rows[0].request_id
    fresh = tmp_path / "fresh"
    shutil.copytree(folder, fresh / "work")
    other = Desk(Program(fresh, service.env), fresh / "work")
    assert "To make it again: fal rerun cat.jpg" in other("show", "cat.jpg", code=5).stderr
    for number, name in enumerate(("cat.jpg", "cat.jpg.json"), 8):
        done = other("rerun", name, f"seed={number}", "-o", f"{number}.jpg")
        assert "was made by fal-ai/flux/dev, as cat.jpg.json says" in done.stderr
        assert other.rows[-1].input_json == {**facts["input"], "seed": number}
    (fresh / "work" / "cat.jpg").write_bytes(b"another")
    assert "cat.jpg was changed since" in other("rerun", "cat.jpg", "--dry-run").stderr


def test_a_private_call_leaves_nothing_beside_its_files(desk: Desk, folder: Path) -> None:
    assert "--sidecar" in desk(*CAT, "-o", "cat.jpg", "--sidecar", "--private", code=2).stderr
    assert "--sidecar" in desk(*CAT, "-o", "cat.jpg", "--sidecar", code=2, env={"FAL_PRIVATE": "1"}).stderr
    assert desk.rows == [] if desk.program.home.joinpath("fal/state/sandbox/ledger.db").exists() else True
    desk(*CAT, "-o", "cat.jpg", "--private")
    assert desk.rows[-1].file_hashes == ()
    desk("rerun", "cat.jpg", code=5)
    desk("result", "last", "-o", "again.jpg", "--sidecar")
    assert [path.name for path in sorted(folder.iterdir())] == ["again.jpg", "cat.jpg"]


def test_a_sidecar_replaces_no_file_of_the_users(desk: Desk, folder: Path) -> None:
    (folder / "cat.jpg.json").write_text('{"my": "notes"}')
    assert "is not a sidecar" in desk(*CAT, "-o", "cat.jpg", "--sidecar", code=11).stderr
    assert (folder / "cat.jpg.json").read_text() == '{"my": "notes"}'


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"endpoint": "http://localhost:1"}, "not an endpoint", id="local"),
        pytest.param({"endpoint": "https://evil.example/a/b"}, "not an endpoint", id="host"),
        pytest.param({"fal": 2}, "not a sidecar that this version can read", id="format"),
        pytest.param({"input": "a=@/etc/passwd"}, "was not stored in full", id="input"),
    ],
)
def test_a_strangers_sidecar_decides_nothing_else(
    desk: Desk, folder: Path, change: dict[str, object], told: str
) -> None:
    good = {"fal": 1, "endpoint": "fal-ai/flux/dev", "input": {"prompt": "@/etc/passwd"}, "input_is_whole": True}
    (folder / "x.jpg.json").write_text(json.dumps(good))
    assert json.loads(desk("rerun", "x.jpg.json", "--dry-run").text) == {"prompt": "@/etc/passwd"}
    (folder / "x.jpg.json").write_text(json.dumps(good | change))
    assert told in desk("rerun", "x.jpg.json", "--dry-run", code=2).stderr
