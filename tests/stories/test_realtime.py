"""`fal realtime`: a line in, a line out, and of every input it is known whether an answer came.

Real processes against the sandbox, and against servers of our own where a moment must be held still: those are
apps on this machine too, which must get neither key nor token.
"""

import base64
import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgpack
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from fal_cli.sandbox.server import Sandbox
from tests.conftest import Program, Service
from tests.support.faulty_server import Server, answer, answering
from tests.support.pseudo_terminal import Screen
from tests.support.sandbox_keys import LOCKED_KEY, SECRET, sandbox_at

ECHO = ("realtime", "sandbox/echo")
Start = Callable[..., tuple[Program, Service]]


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Iterator[Start]:
    """Serve a sandbox with faults; the program pointed at it, and its counts."""
    started: list[Sandbox] = []

    def begin(*faults: str) -> tuple[Program, Service]:
        state = tmp_path / f"faulty-{len(started)}"
        started.append(sandbox_at(state, faults=faults))
        started[-1].start()
        service = Service(started[-1], state)
        return Program(home, service.env), service

    yield begin
    for sandbox in started:
        sandbox.stop()


def jsonl(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def soon(**values: Any) -> dict[str, Any]:
    """An input after which the session ends when nothing follows."""
    orders = values.pop("sandbox", {})
    return {**values, "sandbox": {"idle": 0.1, **orders}}


def lines(stdout: bytes) -> list[Any]:
    return [json.loads(line) for line in stdout.decode().split("\n") if line]


class App:
    """An app on this machine: what it saw of each handshake, and what it answers as `talk` says."""

    def __init__(self, talk: Callable[[ServerConnection, int], None]) -> None:
        self._talk = talk
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []

    def __call__(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.paths.append(socket.request.path)
        self.headers.append({name.lower(): value for name, value in socket.request.headers.raw_items()})
        try:
            self._talk(socket, len(self.paths))
        except ConnectionClosed:
            return


@contextmanager
def app(talk: Callable[[ServerConnection, int], None]) -> Iterator[tuple[str, App]]:
    """The URL of an app and what it saw. It sends no pings of its own."""
    held = App(talk)
    with serve(held, "127.0.0.1", 0, ping_interval=None, max_size=None) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}", held
        server.shutdown()


def take(socket: ServerConnection) -> Any:
    return msgpack.unpackb(socket.recv(timeout=30))


def give(socket: ServerConnection, value: Any) -> None:
    socket.send(msgpack.packb(value))


def echo(socket: ServerConnection, number: int) -> None:
    while True:
        give(socket, take(socket))


def left(process: "subprocess.Popen[bytes]") -> tuple[int, bytes, str]:
    """How a program ended by itself, its stdin being open to the last."""
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail("it was still there after 10 s")
    assert process.stdout is not None
    assert process.stderr is not None
    return process.returncode, process.stdout.read(), process.stderr.read().decode()


def interrupt(process: "subprocess.Popen[bytes]") -> tuple[int, bytes, str]:
    process.send_signal(signal.SIGINT)
    return left(process)


def type_in(process: "subprocess.Popen[bytes]", *values: Any) -> None:
    assert process.stdin is not None
    process.stdin.write(jsonl(*values))
    process.stdin.flush()


# A line in, a line out


def test_two_lines_give_two_results(served: Program, service: Service) -> None:
    words = ("realtime", "fal-ai/flux/dev", "image_size.width=16", "image_size.height=16", "seed=7")
    results = lines(served(*words, stdin=b'{"prompt":"a"}\n{"prompt":"b","seed":8}\n').stdout)
    assert [(result["prompt"], result["seed"]) for result in results] == [("a", 7), ("b", 8)]
    assert {result["images"][0]["width"] for result in results} == {16}
    assert (service.stats["http"]["token"], service.stats["http"]["realtime"]) == (1, 1)


def test_the_words_stand_under_each_line(served: Program) -> None:
    stdin = jsonl({"b": 2}, soon(a=5, deep={"y": 2}))
    results = lines(served(*ECHO, "a=1", "-t", "text=42", "deep.x=1", stdin=stdin).stdout)
    assert results == [
        {"a": 1, "text": "42", "deep": {"x": 1}, "b": 2},
        {"a": 5, "text": "42", "deep": {"y": 2}},
    ]


def test_without_a_line_the_words_are_the_input(served: Program) -> None:
    assert lines(served(*ECHO, "a=1", "sandbox.idle=0.1", stdin=b"").stdout) == [{"a": 1}]


def test_neither_words_nor_lines_open_no_session(served: Program, service: Service) -> None:
    for stdin in (b"", b"\n  \n\r\n"):
        assert served(*ECHO, stdin=stdin).stdout == b""
    assert service.stats["http"]["realtime"] == 0


def test_a_file_among_the_words_is_sent_once_and_its_url_stands_under_each_line(
    served: Program, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "x.png").write_bytes(b"x")
    first, second = lines(served(*ECHO, f"image_url@{tmp_path / 'x.png'}", stdin=jsonl({}, soon())).stdout)
    assert first["image_url"] == second["image_url"] != ""
    assert service.stats["uploads"]["files"] == 1


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        pytest.param((), jsonl({"a": 1}), id="no newline asked for"),
        pytest.param((), b'{"a":1}', id="no newline at the end"),
        pytest.param((), b'\n{"a":1}\r\n\n', id="empty lines"),
        pytest.param((), b'\xef\xbb\xbf{"a":1}\n', id="a byte order mark"),
    ],
)
def test_what_counts_as_a_line(served: Program, words: tuple[str, ...], stdin: bytes) -> None:
    assert lines(served(*ECHO, *words, "sandbox.idle=0.1", stdin=stdin).stdout) == [{"a": 1}]


