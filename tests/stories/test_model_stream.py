"""`fal stream`: events reach the reader the moment they come, and how a stream ended is told as it is.

Real processes. The streams are the sandbox's, whose every fault can be ordered; where a moment must be held still
they are those of a server of our own that sends the next event when the test says so.
"""

import base64
import json
import os
import queue
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Program, Service
from tests.support.faulty_server import STREAM_HEAD, Server, Talk, answer, answering, read_request
from tests.support.pseudo_terminal import Screen
from tests.support.sandbox_keys import SECRET

ECHO = ("stream", "sandbox/echo")
LLM = ("stream", "fal-ai/any-llm", "prompt=Tell me of a cat that sleeps", "sandbox.run=0")
FLUX = ("stream", "fal-ai/flux/dev", "prompt=x", "image_size.width=32", "image_size.height=32", "sandbox.run=0")
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def events(*values: Any) -> str:
    """An order of these events."""
    return f"sandbox.events:={json.dumps(values)}"


def fault(text: str) -> str:
    return f"sandbox.fault=events={text}"


def sse(data: bytes) -> tuple[str, ...]:
    """A stream of exactly these bytes."""
    return (*ECHO, "sandbox.content_type=text/event-stream", f"sandbox.body_base64={base64.b64encode(data).decode()}")


def lines(stdout: bytes) -> list[Any]:
    return [json.loads(line) for line in stdout.decode().split("\n") if line]


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def ledger_states(program: Program) -> list[tuple[str, str]]:
    """Mode and state of every row, oldest first."""
    with sqlite3.connect(next(program.home.rglob("ledger.db"))) as db:
        return [tuple(row) for row in db.execute("SELECT mode, state FROM requests ORDER BY local_id")]


class Gate:
    """An app on this machine that sends an event when it is told to, and ends when it is told None."""

    def __init__(self) -> None:
        self._told: queue.Queue[bytes | None] = queue.Queue()

    def send(self, *values: Any) -> None:
        for value in values:
            self._told.put(f"data: {json.dumps(value)}\n\n".encode())

    def end(self) -> None:
        self._told.put(None)

    def __call__(self, talk: Talk) -> None:
        read_request(talk)
        talk.sock.sendall(STREAM_HEAD)
        while (data := self._told.get(timeout=30)) is not None:
            talk.sock.sendall(data)


# To a pipe


def test_each_event_is_a_line_that_is_there_while_the_stream_goes_on(fal: Program) -> None:
    gate = Gate()
    with Server([gate]) as server:
        process = fal.start("stream", server.url, '{"a": 1}', "--no-validate")
        assert process.stdout is not None
        for number in range(3):
            gate.send({"n": number, "text": "größe"})
            assert json.loads(process.stdout.readline()) == {"n": number, "text": "größe"}
        assert process.poll() is None
        gate.end()
        assert process.communicate(timeout=30)[0] == b""
    assert process.returncode == 0


def test_a_line_is_the_event_as_it_came(served: Program) -> None:
    done = served(*ECHO, events({"n": 1.50, "big": 2**64}, [1], "text", None, 0, {"a": "\u2028 \ud83d\ude00"}))
    assert lines(done.stdout) == [{"n": 1.5, "big": 2**64}, [1], "text", None, 0, {"a": "\u2028 \U0001f600"}]
    assert len(done.stdout.split(b"\n")) == 7


def test_a_shell_loop_reads_line_by_line(fal: Program) -> None:
    gate = Gate()
    with Server([gate]) as server:
        process = fal.start("stream", server.url, '{"a": 1}', "--no-validate", stdout=-1, stderr=-3)
        gate.send(*[{"n": number} for number in range(200)])
        gate.end()
        assert [value["n"] for value in lines(process.communicate(timeout=30)[0])] == list(range(200))


@pytest.mark.parametrize("shape", ["split", "crlf", "cr", "bom", "multi-line", "slow-first:0.2"])
def test_the_shape_of_the_stream_does_not_matter(served: Program, shape: str) -> None:
    done = served(*ECHO, "a=größe", "b:=[1,2]", "sandbox.events=3", fault(shape))
    assert lines(done.stdout) == [{"a": "größe", "b": [1, 2], "event": number} for number in (1, 2, 3)]
    assert done.stderr.count("warning") == 0


def test_a_reader_that_leaves_is_no_error(served: Program) -> None:
    process = served.start(*ECHO, "a=1", "sandbox.events=50000")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"a": 1, "event": 1}
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(30) == 0


# Text


