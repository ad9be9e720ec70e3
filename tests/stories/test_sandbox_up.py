"""A sandbox in the background: started, found by any shell, stopped; and what a private one made, looked at later."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Program
from tests.support.desk import PICTURE
from tests.support.media_files import picture
from tests.support.pseudo_terminal import Screen
from tests.support.waiting import until

DRAW = ("run", "fal-ai/flux/dev", "a cat", *PICTURE)


def test_started_used_by_a_shell_and_stopped(fal: Program, tmp_path: Path) -> None:
    fal("sandbox", "start", "--port", "0")
    try:
        state = json.loads(fal("sandbox", "status").text)
        assert "is up already" in fal("sandbox", "start", "--port", "0").stderr
        assert json.loads(fal("sandbox", "status").text) == state
        command = " ".join(fal.argv)
        script = f'eval "$({command} sandbox env)"; {command} run sandbox/echo a=1 sandbox.run=0 sandbox.queue=0'
        shell = subprocess.run(["sh", "-c", script], env=fal.env, capture_output=True, check=True, timeout=60)
        assert json.loads(shell.stdout) == {"a": 1}
    finally:
        fal("sandbox", "stop")
    assert fal("sandbox", "status", code=1).text == '{"running": false}\n'
    assert fal("sandbox", "env", code=1).text == ""
    fal("sandbox", "stop")


def test_one_that_was_killed_is_not_up(fal: Program) -> None:
    fal("sandbox", "start", "--port", "0")
    pid = json.loads(fal("sandbox", "status").text)["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: fal("sandbox", "status", code=None).code == 1)
    assert "no sandbox is up" in fal("sandbox", "stop").stderr


def test_one_that_cannot_start_says_why(fal: Program, tmp_path: Path) -> None:
    done = fal("sandbox", "start", "--port", "0", "--fault", "nonsense", code=1)
    assert "--fault" in done.stderr
    fal("sandbox", "status", code=1)


def test_one_that_is_served_in_another_terminal_is_found(fal: Program) -> None:
    serving = fal.start("sandbox", "serve", "--port", "0")
    try:
        until(lambda: fal("sandbox", "status", code=None).code == 0)
        assert fal("sandbox", "env").text.startswith("export FAL_KEY=")
    finally:
        serving.terminate()
        serving.communicate(timeout=30)
    fal("sandbox", "status", code=1)


@pytest.mark.parametrize("saves", [True, False], ids=["saved", "unsaved"])
def test_what_a_private_one_made_is_opened_and_shown_later(fal: Program, tmp_path: Path, saves: bool) -> None:
    fal("--sandbox", *DRAW, *(("-d", str(tmp_path / "out")) if saves else ()))
    (shown,) = [json.loads(line) for line in fal("--sandbox", "show", "last").text.splitlines()]
    assert (shown["width"], shown["height"]) == (32, 24)
    opened = Path(fal("--sandbox", "open", "last").text.strip())
    assert opened.read_bytes()[:8] == picture("PNG", 1, 1)[:8]
    assert (opened.parent == tmp_path / "out") is saves


def test_counts_on_a_terminal_are_those_of_something(fal: Program) -> None:
    fal("--sandbox", *DRAW)
    assert json.loads(fal("sandbox", "stats").text)["http"]["cancel"] == 0
    screen = Screen([*fal.argv, "sandbox", "stats"], fal.env, columns=100)
    assert screen.finish() == 0
    assert '"submit": 1' in screen.text
    assert ": 0" not in screen.text
