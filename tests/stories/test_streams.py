"""stdout is data and nothing else; a loop over strangers' lines submits each as the text that it is."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Program
from tests.support.sandbox_keys import SECRET

HOSTILE_LINES = [
    "@/etc/hostname",
    "{{x}}",
    "42",
    "null",
    "a=b",
    "a:=1",
    "😀 émoji",
    "it's \"quoted\" \\ back",
    "-v --help",
    "  spaces  ",
    "$(id) `id`",
    "{\"json\": 1}",
]  # fmt: skip


def _sh(program: Program, script: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """A shell script in which `fal` is the program under test."""
    bin_folder = program.home / "bin"
    bin_folder.mkdir(exist_ok=True)
    launcher = bin_folder / "fal"
    launcher.write_text(f'#!/bin/sh\nexec {" ".join(program.argv)} "$@"\n')
    launcher.chmod(0o755)
    env = program.env | {"PATH": f"{bin_folder}{os.pathsep}{program.env['PATH']}"}
    return subprocess.run(["sh", "-c", script], input=stdin, capture_output=True, env=env, timeout=120, check=False)


def test_a_while_read_loop_submits_each_line_as_text(fal: Program) -> None:
    text = "".join(f"{line}\n" for line in HOSTILE_LINES).encode()
    loop = 'while IFS= read -r line; do fal --sandbox submit sandbox/echo -t prompt="$line"; done'
    done = _sh(fal, loop, text)
    assert done.returncode == 0, done.stderr.decode()
    ids = done.stdout.decode().split()
    prompts = [json.loads(fal("--sandbox", "result", request_id, "--wait").stdout)["prompt"] for request_id in ids]
    assert prompts == HOSTILE_LINES


def test_a_script_polls_request_ids_between_processes(fal: Program) -> None:
    done = _sh(
        fal,
        'id=$(fal --sandbox submit fal-ai/flux/schnell --input prompt="a cat")\n'
        'until [ "$(fal --sandbox status $id)" = COMPLETED ]; do sleep 0.2; done\n'
        'fal --sandbox result "$id"',
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["images"][0]["content_type"] == "image/jpeg"


def test_the_same_seed_draws_the_same_picture(served: Program) -> None:
    import requests

    def picture() -> bytes:
        body = b'{"prompt":"a cat","seed":7,"sandbox":{"queue":0,"run":0}}'
        result = json.loads(served("run", "fal-ai/flux/dev", stdin=body).stdout)
        return requests.get(result["images"][0]["url"], timeout=30).content

    first = picture()
    assert first == picture()
    assert first.startswith(b"\xff\xd8")


def test_the_result_is_the_bytes_that_the_service_sent(served: Program) -> None:
    exact = '{"text":"\\u202e [bold]x[/] ünï","n":1.50}'
    words = ("sandbox.queue=0", "sandbox.run=0")
    done = served("run", "sandbox/echo", "-i", exact, *words)
    assert json.loads(done.stdout) == json.loads(exact)
    assert not done.stdout.endswith(b"\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(("--query", "a.b"), "deep\n", id="text-is-bare"),
        pytest.param(("--query", "list"), "x\ny\n", id="a-line-each"),
        pytest.param(("--query", "n"), "1\n", id="number"),
        pytest.param(("--query", "missing"), "", id="nothing"),
        pytest.param(("--print", "none"), "", id="none"),
        pytest.param(("--print", "text"), "a story\n", id="text"),
        pytest.param(("--print", "urls"), "https://x.example/1.png\n", id="urls"),
        pytest.param(("--print", "envelope", "--query", "files[0].url"), "https://x.example/1.png\n", id="envelope"),
    ],
)
def test_print_and_query(served: Program, words: tuple[str, ...], expected: str) -> None:
    body = b"""{"a":{"b":"deep"},"list":["x","y"],"n":1,"output":"a story","image":{"url":"https://x.example/1.png"},
        "sandbox":{"queue":0,"run":0}}"""
    assert served("run", "sandbox/echo", *words, stdin=body).text == expected


def test_output_saves_the_json_beside_printing_it(served: Program, tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    done = served("run", "sandbox/echo", "a=1", "sandbox.run=0", "-o", str(target))
    assert target.read_bytes() == done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_quiet_says_the_id_and_nothing_else(served: Program) -> None:
    done = served("-q", "run", "sandbox/echo", "a=1", "sandbox.run=0")
    (line,) = done.stderr.splitlines()
    assert line.startswith("sandbox/echo request ")


def test_json_makes_stderr_json_lines_and_leaves_the_data(served: Program) -> None:
    done = served("run", "sandbox/echo", "a=1", "sandbox.run=0.2", "--json")
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert events[0] == "request"
    assert events[-1] == "result"
    assert json.loads(done.stdout) == {"a": 1}


def test_very_verbose_shows_exchanges_without_the_key(served: Program) -> None:
    done = served("run", "sandbox/echo", "a=1", "sandbox.run=0", "-vv")
    assert "> POST" in done.stderr
    assert "< 200" in done.stderr
    assert SECRET not in done.stderr


def test_debug_shows_a_traceback_without_the_key(served: Program) -> None:
    done = served("status", "sandbox/echo", "0" * 36, env={"FAL_DEBUG": "1"}, code=5)
    assert "Traceback" in done.stderr
    assert SECRET not in done.stderr


def test_verbose_tells_what_was_guessed_and_where_the_key_is_from(served: Program) -> None:
    done = served("-v", "run", "sandbox/echo", "a=1", "b=x", "sandbox.run=0")
    assert "a=1 is sent as 1, not as text" in done.stderr
    assert "b=x" not in done.stderr
    assert "key from FAL_KEY" in done.stderr


def test_data_left_in_the_pipe_is_told(served: Program) -> None:
    done = _sh(served, "(echo '{}'; sleep 1) | (sleep 0.3; fal submit sandbox/echo a=1)")
    assert done.returncode == 0
    assert "stdin was not read" in done.stderr.decode()


def test_log_lines_with_escapes_and_markup_are_shown_harmlessly(served: Program) -> None:
    hostile = json.dumps(["\x1b[2J\x1b]0;owned\x07", "[bold red]markup[/]", "left\u202eright"])
    done = served("run", "sandbox/echo", f"sandbox.logs:={hostile}", "sandbox.run=0.5", "--logs")
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr
    assert "[bold red]markup[/]" in done.stderr
    assert "␛[2J" in done.stderr


def test_the_flag_works_on_either_side_of_the_verb(fal: Program) -> None:
    words = ("sandbox/echo", "a=1", "sandbox.run=0", "sandbox.queue=0")
    assert fal("--sandbox", "run", *words).stdout == fal("run", *words, "--sandbox").stdout


def test_a_value_that_looks_like_a_flag_stays_a_value(served: Program) -> None:
    done = served("run", "sandbox/echo", "-t", "prompt=--sandbox", "sandbox.run=0", "sandbox.queue=0")
    assert json.loads(done.stdout) == {"prompt": "--sandbox"}


def test_a_ledger_that_cannot_be_written_warns_before_sending_and_stops_nothing(served: Program) -> None:
    state = served.home / "fal" / "state" / "sandbox"
    state.mkdir(parents=True, exist_ok=True)
    (state / "ledger.db").mkdir()
    done = served("submit", "sandbox/echo", "a=1")
    assert "are not recorded" in done.stderr
    assert len(done.text.strip()) == 36


def test_the_sandbox_ignores_the_users_key_and_hosts(fal: Program) -> None:
    env = {"FAL_KEY": "real:key", "FAL_RUN_HOST": "fal.run", "FAL_QUEUE_RUN_HOST": "queue.fal.run", "FAL_SANDBOX": "1"}
    done = fal("run", "sandbox/echo", "a=1", "sandbox.run=0", "sandbox.queue=0", "-vv", env=env)
    assert json.loads(done.stdout) == {"a": 1}
    assert "fal.run" not in done.stderr
