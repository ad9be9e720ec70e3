"""The key is a canary: whatever a command says, writes or sends, and however it ends, it is nowhere but in the header.

What the matrix of faults says and writes is searched in `test_matrix`.
"""

import base64
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.fault_proxy import Exchange, answer, lose_answer
from tests.support.faulty_server import http
from tests.support.full_run import some
from tests.support.place import KEY, SECRET, Place
from tests.support.waiting import until

ECHO = ("sandbox/echo", "n=1", "sandbox.queue=0", "sandbox.run=0")
COMMANDS = [
    ("run", *ECHO),
    ("run", *ECHO, "--json"),
    ("run", *ECHO, "-q"),
    ("run", "--direct", *ECHO),
    ("submit", *ECHO, "-H", "X-Mine: 1", "--tag", "a=b"),
    ("stream", *ECHO),
    ("realtime", "sandbox/echo"),
    ("upload", "file.bin"),
    ("run", "fal-ai/esrgan", "image_url=@file.bin", "sandbox.queue=0", "sandbox.run=0"),
    ("run", "fal-ai/flux/dev", "prompt=x", "sandbox.queue=0", "sandbox.run=0", "-d", "out/"),
    ("status", "last"),
    ("status", "last", "--follow"),
    ("result", "last", "--wait"),
    ("logs", "last"),
    ("cancel", "last"),
    ("resume",),
    ("resume", "@1"),
    ("wait", "last"),
    ("rerun", "@1"),
    ("history",),
    ("history", "show", "@1"),
    ("cost",),
]


def test_no_command_tells_it(place: Place) -> None:
    (place.folder / "file.bin").write_bytes(b"x" * 1000)
    for words in COMMANDS:
        place(*words, code=None, loud=True, stdin=b'{"n":1}\n' if words[0] == "realtime" else None)
    assert {seen.host for seen in place.proxy.seen} == {"queue", "run", "rest", "api"}
    assert sum(b"[hidden]" in done.stderr.encode() for done in place.finished) > 10  # they did tell of the header
    place.holds_no_secret()


def test_a_lost_call_that_is_looked_up(place: Place) -> None:
    place.proxy.fail("submit", lose_answer)
    place("submit", *ECHO, code=10, loud=True)
    place("resume", loud=True)
    place.holds_no_secret()


def echoing(status: int) -> Callable[[Exchange], None]:
    """An answer that repeats the header that it was sent, in every place that an answer has."""

    def fault(exchange: Exchange) -> None:
        told = exchange.seen.request.headers.get("authorization", "")
        body = {"detail": [{"loc": ["body", told], "msg": f"bad key {told}", "type": told}], "error": told}
        headers = {"X-Echo": told, "X-Fal-Error-Type": told, "Location": f"https://x/?{told}", "Connection": "close"}
        exchange.reply(http(status, body, headers, reason=f"No {told}"))

    return fault


@pytest.mark.parametrize("status", some([401, 500, 422, 302, 400, 403, 404, 429, 503], 2))
def test_a_server_that_repeats_it(place: Place, status: int) -> None:
    place.queued(n=1)
    for route in ("submit", "run", "events", "status", "stream", "result", "cancel", "listing", "rest"):
        place.proxy.fail(route, echoing(status), times=30)
    (place.folder / "file.bin").write_bytes(b"x")
    for words in (
        ("submit", *ECHO),
        ("run", "--direct", *ECHO),
        ("stream", *ECHO),
        ("status", "@1"),
        ("result", "@1"),
        ("cancel", "@1"),
        ("upload", "file.bin"),
        ("resume", "--timeout", "1s"),
    ):
        place(*words, code=None, loud=True)
    place.holds_no_secret()


def test_a_result_that_repeats_it_is_the_users_own(place: Place) -> None:
    """It comes from the model, byte for byte, and goes where the user wants it: but not into what we keep."""
    place.proxy.fail("result", answer(200, {"text": f"your key is {KEY}"}))
    done = place("run", *ECHO, loud=True)
    assert SECRET in done.text
    assert SECRET not in done.stderr
    assert all(SECRET.encode() not in path.read_bytes() for path in place.home.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(f"{KEY}\n{SECRET}", id="a line break"),
        pytest.param(f"id:{SECRET}é", id="beyond ASCII"),
        pytest.param(f"id {SECRET}", id="a space"),
    ],
)
def test_a_key_that_cannot_be_one(place: Place, key: str) -> None:
    for words in (("submit", *ECHO), ("resume",), ("status", "sandbox/echo", "00000000-0000-4000-8000-000000000000")):
        place(*words, code=None, env={"FAL_KEY": key}, loud=True)
    place.holds_no_secret()