def test_text_is_the_story(served: Program) -> None:
    whole = json.loads(served(*LLM, "--final").stdout)
    assert whole["partial"] is False
    assert served(*LLM, "--text").text == whole["output"] + "\n"


@pytest.mark.parametrize(
    ("sent", "story"),
    [
        pytest.param(
            [{"choices": [{"delta": {"content": text}}]} for text in ("Once ", "upon", " a größe")],
            "Once upon a größe\n",
            id="openai",
        ),
        pytest.param(
            [
                {"choices": [{"delta": {"role": "assistant"}}]},
                {"choices": [{"delta": {"content": "Hi"}}]},
                {"choices": [{"delta": {}, "finish_reason": "stop"}]},
                {"choices": [], "usage": {"total_tokens": 3}},
            ],
            "Hi\n",
            id="openai-frame",
        ),
        pytest.param([{"delta": "a"}, {"delta": "b\n"}], "ab\n", id="delta"),
        pytest.param([{"output": "a"}, {"output": "a b"}, {"output": "a b"}], "a b\n", id="cumulative"),
        pytest.param([{"output": ""}, {"output": "a"}], "a\n", id="empty first"),
        pytest.param(["a", "ab"], "ab\n", id="bare texts"),
        pytest.param([{"text": "x\n"}, {"n": 1}], "x\n", id="an event without text"),
        pytest.param([{"n": 1}], "", id="no text at all"),
        pytest.param([{"output": "one"}, {"output": "two"}], "one\ntwo\n", id="another text"),
    ],
)
def test_text_is_only_what_is_new(served: Program, sent: list[Any], story: str) -> None:
    assert served(*ECHO, "--text", events(*sent)).text == story


def test_text_comes_as_it_grows(fal: Program) -> None:
    gate = Gate()
    with Server([gate]) as server:
        process = fal.start("stream", server.url, '{"a": 1}', "--text", "--no-validate")
        assert process.stdout is not None
        for so_far, added in (("Once", b"Once"), ("Once upon", b" upon"), ("Once upon a time", b" a time")):
            gate.send({"output": so_far})
            assert process.stdout.read(len(added)) == added
        gate.end()
        assert process.communicate(timeout=30)[0] == b"\n"


# The last event


def test_final_is_the_last_event_alone(served: Program) -> None:
    assert served(*ECHO, "--final", events({"n": 1}, {"n": 2}, {"n": 3})).stdout == b'{"n":3}\n'


def test_files_are_those_of_the_last_event(served: Program, tmp_path: Path) -> None:
    done = served(*FLUX, "-d", f"{tmp_path}/out/")
    versions = lines(done.stdout)
    assert len(versions) > 1
    (saved,) = (tmp_path / "out").iterdir()
    assert saved.read_bytes() == requests.get(versions[-1]["images"][0]["url"], timeout=30).content
    assert saved.name.startswith("fal-ai-flux-dev-")


def test_o_saves_the_last_event_or_its_picture(served: Program, tmp_path: Path) -> None:
    done = served(*FLUX, "--final", "-o", str(tmp_path / "last.json"))
    assert json.loads((tmp_path / "last.json").read_bytes()) == json.loads(done.stdout)
    served(*FLUX, "-o", str(tmp_path / "x.jpg"))
    assert (tmp_path / "x.jpg").read_bytes().startswith(b"\xff\xd8")


def test_d_dash_writes_the_bytes_and_nothing_else(served: Program) -> None:
    done = served(
        *ECHO, events({"n": 1}, {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}), "-d", "-"
    )
    assert done.stdout == PNG


# On a terminal


def test_growing_text_is_drawn_as_growing_text_at_three_moments(fal: Program) -> None:
    gate = Gate()
    with Server([gate]) as server:
        screen = Screen([*fal.argv, "stream", server.url, '{"a": 1}', "--no-validate"], fal.env, columns=60)
        gate.send({"output": "Once", "partial": True})
        first = screen.until(lambda text: "Once" in text)
        gate.send({"output": "Once upon a time", "partial": True})
        second = screen.until(lambda text: "a time" in text)
        gate.send({"output": "Once upon a time\nthere was a cat \x1b[2J.", "partial": False})
        gate.end()
        assert screen.finish() == 0
    assert first.count("Once") == second.count("Once") == screen.text.count("Once") == 1
    assert second.splitlines()[-1] == "Once upon a time"
    assert screen.text.splitlines()[-2:] == ["Once upon a time", "there was a cat ␛[2J."]
    assert b"\x1b[2J" not in screen.raw


def test_the_sandboxes_story_on_a_terminal(served: Program) -> None:
    screen = Screen([*served.argv, *LLM], served.env, columns=80)
    assert screen.finish() == 0
    assert screen.text.count("This is the sandbox") == 1
    assert "That is all" in screen.text