def test_1_malformed_lines_are_named_and_skipped(served: Program) -> None:
    stdin = b'{"a":1}\n{"a":\n[1]\n\n{"a": NaN}\n"x"\n\xff\n{"a":2,"sandbox":{"idle":0.1}}\n'
    done = served(*ECHO, stdin=stdin, code=1)
    assert lines(done.stdout) == [{"a": 1}, {"a": 2}]
    for number in (2, 3, 5, 6, 7):
        assert f"warning: line {number} " in done.stderr
    assert "lines 2, 3, 5-7: not a JSON object" in done.stderr


def test_1_a_line_that_no_frame_can_carry_is_named_and_skipped(served: Program) -> None:
    done = served(*ECHO, "sandbox.idle=0.1", stdin=jsonl({"a": 1}, {"n": 2**70}, {"a": 2}), code=None)
    assert "Traceback" not in done.stderr
    assert "line 2" in done.stderr
    assert lines(done.stdout) == [{"a": 1}, {"a": 2}]
    assert done.code == 1


def test_results_come_while_stdin_is_open(served: Program) -> None:
    process = served.start(*ECHO, stdin=subprocess.PIPE)
    assert process.stdout is not None
    for number in range(3):
        type_in(process, soon(a=number, sandbox={"idle": 30}))
        assert json.loads(process.stdout.readline()) == {"a": number}
    assert process.communicate(timeout=30)[0] == b""
    assert process.returncode == 0


def test_lines_typed_at_a_terminal(served: Program) -> None:
    screen = Screen([*served.argv, *ECHO], served.env, columns=80)
    screen.until(lambda text: "Ctrl-D ends it" in text)
    screen.press(b'{"a":1}\n')
    screen.until(lambda text: text.count('"a"') >= 2)  # as typed, and as answered
    screen.press(b'{"b":2,"sandbox":{"idle":0.1}}\n')
    screen.until(lambda text: text.count('"b"') >= 2)
    screen.press(b"\x04")
    assert screen.finish() == 0


def test_pictures_at_a_terminal_are_shortened(served: Program) -> None:
    screen = Screen([*served.argv, "realtime", "fal-ai/fast-lcm-diffusion"], served.env, columns=400)
    screen.press(b'{"prompt":"a cat"}\n')
    screen.until(lambda text: '"images"' in text)
    screen.press(b"\x04")
    assert screen.finish() == 0
    assert " bytes)" in screen.text
    assert "-d DIR" in screen.text
    assert max(map(len, screen.text.split("\n"))) < 400


