"""What a person sees: one live line that never wraps, log lines above it, a closing line, then the result."""

import json
import os
import shlex

import pytest

from tests.conftest import Program
from tests.support.pseudo_terminal import Screen

JOB = ("run", "sandbox/echo", "a=1", "sandbox.queue=1", "sandbox.position=2", "sandbox.run=2")


def _screen(program: Program, *words: str, columns: int, stdout: int | None = None) -> Screen:
    return Screen([*program.argv, *words], program.env, columns=columns, stdout=stdout)


@pytest.mark.parametrize("columns", [100, 40])
def test_queued_running_and_done_each_fit_on_their_line(served: Program, columns: int) -> None:
    logs = json.dumps(["a line that is longer than forty columns, by far and on purpose"])
    screen = _screen(served, *JOB, f"sandbox.logs:={logs}", columns=columns)
    queued = screen.until(lambda text: "queued" in text)
    running = screen.until(lambda text: "running" in text)
    assert screen.finish() == 0
    for moment, word in ((queued, "queued"), (running, "running")):
        (line,) = [line for line in moment.splitlines() if word in line]
        assert len(line) < columns
        assert moment.splitlines()[-1] == line  # nothing of it wrapped onto a next line
    assert "✓ done in" in screen.text
    assert "queued, position" not in screen.text  # the live line is gone
    assert screen.text.count("a line that is longer") == 1
    assert [line for line in screen.text.splitlines() if line.startswith("by far")] == []


def test_the_screen_is_never_cleared_and_lines_are_redrawn_in_place(served: Program) -> None:
    screen = _screen(served, *JOB, columns=100)
    assert screen.finish() == 0
    assert b"\x1b[2J" not in screen.raw
    assert b"\x1b[?25h" in screen.raw  # the cursor is given back


def test_ctrl_z_gives_the_terminal_back_and_fg_goes_on(served: Program) -> None:
    command = shlex.join([*served.argv, *JOB[:-1], "sandbox.run=5"])
    shell = f"set -m; {command}; echo STOPPED; read line; fg"
    screen = Screen(["/bin/bash", "-c", shell], served.env, columns=100)
    screen.until(lambda text: "running" in text)
    screen.press(b"\x1a")
    stopped = screen.until(lambda text: "STOPPED" in text)
    assert "running" not in stopped.replace(command, "")  # the live line does not stay behind
    assert screen.raw.rfind(b"\x1b[?25h") > screen.raw.rfind(b"\x1b[?25l")  # the cursor is there to type with
    screen.press(b"\r")
    screen.until(lambda text: "running" in text.rpartition("STOPPED")[2].replace(command, ""))
    assert screen.finish() == 0
    assert "STOPPED" in screen.text
    assert "done in" in screen.text


def test_wait_writes_one_line_an_end(served: Program) -> None:
    ids = [served("submit", "sandbox/echo", f"a={n}", "sandbox.queue=0").text.strip() for n in (1, 2)]
    screen = _screen(served, "wait", *ids, columns=100)
    assert screen.finish() == 0
    for id_ in ids:
        assert sum(id_[:8] in line for line in screen.text.splitlines()) == 1, screen.text


def test_piped_stdout_is_whole_while_the_terminal_is_live(served: Program) -> None:
    reading, writing = os.pipe()
    screen = _screen(served, *JOB, columns=100, stdout=writing)
    os.close(writing)
    screen.until(lambda text: "running" in text)
    assert screen.finish() == 0
    with os.fdopen(reading, "rb") as stream:
        assert json.loads(stream.read()) == {"a": 1}
    assert '"a"' not in screen.text


def test_two_programs_do_not_write_one_line(served: Program) -> None:
    """The second one of a pipe waits in silence, longer than it has patience for one that nobody typed."""
    first = shlex.join([*served.argv, *JOB[:-2], "sandbox.queue=0", "sandbox.run=4"])
    second = shlex.join([*served.argv, "run", "sandbox/echo", "b={{a}}", "--dry-run"])
    screen = Screen(["/bin/sh", "-c", f"{first} | {second}"], served.env, columns=100)
    screen.until(lambda text: "done in" in text)
    assert screen.finish() == 0
    assert "waiting" not in screen.raw.decode()
    assert '"b": 1' in screen.text


def test_the_result_is_laid_out_and_coloured_on_a_terminal(served: Program) -> None:
    screen = _screen(served, "-q", *JOB, columns=100)
    assert screen.finish() == 0
    assert '  "a": 1' in screen.text
    assert b"\x1b[34m" in screen.raw


@pytest.mark.parametrize(
    ("variable", "words"), [({"NO_COLOR": "1"}, ()), ({"TERM": "dumb"}, ()), ({}, ("--no-color",))]
)
def test_colour_is_left_out_where_it_is_not_wanted(
    served: Program, variable: dict[str, str], words: tuple[str, ...]
) -> None:
    served.env.update(variable)
    screen = _screen(served, *words, *JOB, columns=100)
    assert screen.finish() == 0
    assert "done in" in screen.text
    assert b"\x1b[3" not in screen.raw


def test_progress_bars_drive_the_live_line(served: Program) -> None:
    screen = _screen(served, "run", "fal-ai/flux/dev", "prompt=x", "sandbox.queue=0", "sandbox.run=3", columns=100)
    screen.until(lambda text: "%" in text and "━" in text and "it/s" in text)
    assert screen.finish() == 0
    assert "%|" not in screen.text


def test_ctrl_c_leaves_two_lines_and_a_clean_screen(served: Program) -> None:
    screen = _screen(served, "run", "sandbox/echo", "sandbox.run=60", columns=100)
    screen.until(lambda text: "running" in text)
    screen.press(b"\x03")
    assert screen.finish() == 130
    lines = screen.text.splitlines()
    assert lines[-2].startswith("The request goes on. To pick it up: fal resume ")
    assert lines[-1].startswith("To cancel it: fal cancel ")
    assert "running" not in screen.text


def test_escape_sequences_in_logs_reach_the_screen_as_text(served: Program) -> None:
    hostile = json.dumps(["\x1b[2J\x1b]0;owned\x07\x1b]52;c;aGk=\x07 end", "[bold]not markup[/]"])
    screen = _screen(served, *JOB, f"sandbox.logs:={hostile}", columns=100)
    assert screen.finish() == 0
    assert "␛[2J␛]0;owned␇" in screen.text
    assert "[bold]not markup[/]" in screen.text
    assert b"\x1b]52" not in screen.raw