def test_a_key_in_two_halves_and_one_of_a_profile(place: Place) -> None:
    config = place.home.parent / "config.toml"  # the user's own file, the one place where it may be
    config.write_text(f'[work]\nkey = "{KEY}"\n')
    halves = {"FAL_KEY": "", "FAL_KEY_ID": KEY.partition(":")[0], "FAL_KEY_SECRET": SECRET}
    for words, env in (
        (("run", *ECHO), halves),
        (("run", "--profile", "work", *ECHO), {"FAL_KEY": "", "FAL_CONFIG_PATH": str(config)}),
        (("resume", "@2"), {"FAL_KEY": "wrong:key", "FAL_CONFIG_PATH": str(config)}),
        (("status", "--profile", "gone", "@2"), {"FAL_KEY": "", "FAL_CONFIG_PATH": str(config)}),
    ):
        place(*words, code=None, env=env, loud=True)
    assert place.service.accepted == 2
    place.holds_no_secret()


def test_a_traceback(place: Place) -> None:
    """FAL_DEBUG shows where an unexpected failure happened, and the frames there hold the key."""
    broken = place.home.parent / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import requests\n"
        "def send(self, request, **options):\n"
        "    raise RuntimeError(f'{request.method} with {dict(request.headers)}')\n"
        "requests.adapters.HTTPAdapter.send = send\n"
    )
    done = place("submit", *ECHO, code=1, env={"PYTHONPATH": str(broken)}, loud=True)
    assert "Traceback" in done.stderr
    assert "RuntimeError" in done.stderr
    place.holds_no_secret()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGABRT])
def test_an_interruption(place: Place, number: signal.Signals) -> None:
    process = place.start("-vv", "run", "sandbox/echo", "n=1", "sandbox.run=60", env={"FAL_DEBUG": "1"})
    until(lambda: place.proxy.count("stream") == 1)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert SECRET.encode() not in stdout + stderr
    place.holds_no_secret()


def test_it_is_on_no_command_line_and_in_no_childs_environment_but_its_own(place: Place) -> None:
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("this system has no /proc")
    process = place.start("run", "sandbox/echo", "n=1", "sandbox.run=60")
    until(lambda: place.proxy.count("stream") == 1)
    assert SECRET.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    children = [path.name for path in Path(f"/proc/{process.pid}/task/{process.pid}").glob("children")]
    assert not children or not (Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda place: (place.folder / "x").write_text(f"… {SECRET} …"), id="a file"),
        pytest.param(lambda place: (place.home / SECRET).touch(), id="a name"),
        pytest.param(lambda place: place("submit", "sandbox/echo", f"key={KEY}"), id="an input, in the ledger"),
        pytest.param(
            lambda place: place("status", "sandbox/echo", SECRET, code=None, env={"FAL_KEY": "a:b"}), id="a URL"
        ),
        pytest.param(lambda place: place("help", SECRET, code=None, env={"FAL_KEY": "a:b"}), id="stderr"),
    ],
)
def test_a_secret_in_the_wrong_place_would_be_found(place: Place, write: Callable[[Place], object]) -> None:
    place("submit", *ECHO)
    write(place)
    with pytest.raises(AssertionError):
        place.holds_no_secret()


def test_no_other_spelling_of_it_either(place: Place) -> None:
    for words in (("run", *ECHO), ("submit", *ECHO, "--json"), ("status", "last"), ("history",)):
        place(*words, code=None, loud=True)
    spellings = [
        base64.b64encode(KEY.encode()),
        base64.b64encode(f"Key {KEY}".encode()),
        quote(KEY, safe="").encode(),
        KEY.encode().hex().encode(),
        json.dumps(KEY)[1:-1].encode(),
        SECRET[::-1].encode(),
    ]
    for where, data in place.everything_told():
        assert not [spelling for spelling in spellings if spelling in data], where
    assert os.fsencode(KEY) not in b"".join(data for _, data in place.everything_told())