def test_a_reader_that_leaves_is_no_error(served: Program) -> None:
    process = served.start(*ECHO, stdin=subprocess.PIPE)
    assert process.stdout is not None
    type_in(process, {"a": 1})
    assert json.loads(process.stdout.readline()) == {"a": 1}
    process.stdout.close()
    process.stdout = None
    type_in(process, {"a": 2})
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, b"")


# Kinds of sessions


@pytest.mark.parametrize(
    ("orders", "sent", "expected"),
    [
        pytest.param(
            {"mode": "server_streaming", "events": 3},
            [{"a": 1}],
            [{"a": 1, "event": 1}, {"a": 1, "event": 2}, {"a": 1, "event": 3}],
            id="server-streaming",
        ),
        pytest.param(
            {"mode": "client_streaming", "endpoint": "sandbox/realtime/client-streaming"},
            [{"a": 1}, {"a": 2}, {"a": 3}],
            [{"inputs": [{"a": 1}, {"a": 2}, {"a": 3}], "count": 3}],
            id="client-streaming",
        ),
        pytest.param(
            {"mode": "bidi", "events": 2},
            [{"a": 1}, {"a": 2}],
            [{"a": 1, "event": 1}, {"a": 1, "event": 2}, {"a": 2, "event": 1}, {"a": 2, "event": 2}],
            id="bidi",
        ),
        pytest.param({"mode": "unary", "timings": True}, [{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}], id="timings"),
        pytest.param({"delay": 0.4}, [{"a": 1}], [{"a": 1}], id="slow"),
    ],
)
def test_every_mode_of_a_framework_app(
    served: Program, orders: dict[str, Any], sent: list[Any], expected: list[Any]
) -> None:
    endpoint = orders.pop("endpoint", "sandbox/echo")  # whose document names another mode
    words = (f"sandbox:={json.dumps({'idle': 0.2, **orders})}", "--linger", "2s")
    done = served("realtime", endpoint, *words, stdin=jsonl(*sent))
    assert lines(done.stdout) == expected


def test_a_stream_of_results_with_pauses_is_heard_to_its_end(fal: Program) -> None:
    def talk(socket: ServerConnection, number: int) -> None:
        take(socket)
        for result in range(3):
            time.sleep(0.5 if result else 0)
            give(socket, {"n": result})
        socket.send(json.dumps({"type": "x-fal-error", "error": "TIMEOUT", "reason": "no inputs"}))
        socket.close(1000)

    with app(talk) as (url, _):
        assert lines(fal("realtime", url, stdin=jsonl({})).stdout) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_a_quiet_app_is_left_after_the_last_answer(fal: Program) -> None:
    with app(echo) as (url, _):
        assert lines(fal("realtime", url, stdin=jsonl({"a": 1})).stdout) == [{"a": 1}]


# What a result holds


def test_pictures_are_base64_in_json(served: Program) -> None:
    words = ("realtime", "fal-ai/fast-lcm-diffusion", "image_size.width=16", "image_size.height=16")
    (result,) = lines(served(*words, stdin=jsonl({"prompt": "x"})).stdout)
    assert base64.b64decode(result["images"][0]["content"], validate=True).startswith(b"\xff\xd8")


def test_pictures_are_files_with_d(served: Program, tmp_path: Path) -> None:
    words = ("realtime", "fal-ai/fast-lcm-diffusion", "num_images=2", "image_size.width=16", "image_size.height=16")
    done = served(*words, "-d", f"{tmp_path}/frames/", stdin=jsonl({"prompt": "x"}, {"prompt": "y"}))
    paths = [Path(image["content"]) for result in lines(done.stdout) for image in result["images"]]
    assert len(set(paths)) == 4
    assert {path.parent for path in paths} == {tmp_path / "frames"}
    assert {path.suffix for path in paths} == {".jpg"}
    assert all(path.read_bytes().startswith(b"\xff\xd8") for path in paths)
    again = served(*words, "-d", f"{tmp_path}/frames/", stdin=jsonl({"prompt": "x"}))
    assert not {image["content"] for image in lines(again.stdout)[0]["images"]} & set(map(str, paths))
    assert len(os.listdir(tmp_path / "frames")) == 6