def test_versions_without_text_end_as_the_last_one(served: Program) -> None:
    screen = Screen([*served.argv, *ECHO, events({"n": 1}, {"n": 2}, {"n": 3})], served.env, columns=80)
    assert screen.finish() == 0
    assert '"n": 3' in screen.text
    assert '"n": 1' not in screen.text


# How a stream goes wrong


def test_an_event_that_is_not_json_is_passed_on_as_text_with_a_warning(served: Program) -> None:
    done = served(*ECHO, "a=1", "sandbox.events=2", fault("bad-json"))
    assert lines(done.stdout) == [{"text": "{garbled by the sandbox"}, {"a": 1, "event": 1}, {"a": 1, "event": 2}]
    assert "warning: event 1 is not JSON" in done.stderr


@pytest.mark.parametrize("how", [(), ("--text",), ("--final",)], ids=["events", "text", "final"])
def test_6_cut_after_events_and_what_arrived_is_there(served: Program, tmp_path: Path, how: tuple[str, ...]) -> None:
    saving = ("-o", str(tmp_path / "last.json"))
    done = served(*LLM, *how, *saving, fault("cut-after:3"), code=10)
    assert "the stream ended after 3 events: the connection was cut" in done.stderr
    assert "billed for the part that ran" in done.stderr
    arrived = {(): 3, ("--text",): 1, ("--final",): 0}
    assert done.text.count("\n") == arrived[how]
    assert not (tmp_path / "last.json").exists()


# Random, but the same in each worker that collects them.
@pytest.mark.parametrize("point", sorted(random.Random(7).sample(range(1000), 10)))
def test_6_cut_at_ten_random_events(served: Program, point: int) -> None:
    done = served(*ECHO, "a=1", "sandbox.events=1000", fault(f"cut-after:{point}"), code=10)
    assert [value["event"] for value in lines(done.stdout)] == list(range(1, point + 1))
    assert f"after {point} event" in done.stderr


def test_a_stream_that_ends_while_it_is_partial_deserves_a_warning(served: Program) -> None:
    done = served(*LLM, fault("close-after:2"))
    assert len(lines(done.stdout)) == 2
    assert "warning: the stream ended after 2 events, but the last one says that more will follow" in done.stderr
    assert "warning" not in served(*LLM).stderr


def test_a_stream_without_an_event_deserves_a_warning(served: Program) -> None:
    done = served(*ECHO, events())
    assert done.stdout == b""
    assert "warning: the stream ended without an event" in done.stderr


def test_an_event_that_tells_of_an_error_is_how_it_ended(served: Program) -> None:
    done = served(*ECHO, "a=1", "sandbox.events=3", fault("error-after:1"), code=1)
    assert len(lines(done.stdout)) == 2
    assert "The sandbox was ordered to fail here" in done.stderr
    assert ledger_states(served) == [("stream", "failed")]


FAILURES = [
    pytest.param(b'data: {"type": "error", "node_id": "n", "message": "no room"}\n\n', id="workflow"),
    pytest.param(b'event: error\ndata: {"message": "no room"}\n\n', id="event"),
    pytest.param(b"event: error\ndata: no room\n\n", id="event-text"),
    pytest.param(b'data: {"output": "a", "error": "no room"}\n\n', id="chunk"),
    pytest.param(b'data: {"error": {"message": "no room"}}\n\ndata: [DONE]\n\n', id="object-and-done"),
    pytest.param(
        b'data: {"type": "error", "message": "x", "error": {"status": 422, "body": {"detail": "no room"}}}\n\n',
        id="workflow-body",
    ),
]


@pytest.mark.parametrize("last", FAILURES)
@pytest.mark.parametrize("how", [(), ("--final",), ("--text",)], ids=["events", "final", "text"])
def test_the_last_thing_said_decides(served: Program, last: bytes, how: tuple[str, ...], tmp_path: Path) -> None:
    saved = tmp_path / "last.json"
    done = served(*sse(b'data: {"output": "a"}\n\n' + last), *how, "-o", str(saved), code=1)
    assert "no room" in done.stderr
    assert b"no room" not in done.stdout or not how
    assert not saved.exists()
    assert ledger_states(served) == [("stream", "failed")]


def test_an_error_that_is_followed_by_more_was_not_the_end(served: Program) -> None:
    done = served(*sse(b'event: error\ndata: {"message": "once more"}\n\ndata: {"output": "a"}\n\n'), "--final")
    assert lines(done.stdout) == [{"output": "a"}]


