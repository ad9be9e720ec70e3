"""The line that closes a call on a terminal: what was made, in place of the result."""

import os
from pathlib import Path

import pytest

from fal_cli.terminal.progress.tally import Tally
from tests.conftest import Program
from tests.support.pseudo_terminal import Screen

FLUX = ("run", "fal-ai/flux/dev", "prompt=a cat", "seed=7", "sandbox.queue=0", "sandbox.run=0")


def screen(program: Program, folder: Path, *words: str, columns: int = 100, code: int = 0, **env: str) -> Screen:
    """The program at its end, in a terminal."""
    shown = Screen([*program.argv, *words], program.env | env, columns=columns, cwd=folder)
    assert shown.finish() == code, shown.text
    return shown


def test_a_saved_file_is_told_in_one_line_and_the_result_is_not_printed(served: Program, tmp_path: Path) -> None:
    text = screen(served, tmp_path, *FLUX, "-o", "cat.jpg").text
    (line,) = [line for line in text.splitlines() if line.startswith("✓")]
    assert line.startswith("✓ cat.jpg  1024×768  ")
    assert line.endswith("· seed 7")
    assert "{" not in text
    assert "saved" not in text
    assert "done in" not in text
    assert (tmp_path / "cat.jpg").exists()


def test_the_name_is_a_link_where_the_terminal_knows_links(served: Program, tmp_path: Path) -> None:
    raw = screen(served, tmp_path, *FLUX, "-o", "cat.jpg", FORCE_HYPERLINK="1").raw
    assert f"]8;;file://{tmp_path}/cat.jpg".encode() in raw


def test_many_files_have_a_line_each_and_the_call_has_its_own(served: Program, tmp_path: Path) -> None:
    lines = screen(served, tmp_path, *FLUX, "num_images=3", "-d", "out/{index}.{ext}").text.splitlines()
    marked = [line for line in lines if line.startswith("✓")]
    assert [line.split()[1] for line in marked] == ["out/0.jpg", "out/1.jpg", "out/2.jpg", "3"]
    assert [("seed 7" in line) for line in marked] == [False, False, False, True]


@pytest.mark.parametrize("words", [("--print", "urls"), ("--query", "seed"), ("--json",)])
def test_what_was_asked_for_is_printed_all_the_same(served: Program, tmp_path: Path, words: tuple[str, ...]) -> None:
    text = screen(served, tmp_path, *FLUX, "-o", "cat.jpg", *words).text
    assert "✓ cat.jpg" not in text
    assert (tmp_path / "cat.jpg").exists()


def test_a_result_without_files_is_printed(served: Program, tmp_path: Path) -> None:
    words = ("run", "sandbox/echo", "a=1", "sandbox.queue=0", "sandbox.run=0", "-d", "out/")
    assert '"a": 1' in screen(served, tmp_path, *words).text


def test_what_could_not_be_saved_is_printed(served: Program, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):
        closed = Path("/proc")  # the tests run as root
    text = screen(served, tmp_path, *FLUX, "-o", f"{closed}/cat.jpg", code=11).text
    assert '"seed": 7' in text


def test_open_hands_the_file_to_what_the_system_has_for_it(served: Program, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    screen(served, tmp_path, *FLUX, "-o", "cat.jpg", "--open", BROWSER=str(browser))
    assert (tmp_path / "opened").read_text().strip() == f"file://{tmp_path}/cat.jpg"


def test_open_in_a_private_sandbox_wants_the_file_saved(fal: Program) -> None:
    done = fal("--sandbox", *FLUX, "--open", code=2)
    assert "-o FILE" in done.stderr


def test_the_live_line_says_how_long_it_usually_takes(served: Program, tmp_path: Path) -> None:
    echo = ("run", "sandbox/echo", "a=1", "sandbox.queue=0")
    for _ in range(3):
        served(*echo, "sandbox.run=0.1")
    shown = Screen([*served.argv, *echo, "sandbox.run=2"], served.env, columns=100, cwd=tmp_path)
    shown.until(lambda text: "usually" in text or "left" in text or "nearly there" in text)
    assert shown.finish() == 0


def test_time_left_goes_by_the_beginning_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally("a/b", started=0.0, state="queued", usual_seconds=20.0)
    assert tally.left == "usually runs 20 s"
    tally.state, tally.running_since = "running", 100.0
    told = {}
    for now in (100.0, 112.0, 119.5, 125.0, 135.0):
        monkeypatch.setattr("time.monotonic", lambda now=now: now)
        told[now] = tally.left
    assert list(told.values()) == [
        "about 20 s left",
        "about 8 s left",
        "nearly there",
        "nearly there",
        "longer than usual",
    ]