def test_every_value_that_msgpack_has_and_json_has_not(served: Program) -> None:
    (result,) = lines(served(*ECHO, stdin=jsonl(soon(sandbox={"values": True}))).stdout)
    assert result["values"] == {
        "bin": base64.b64encode(bytes(range(256))).decode(),
        "ext": {"ext": 42, "data": base64.b64encode(b"sandbox").decode()},
        "timestamp": "2030-01-02T03:04:05.678901+00:00",
        "uint64": 2**64 - 1,
        "nan": "NaN",
        "inf": ["Infinity", "-Infinity"],
        "keys": {
            "7": "a number",
            "true": "truth",
            "null": "nothing",
            base64.b64encode(b"k\xff").decode(): "bytes",
            "0.5": "a half",
        },
    }


def test_the_line_is_strict_json(served: Program) -> None:
    line = served(*ECHO, stdin=jsonl(soon(sandbox={"values": True}))).text

    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(line, parse_constant=refuse)
    assert line.count("\n") == 1


def test_json_frames(served: Program) -> None:
    words = ("realtime", "sandbox/echo/json", "--encoding", "json", "sandbox.idle=0.1")
    assert lines(served(*words, stdin=jsonl({"a": "größe", "n": [1.5, None]})).stdout) == [
        {"a": "größe", "n": [1.5, None]}
    ]


def test_a_result_in_a_text_frame(fal: Program) -> None:
    def talk(socket: ServerConnection, number: int) -> None:
        take(socket)
        socket.send('{"a": 1}')
        socket.send("no JSON")
        socket.close(1000)

    with app(talk) as (url, _):
        assert lines(fal("realtime", url, stdin=jsonl({}, {})).stdout) == [{"a": 1}, {"text": "no JSON"}]


# Pings


def test_pings_are_answered_while_stdin_is_silent(fal: Program) -> None:
    def talk(socket: ServerConnection, number: int) -> None:
        give(socket, {"got": take(socket)})
        pongs = [socket.ping().wait(20) for _ in range(3)]
        give(socket, {"pongs": pongs})
        give(socket, {"got": take(socket)})
        socket.close(1000)

    with app(talk) as (url, seen):
        process = fal.start("realtime", url, stdin=subprocess.PIPE)
        assert process.stdout is not None
        type_in(process, {"a": 1})
        assert json.loads(process.stdout.readline()) == {"got": {"a": 1}}
        assert json.loads(process.stdout.readline()) == {"pongs": [True, True, True]}
        type_in(process, {"a": 2})
        assert lines(process.communicate(timeout=30)[0]) == [{"got": {"a": 2}}]
    assert process.returncode == 0
    assert len(seen.paths) == 1


# An app on this machine


@pytest.mark.parametrize(
    ("given", "words", "path"),
    [
        pytest.param("", (), "/realtime", id="root"),
        pytest.param("/", (), "/realtime", id="slash"),
        pytest.param("/realtime", (), "/realtime", id="there already"),
        pytest.param("/my/app", (), "/my/app/realtime", id="path"),
        pytest.param("", ("--max-buffering", "60"), "/realtime?max_buffering=60", id="buffering"),
    ],
)
def test_an_app_on_this_machine_gets_neither_key_nor_token(
    served: Program, service: Service, given: str, words: tuple[str, ...], path: str
) -> None:
    with app(echo) as (url, seen):
        assert lines(served("realtime", url + given, *words, stdin=jsonl({"a": 1})).stdout) == [{"a": 1}]
    assert seen.paths == [path]
    (headers,) = seen.headers
    assert "authorization" not in headers
    assert SECRET not in str(headers)
    assert service.stats["http"]["token"] == 0


def test_path_stands_in_for_realtime(served: Program, service: Service) -> None:
    """`--path` is what the vendor's client calls `path`: it replaces the default and is not put before it."""
    with app(echo) as (url, seen):
        served("realtime", url, "--path", "/my/socket", stdin=jsonl({"a": 1}))
    assert seen.paths == ["/my/socket"]


@pytest.mark.parametrize(
    "url", ["http://example.com", "http://10.0.0.1:8080", "https://localhost:8080", "ws://localhost"]
)
def test_2_another_machine_is_no_local_app(served: Program, service: Service, url: str) -> None:
    assert "not an app on this machine" in served("realtime", url, stdin=b"{}\n", code=2).stderr
    assert service.stats["http"]["token"] == 0


