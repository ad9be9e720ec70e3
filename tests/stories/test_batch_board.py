"""What a person sees of a batch on a terminal, wide and narrow."""

import io
import json
import shlex
import subprocess
from typing import Any

import pytest
from rich.console import Console

from fal_cli.terminal.progress.live_board import LiveBoard
from fal_cli.terminal.progress.standing import Standing
from fal_cli.terminal.talk import Talk
from tests.support.fault_proxy import answer
from tests.support.place import Place
from tests.support.pseudo_terminal import Screen

ECHO = "sandbox/echo"
LOCKED = {"detail": "User is locked. Reason: Exhausted balance."}
WIDTHS = pytest.mark.parametrize("columns", [100, 60])


def words(place: Place, orders: list[dict[str, Any]], *more: str) -> list[str]:
    lines = [{"n": number, "sandbox": {"queue": 0, "run": 0} | order} for number, order in enumerate(orders)]
    (place.folder / "rows.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    typed = ["batch", ECHO, "rows.jsonl", "n={{n}}", "sandbox={{sandbox}}", "--yes", "-d", "out/", *more]
    return [*place.program.argv, *typed]


def screen_of(place: Place, argv: list[str], columns: int, **how: Any) -> Screen:
    return Screen(argv, place.program.env, columns=columns, cwd=place.folder, **how)


def board(screen: Screen) -> list[str]:
    """The lines of the board as they stand."""
    shown = screen.text.splitlines()
    first = max(number for number, line in enumerate(shown) if line.startswith("rows  "))
    return shown[first:]


@WIDTHS
def test_a_429_can_be_read(place: Place, columns: int) -> None:
    place.proxy.fail("submit", answer(429, {"detail": "slow"}, {"Retry-After": "4"}), times=4)
    screen = screen_of(place, words(place, [{}] * 6), columns)
    screen.until(lambda text: "429, too many requests: retry in 4 s" in text)
    screen.until(lambda text: "429, too many requests: retry in 2 s" in text)
    assert [len(line) < columns for line in board(screen)] == [True] * 3
    assert screen.finish() == 0
    assert "429" not in screen.text  # it is over
    assert "rows: 6 of 6 rows are done" in screen.text


@WIDTHS
def test_a_lock_says_where_to_pay_and_when_it_is_tried_again(place: Place, columns: int) -> None:
    place.proxy.fail("submit", answer(403, LOCKED), times=4)
    screen = screen_of(place, words(place, [{}] * 6), columns)
    screen.until(lambda text: "balance locked: fal.ai/dashboard/billing · retry in 2 s" in text)
    assert screen.finish() == 0


@WIDTHS
def test_ctrl_c_says_what_is_done_and_how_to_go_on(place: Place, columns: int) -> None:
    place.proxy.fail("submit", answer(429, {"detail": "slow"}, {"Retry-After": "30"}), times=9)
    screen = screen_of(place, words(place, [{}] * 6), columns)
    screen.until(lambda text: "429" in text)
    screen.press(b"\x03")
    assert screen.finish() == 130
    assert "rows: 0 of 6 rows are done · 6 left" in screen.text
    assert "fal batch resume rows" in " ".join(screen.text.split())
    assert not any(line.startswith("rows  ") for line in screen.text.splitlines())  # the board is gone


@WIDTHS
def test_ctrl_z_leaves_nothing_behind_and_fg_goes_on(place: Place, columns: int) -> None:
    """While all that it waits for is the time to try again: nothing else would wake it."""
    place.proxy.fail("submit", answer(429, {"detail": "slow"}, {"Retry-After": "5"}), times=4)
    command = shlex.join(words(place, [{}] * 6))
    shell = f"set -m; {command}; echo STOPPED; read line; fg"
    screen = screen_of(place, ["/bin/bash", "-c", shell], columns)
    screen.until(lambda text: "429" in text)
    screen.press(b"\x1a")
    stopped = screen.until(lambda text: "STOPPED" in text)
    assert not any(line.startswith("rows  ") for line in stopped.splitlines()), stopped
    screen.press(b"\r")
    assert screen.finish() == 0
    assert "rows: 6 of 6 rows are done" in screen.text


def test_the_last_line_leaves_room_for_what_the_terminal_writes_at_a_key(place: Place) -> None:
    """`^Z` at the end of a full line went into a next one, and a line of the board stayed behind."""
    orders = [{"fail": 422}, {"run": 600}]
    command = shlex.join(words(place, orders))
    screen = screen_of(place, ["/bin/bash", "-c", f"set -m; {command}; echo STOPPED; read line; kill -9 %1"], 60)
    screen.until(lambda text: "last failure" in text and "1 running" in text)
    (line,) = [line for line in board(screen) if line.startswith("last failure")]
    assert line.endswith("…")
    screen.press(b"\x1a")
    stopped = screen.until(lambda text: "STOPPED" in text)
    assert not any(line.startswith("rows  ") for line in stopped.splitlines()), stopped
    screen.press(b"\r")
    screen.finish()


def test_two_programs_do_not_write_one_screen(place: Place) -> None:
    """Whoever reads the rows from a pipe prints them: the board would be drawn into them."""
    command = shlex.join(words(place, [{"run": 1}] * 8))
    screen = screen_of(place, ["/bin/bash", "-c", f"{command} | cut -c1-9"], 100)
    assert screen.finish() == 0
    assert screen.text.count('{"row": ') == 8
    assert b"\x1b[1A" not in screen.raw  # nothing is drawn in place
    assert b"\x1b[?25l" not in screen.raw


def test_the_board_is_drawn_while_rows_go_to_a_file(place: Place) -> None:
    with (place.folder / "told.jsonl").open("wb") as stream:
        screen = screen_of(place, words(place, [{"run": 2}] * 2), 100, stdout=stream.fileno())
        screen.until(lambda text: "2 running" in text)
        assert screen.finish() == 0
    assert len((place.folder / "told.jsonl").read_text().splitlines()) == 2


def test_a_history_of_batches_alone_is_not_empty(place: Place) -> None:
    screen = screen_of(place, words(place, [{}] * 2), 100)
    assert screen.finish() == 0
    screen = screen_of(place, [*place.program.argv, "history"], 100)
    assert screen.finish() == 0
    assert screen.text.splitlines() == ["batch rows: 2 requests (fal history --batch rows)"]
    screen = screen_of(place, [*place.program.argv, "history", "--endpoint", "fal-ai/flux/dev"], 100)
    assert screen.finish() == 0
    assert screen.text == "no such requests"


def test_a_watcher_sees_the_same_board(place: Place) -> None:
    place.proxy.fail("submit", answer(403, LOCKED), times=99)
    argv = words(place, [{}] * 6)
    first = subprocess.Popen(
        argv, env=place.program.env, cwd=place.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert first.stderr is not None
    while b"locked" not in first.stderr.readline():
        pass
    screen = screen_of(place, [*place.program.argv, "batch", "resume", "--attach"], 100)
    screen.until(lambda text: "balance locked: fal.ai/dashboard/billing" in text)
    assert board(screen)[0] == "rows  ░░░░░░░░░░ 0/6"
    screen.press(b"\x03")
    assert screen.finish() == 130
    assert screen.text.splitlines()[-1].startswith(f"process {first.pid} goes on with rows.")
    first.terminate()
    first.communicate(timeout=60)


def test_a_window_that_becomes_narrow_is_drawn_over_whole() -> None:
    stream = io.StringIO()
    shown = LiveBoard(Talk(io.StringIO()), color=False)
    shown._console = Console(file=stream, force_terminal=True, width=100, highlight=False, markup=False)
    with shown:
        shown.show(Standing("cats", rows=10, running=4, last_failure="x" * 200))
        assert shown._live is not None
        shown._live.refresh()
        shown._console.width = 45
        stream.seek(0)
        stream.truncate()
        shown._live.refresh()
        assert stream.getvalue().count("\x1b[1A") == 1 + 1 + 3 - 1  # the last line takes three rows now
        stream.seek(0)
        stream.truncate()
        shown._live.refresh()
        assert stream.getvalue().count("\x1b[1A") == 3 - 1