@pytest.mark.parametrize("how", [(), ("--final",)], ids=["events", "final"])
def test_a_mark_of_the_end_is_no_event(served: Program, how: tuple[str, ...]) -> None:
    done = served(*sse(b'data: {"output": "a"}\n\ndata: [DONE]\n\n'), *how)
    assert lines(done.stdout) == [{"output": "a"}]
    assert "JSON" not in done.stderr
    assert ledger_states(served) == [("stream", "completed")]


def test_6_silence_is_given_up_on(served: Program) -> None:
    done = served(*ECHO, "a=1", "sandbox.events=3", fault("silent-after:1"), "--idle-timeout", "1s", code=10)
    assert lines(done.stdout) == [{"a": 1, "event": 1}]
    assert "nothing arrived for 1 s" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--idle-timeout", "1", "sandbox.ping=0.1"), id="any byte counts"),
        pytest.param(("--idle-timeout", "0"), id="without end"),
        pytest.param((), id="usual"),
    ],
)
def test_silence_that_is_not_too_long(served: Program, words: tuple[str, ...]) -> None:
    done = served(*ECHO, "a=1", "sandbox.events=1", "sandbox.interval=1.3", *words)
    assert lines(done.stdout) == [{"a": 1, "event": 1}]


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        pytest.param(("fal-ai/any-llm", "a=1", "--no-validate"), 4, "\n  prompt: ", id="422"),
        pytest.param(("nobody/nothing", "a=1"), 5, "not found", id="404"),
        pytest.param(("fal-ai/esrgan", "a=1", "--no-validate"), 5, "not found", id="404-path"),
        pytest.param(("sandbox/echo", "a=1", fault("401")), 3, "refused", id="401"),
        pytest.param(("sandbox/echo", "a=1", fault("403")), 9, "locked", id="403"),
        pytest.param(("sandbox/echo", "a=1", fault("429:retry-after=0")), 9, "refused for now", id="429"),
        pytest.param(("sandbox/echo", "a=1", "sandbox.fail=500"), 1, "HTTP 500", id="500"),
        pytest.param(("sandbox/echo", "a=1", fault("html-502")), 10, "502", id="502-page"),
        pytest.param(("sandbox/echo", "a=1", fault("reset-before")), 10, "its answer was lost", id="lost"),
        pytest.param(("sandbox/echo", "a=1", "--text", "--final"), 2, "give either", id="usage"),
        pytest.param(("sandbox/echo", "image_url@gone.png"), 2, "gone.png", id="file"),
        pytest.param(("sandbox/echo", "a=1", "-d", "{x}"), 2, "{x}", id="template"),
    ],
)
def test_the_codes_of_a_stream_that_does_not_begin(
    served: Program, words: tuple[str, ...], code: int, shown: str
) -> None:
    done = served("stream", *words, code=code)
    assert shown in done.stderr
    assert done.stdout == b""


def test_3_without_a_key(fal: Program) -> None:
    assert "FAL_KEY" in fal(*ECHO, "a=1", code=3).stderr


# Ctrl-C


def test_ctrl_c_in_the_middle_says_that_nothing_lives_on(served: Program) -> None:
    process = served.start(*ECHO, "a=1", "sandbox.events=9", fault("silent-after:2"))
    assert process.stdout is not None
    for number in (1, 2):
        assert json.loads(process.stdout.readline()) == {"a": 1, "event": number}
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=5)
    assert (process.returncode, stdout) == (130, b"")
    assert "billed for the part that ran" in stderr.decode()
    assert "cannot be fetched later" in stderr.decode()
    assert "fal result" not in stderr.decode()
    assert ledger_states(served) == [("stream", "unknown")]


def test_ctrl_c_before_the_first_byte_of_an_answer(served: Program, service: Service) -> None:
    process = served.start(*ECHO, "a=1", fault("stall-before:60"))
    until(lambda: service.stats["http"]["events"] == 1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=5)
    assert process.returncode == 130
    assert "billed for the part that ran" in stderr.decode()


def test_ctrl_c_while_stdin_is_awaited(served: Program) -> None:
    reading, writing = os.pipe()
    process = served.start(*ECHO, stdin=reading)
    os.close(reading)
    assert process.stderr is not None
    assert b"waiting for JSON" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=5)
    os.close(writing)
    assert process.returncode == 130
    assert "Nothing was submitted" in stderr.decode()


# What is remembered