# Options


def test_throttle_waits_between_two_inputs(fal: Program) -> None:
    moments: list[float] = []

    def talk(socket: ServerConnection, number: int) -> None:
        for _ in range(3):
            value = take(socket)
            moments.append(time.monotonic())
            give(socket, value)
        socket.close(1000)

    with app(talk) as (url, _):
        fal("realtime", url, "--throttle", "0.3s", stdin=jsonl({}, {}, {}))
    assert min(later - earlier for earlier, later in pairwise(moments)) > 0.2


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(("--max-buffering", "0"), "--max-buffering", id="buffering 0"),
        pytest.param(("--max-buffering", "61"), "--max-buffering", id="buffering 61"),
        pytest.param(("--encoding", "xml"), "--encoding", id="encoding"),
        pytest.param(("--throttle", "soon"), "soon", id="throttle"),
        pytest.param(("-",), "stdin", id="stdin as JSON"),
        pytest.param(("image_url@-",), "stdin", id="stdin as a file"),
        pytest.param(("prompt=@-",), "stdin", id="stdin as a text"),
        pytest.param(("image_url@gone.png",), "gone.png", id="file"),
    ],
)
def test_2_usage_and_no_session(served: Program, service: Service, words: tuple[str, ...], shown: str) -> None:
    assert shown in served(*ECHO, *words, stdin=b"{}\n", code=2).stderr
    assert service.stats["http"]["token"] == service.stats["http"]["realtime"] == 0


# Refused


@pytest.mark.parametrize(
    ("endpoint", "env", "faults", "code", "shown"),
    [
        pytest.param("sandbox/echo", {"FAL_KEY": "wrong:key"}, (), 3, "refused", id="key"),
        pytest.param("sandbox/echo", {"FAL_KEY": LOCKED_KEY}, (), 9, "locked", id="locked"),
        pytest.param("sandbox/echo", {"FAL_KEY": ""}, (), 3, "FAL_KEY", id="no key"),
        pytest.param("nobody/nothing", {}, (), 5, "not found", id="404"),
        pytest.param("fal-ai/esrgan", {}, (), 3, "403", id="no socket there"),
        pytest.param("sandbox/echo", {}, ("realtime=401",), 3, "401", id="401"),
        pytest.param("sandbox/echo", {}, ("realtime=429",), 9, "429", id="429"),
        pytest.param("sandbox/echo", {}, ("realtime=503",), 6, "503", id="503"),
        pytest.param("sandbox/echo", {}, ("realtime=unauthorized",), 3, "Unauthorized", id="in a frame"),
        pytest.param("sandbox/echo", {}, ("token=404",), 5, "404", id="no token"),
    ],
)
def test_a_refused_session_has_the_code_of_its_refusal(
    start: Start, endpoint: str, env: dict[str, str], faults: tuple[str, ...], code: int, shown: str
) -> None:
    fal, _ = start(*faults)
    done = fal("realtime", endpoint, stdin=jsonl({"a": 1}), env=env, code=None)
    assert done.stdout == b""
    assert shown in done.stderr
    assert done.code == code, done.stderr


def test_a_token_that_is_refused_once_is_minted_anew(start: Start) -> None:
    fal, service = start("realtime=401*1")
    assert lines(fal(*ECHO, stdin=jsonl(soon(a=1))).stdout) == [{"a": 1}]
    assert (service.stats["http"]["token"], service.stats["http"]["realtime"]) == (2, 2)


# The app fails


def test_1_an_internal_error_with_its_reason(served: Program) -> None:
    done = served("realtime", "fal-ai/flux/dev", stdin=jsonl({"prompt": 5}), code=1)
    assert "INTERNAL_ERROR" in done.stderr
    assert "prompt" in done.stderr
    assert done.stdout == b""