@pytest.mark.parametrize(
    ("words", "code", "state"),
    [
        pytest.param((), 0, "completed", id="done"),
        pytest.param((fault("401"),), 3, "refused", id="refused"),
        pytest.param((fault("422"),), 4, "failed", id="input"),
        pytest.param(("sandbox.fail=500",), 1, "failed", id="failed"),
        pytest.param((fault("reset-before"),), 10, "unknown", id="lost"),
        pytest.param((fault("cut-after:1"),), 10, "unknown", id="cut"),
    ],
)
def test_the_ledger_knows_how_it_ended(served: Program, words: tuple[str, ...], code: int, state: str) -> None:
    served(*ECHO, "a=1", "sandbox.events=3", *words, code=code)
    assert ledger_states(served) == [("stream", state)]


# Answers that are no event stream


def raw(data: bytes, kind: str) -> tuple[str, ...]:
    return (*ECHO, f"sandbox.content_type={kind}", f"sandbox.body_base64={base64.b64encode(data).decode()}")


def test_another_content_goes_to_a_pipe_as_it_is(served: Program) -> None:
    data = bytes(range(256)) * 300
    assert served(*raw(data, "audio/mpeg")).stdout == data


def test_binary_content_does_not_go_to_a_terminal(served: Program, tmp_path: Path) -> None:
    """Nothing can fetch it again, so it is saved."""
    folder = tmp_path / "here"
    folder.mkdir()
    screen = Screen([*served.argv, *raw(PNG, "image/png")], served.env, columns=80, cwd=folder)
    assert screen.finish() == 1
    (saved,) = folder.iterdir()
    assert saved.read_bytes() == PNG
    assert "image/png, which a terminal cannot show" in screen.text
    assert "-o FILE" in screen.text
    assert b"IHDR" not in screen.raw


def test_binary_content_on_a_terminal_is_saved_where_o_says(served: Program, tmp_path: Path) -> None:
    words = (*raw(PNG, "image/png"), "-o", str(tmp_path / "x.png"))
    screen = Screen([*served.argv, *words], served.env, columns=300)
    assert screen.finish() == 0
    assert (tmp_path / "x.png").read_bytes() == PNG
    assert f"saved {tmp_path / 'x.png'}" in screen.text


@pytest.mark.parametrize("place", ["x.json", "x{1}.png"])
def test_what_o_asked_for_is_saved_whatever_the_content(served: Program, tmp_path: Path, place: str) -> None:
    served(*raw(b'{"a": 1}', "application/json"), "-o", str(tmp_path / place))
    assert (tmp_path / place).read_bytes() == b'{"a": 1}'


def test_plain_text_on_a_terminal_moves_no_cursor(served: Program) -> None:
    screen = Screen([*served.argv, *raw(b"a\x1b[2J\x1b]52;c;aGk=\x07b\n", "text/plain")], served.env, columns=80)
    assert screen.finish() == 0
    assert b"\x1b]52" not in screen.raw
    assert b"\x1b[2J" not in screen.raw
    assert "␛[2J" in screen.text


# Where it goes


def test_the_path_is_appended_once(served: Program, service: Service) -> None:
    served("stream", "sandbox/echo/stream", "a=1")
    served("stream", "sandbox/echo/deep/er", "a=1")
    assert service.stats["by_endpoint"] == {"sandbox/echo": 1, "sandbox/echo/deep/er": 1}


def test_an_app_on_this_machine_gets_no_key(served: Program) -> None:
    gate = Gate()
    gate.send({"n": 1})
    gate.end()
    with Server([gate]) as server:
        assert lines(served("stream", f"{server.url}/x/", '{"a": 1}', "--no-validate").stdout) == [{"n": 1}]
        (seen,) = server.requests
    assert (seen.method, seen.target, json.loads(seen.body)) == ("POST", "/x/stream", {"a": 1})
    assert "authorization" not in seen.headers
    assert SECRET not in str(seen)
    assert seen.headers["accept"] == "text/event-stream"


def test_a_local_app_is_called_without_the_queue(fal: Program) -> None:
    with Server(answering(answer(200, {"ok": True}))) as server:
        assert json.loads(fal("run", server.url, '{"a": 1}', "--no-validate").stdout) == {"ok": True}
        (seen,) = server.requests
    assert (seen.target, seen.headers.get("authorization"), json.loads(seen.body)) == ("/", None, {"a": 1})


@pytest.mark.parametrize(
    "words", [("--webhook", "https://example.com/hook"), ("--max-queue", "3"), ("--priority", "low")]
)
def test_what_only_the_queue_understands_is_refused(served: Program, service: Service, words: tuple[str, ...]) -> None:
    assert f"{words[0]} is for the queue" in served(*ECHO, "a=1", *words, code=2).stderr
    assert service.accepted == 0