def test_1_an_internal_error_without_a_reason(fal: Program) -> None:
    def talk(socket: ServerConnection, number: int) -> None:
        give(socket, take(socket))
        take(socket)
        socket.send(json.dumps({"type": "x-fal-error", "error": "INTERNAL_ERROR", "reason": ""}))
        socket.close(1000)

    with app(talk) as (url, _):
        done = fal("realtime", url, stdin=jsonl({"a": 1}, {"a": 2}), code=1)
    assert lines(done.stdout) == [{"a": 1}]
    assert "the app answered line 2 with an error: INTERNAL_ERROR" in done.stderr


def frames(*said: Any) -> Callable[[ServerConnection, int], None]:
    """An app that answers one input after the other with these, and stays open; a text frame for a dict."""

    def talk(socket: ServerConnection, number: int) -> None:
        for each in said:
            take(socket)
            socket.send(json.dumps(each)) if "status" in each or "type" in each else give(socket, each)
        take(socket)

    return talk


@pytest.mark.parametrize(
    "error",
    [
        {"type": "x-fal-error", "error": "INTERNAL_ERROR", "reason": "no room"},
        {"status": "error", "error": "no room"},
        {"status": "error", "reason": "no room"},
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_error_on_a_session_that_stays_open_marks_its_line(fal: Program, error: Any, place: int) -> None:
    said: list[Any] = [{"a": 1}, {"a": 2}, {"a": 3}]
    said[place] = error
    with app(frames(*said)) as (url, _):
        done = fal("realtime", url, stdin=jsonl({}, {}, {}), code=1, timeout=15)
    assert f"line {place + 1}" in done.stderr
    assert "no room" in done.stderr
    assert lines(done.stdout) == [answer for answer in said if answer is not error]


def test_an_app_that_says_nothing_after_an_error_is_left(fal: Program) -> None:
    with app(frames({"type": "x-fal-error", "error": "INTERNAL_ERROR", "reason": "no room"})) as (url, _):
        done = fal("realtime", url, stdin=jsonl({}, {}), code=1, timeout=15)
    assert "no room" in done.stderr
    assert "line 2" in done.stderr


def test_a_session_ends_with_the_last_answer(fal: Program) -> None:
    with app(frames({"a": 1}, {"a": 2})) as (url, _):
        began = time.monotonic()
        assert len(lines(fal("realtime", url, stdin=jsonl({}, {})).stdout)) == 2
        taken = time.monotonic() - began
        assert len(lines(fal("realtime", url, "--linger", "4s", stdin=jsonl({}, {})).stdout)) == 2
        assert time.monotonic() - began - taken > taken + 2


def test_an_app_without_a_route_for_sockets_is_not_a_matter_of_keys(fal: Program) -> None:
    with Server(answering(answer(403, ""))) as server:
        done = fal("realtime", server.url, stdin=jsonl({}), code=5)
    assert "no WebSocket at this path" in done.stderr
    assert "key" not in done.stderr


@pytest.mark.parametrize(
    "frame",
    [
        b"\xc1 no msgpack",
        b"",
        b"\x81",
        b"\x01\x02",
        b"\x81\x90\x01",
        b"\xc7\x0c\xff" + bytes(4) + b"\x7f" + b"\xff" * 7,
    ],
    ids=["garbage", "empty", "cut", "two", "a list as a key", "a time beyond the calendar"],
)
def test_a_frame_that_cannot_be_read_is_no_crash(fal: Program, frame: bytes) -> None:
    def talk(socket: ServerConnection, number: int) -> None:
        take(socket)
        socket.send(frame)
        socket.close(1000)

    with app(talk) as (url, _):
        done = fal("realtime", url, stdin=jsonl({"a": 1}), code=1)
    assert "unexpected failure" not in done.stderr
    assert "No answer came to line 1" in done.stderr


# The connection fails


def test_the_next_lines_go_over_a_new_connection_and_nothing_is_sent_twice(fal: Program) -> None:
    taken: list[Any] = []

    def talk(socket: ServerConnection, number: int) -> None:
        while True:
            value = take(socket)
            taken.append(value)
            if value == {"a": 2}:
                socket.close_socket()  # no close frame: the connection is cut
                return
            give(socket, value)

    with app(talk) as (url, seen):
        process = fal.start("realtime", url, stdin=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        type_in(process, {"a": 1}, {"a": 2})
        assert json.loads(process.stdout.readline()) == {"a": 1}
        warning = process.stderr.readline().decode()
        type_in(process, {"a": 3})
        stdout, stderr = process.communicate(timeout=30)
    assert warning == "warning: the connection was cut; no answer came to line 2\n"
    assert lines(stdout) == [{"a": 3}]
    assert taken == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert len(seen.paths) == 2
    assert process.returncode == 10
    assert "no answer came to line 2" in stderr.decode()
    assert "not sent again" in stderr.decode()


# Random, but the same in each worker that collects them.
@pytest.mark.parametrize("point", sorted(random.Random(7).sample(range(21), 10)))
def test_cut_after_ten_random_answers(start: Start, point: int) -> None:
    fal, _ = start(f"realtime=cut-after:{point}*1")
    done = fal(*ECHO, stdin=jsonl(*({"a": number} for number in range(20))), code=None)
    answered = {result["a"] for result in lines(done.stdout)}
    unanswered = sorted(set(range(20)) - answered)
    assert set(range(point)) <= answered
    if unanswered:
        first, last = unanswered[0] + 1, unanswered[-1] + 1
        named = f"{first}-{last}" if last - first > 1 else str(first)
        assert done.code == 10
        assert f"no answer came to line{'s' if len(unanswered) > 1 else ''} {named}" in done.stderr
    elif point < 20:
        assert done.code == 0
    else:  # all was answered; whether the cut came before we had left is not ours to say
        assert done.code in (0, 6)


def test_a_close_with_another_code_is_told(start: Start) -> None:
    fal, _ = start("realtime=close-after:0:1011*1")
    done = fal(*ECHO, stdin=jsonl({"a": 0}), code=10)
    assert "was closed with code 1011; no answer came to line 1" in done.stderr


def test_10_an_answer_that_does_not_come(start: Start) -> None:
    fal, _ = start("realtime=silent-after:1")
    done = fal(*ECHO, "--idle-timeout", "1s", stdin=jsonl({"a": 1}, {"a": 2}), code=10)
    assert lines(done.stdout) == [{"a": 1}]
    assert "no answer came to line 2: nothing arrived for 1 s" in done.stderr


def test_a_session_that_ends_well_before_an_answer_is_told(fal: Program) -> None:
    def talk(socket: ServerConnection, number: int) -> None:
        take(socket)
        socket.close(1000)

    with app(talk) as (url, _):
        done = fal("realtime", url, stdin=jsonl({"a": 1}), code=10)
    assert "line 1" in done.stderr
    assert done.stdout == b""


def test_lines_after_a_good_end_go_over_a_new_session(fal: Program) -> None:
    ended = threading.Semaphore(0)

    def talk(socket: ServerConnection, number: int) -> None:
        give(socket, take(socket))
        socket.send(json.dumps({"type": "x-fal-error", "error": "TIMEOUT", "reason": "no inputs"}))
        socket.close(1000)  # returns when the program has answered the close
        ended.release()

    with app(talk) as (url, seen):
        process = fal.start("realtime", url, stdin=subprocess.PIPE)
        assert process.stdout is not None
        for number in range(3):
            type_in(process, {"a": number})
            assert json.loads(process.stdout.readline()) == {"a": number}
            # A server that has closed waits for the program to leave the connection, too.
            assert ended.acquire(timeout=5), "the ended session's connection is still open"
            time.sleep(0.1)  # it has said so to the server before it says so to its own other thread
        assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 0
    assert len(seen.paths) == 3


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


# Ctrl-C and the ledger


def test_ctrl_c_says_how_many_inputs_have_no_answer(start: Start) -> None:
    fal, _ = start("realtime=silent-after:1")
    process = fal.start(*ECHO, stdin=subprocess.PIPE)
    assert process.stdout is not None
    type_in(process, {"a": 1})
    assert json.loads(process.stdout.readline()) == {"a": 1}
    code, _, talk = interrupt(process)
    assert code == 130
    assert "every input that was sent has its answer" in talk


def test_ctrl_c_while_an_answer_is_awaited(fal: Program) -> None:
    has_both = threading.Event()

    def talk(socket: ServerConnection, number: int) -> None:
        take(socket)
        take(socket)
        has_both.set()
        take(socket)

    with app(talk) as (url, _):
        process = fal.start("realtime", url, stdin=subprocess.PIPE)
        type_in(process, {"a": 1}, {"a": 2})
        assert has_both.wait(30)
        code, stdout, stderr = interrupt(process)
    assert (code, stdout) == (130, b"")
    assert "no answer came to lines 1, 2, which may have run" in stderr


def test_ctrl_c_before_anything_was_sent(served: Program, service: Service) -> None:
    process = served.start(*ECHO, stdin=subprocess.PIPE)
    until(lambda: bool(list(served.home.rglob("ledger.db"))))
    code, stdout, _ = interrupt(process)
    assert (code, stdout) == (130, b"")
    assert service.stats["http"]["realtime"] == 0
    states = {json.loads(line)["state"] for line in served("history").stdout.splitlines()}
    assert states <= {"not_sent"}  # none, where it was interrupted before there was anything to record


def test_ctrl_c_at_a_terminal(served: Program) -> None:
    screen = Screen([*served.argv, *ECHO], served.env, columns=100)
    screen.press(b'{"a":1}\n')
    screen.until(lambda text: text.count('"a"') >= 2)
    screen.press(b"\x03")
    assert screen.finish() == 130
    assert "every input that was sent has its answer" in screen.text
    assert "Fatal" not in screen.text


@pytest.mark.parametrize(
    ("endpoint", "line", "words", "faults", "code"),
    [
        pytest.param("fal-ai/flux/dev", {"prompt": 5}, (), (), 1, id="the app fails"),
        pytest.param("nobody/nothing", {"a": 1}, (), (), 5, id="refused"),
        pytest.param("sandbox/echo", {"a": 1}, ("--idle-timeout", "1"), ("realtime=silent-after:0",), 10, id="silence"),
    ],
)
def test_an_end_while_stdin_is_open_has_its_code(
    start: Start, endpoint: str, line: Any, words: tuple[str, ...], faults: tuple[str, ...], code: int
) -> None:
    fal, _ = start(*faults)
    process = fal.start("realtime", endpoint, *words, stdin=subprocess.PIPE)
    type_in(process, line)
    found, stdout, stderr = left(process)
    assert (found, stdout) == (code, b""), stderr
    assert "Fatal" not in stderr


@pytest.mark.parametrize(
    ("faults", "code", "state"),
    [
        pytest.param((), 0, "completed", id="done"),
        pytest.param(("realtime=403",), 9, "refused", id="refused"),
        pytest.param(("realtime=cut-after:0*1",), 10, "unknown", id="lost"),
        pytest.param(("realtime=garbage",), 1, "failed", id="failed"),
    ],
)
def test_the_ledger_knows_how_it_ended(start: Start, faults: tuple[str, ...], code: int, state: str) -> None:
    fal, _ = start(*faults)
    fal(*ECHO, stdin=jsonl(soon(a=1)), code=code)
    with sqlite3.connect(next(fal.home.rglob("ledger.db"))) as db:
        assert db.execute("SELECT mode, state FROM requests").fetchall() == [("realtime", state)]


def test_a_reader_that_leaves_ends_the_record_too(start: Start) -> None:
    fal, _ = start()
    process = fal.start("realtime", "sandbox/echo", stdin=-1, stdout=-1)
    assert process.stdin
    assert process.stdout
    process.stdin.write(jsonl(soon(a=1)))
    process.stdin.flush()
    process.stdout.readline()
    process.stdout.close()
    process.stdin.write(jsonl(soon(a=2)))
    process.stdin.close()
    assert process.wait(30) == 0
    with sqlite3.connect(next(fal.home.rglob("ledger.db"))) as db:
        assert db.execute("SELECT state FROM requests").fetchall() == [("completed",)]


def test_a_text_frame_that_is_nested_without_end_is_text(fal: Program) -> None:
    def talk(socket: ServerConnection, number: int) -> None:
        take(socket)
        socket.send("[" * 100_000)
        socket.close(1000)

    with app(talk) as (url, _):
        assert lines(fal("realtime", url, stdin=jsonl({"a": 1})).stdout) == [{"text": "[" * 100_000}]
