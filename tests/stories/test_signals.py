"""Signals in each phase of a call, on real processes. Nothing here is decided by how fast the machine is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.conftest import Program, Service
from tests.support.pseudo_terminal import Screen


def _wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def _interrupt(process: "subprocess.Popen[bytes]", number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    return process.returncode, stderr.decode()


def test_while_stdin_is_awaited_nothing_was_submitted(served: Program, service: Service) -> None:
    reading, writing = os.pipe()
    process = served.start("submit", "sandbox/echo", stdin=reading)
    os.close(reading)
    assert process.stderr is not None
    assert b"waiting for JSON on stdin" in process.stderr.readline()
    code, talk = _interrupt(process)
    os.close(writing)
    assert code == 130
    assert "Nothing was submitted" in talk
    assert service.accepted == 0


def test_during_the_submit_the_id_is_awaited(served: Program, service: Service) -> None:
    process = served.start("submit", "sandbox/echo", "a=1", "sandbox.fault=submit=stall:2")
    _wait_until(lambda: service.stats["http"]["submit"] == 1)
    code, talk = _interrupt(process)
    assert code == 130
    (request_id,) = service.stats["requests"]
    assert f"resume {request_id}" in talk
    assert served("status", "last").text.strip() in ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")


def test_a_second_signal_gives_up_and_says_that_the_outcome_is_unknown(served: Program, service: Service) -> None:
    process = served.start("submit", "sandbox/echo", "a=1", "sandbox.fault=submit=stall:30")
    _wait_until(lambda: service.stats["http"]["submit"] == 1)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert b"waiting for the request id" in process.stderr.readline()
    code, talk = _interrupt(process)
    assert code == 10
    assert "not sent again" in talk
    assert service.accepted == 1


IN_A_THREAD = """if True:
    import os, sys, threading
    from fal_cli import signals
    from fal_cli.calls.prepare import prepare
    from fal_cli.calls.submit import submit
    from fal_cli.context import Context
    from fal_cli.options import CallFlags, InputWords
    from fal_cli.terminal.terminal import Streams

    signals.install()
    context = Context(Streams.standard(), os.environ)
    call = prepare(context, "sandbox/echo", InputWords(items=sys.argv[1:]), CallFlags(no_validate=True))
    sent, done = [], threading.Event()

    def work():
        sent.append(submit(context, context.wire(), call))
        done.set()

    threading.Thread(target=work, daemon=True).start()
    try:
        threading.Event().wait(30)
        print("not interrupted")
    except signals.Interrupted as interruption:
        done.wait(10)
        print(interruption.code, sent[0].request.request_id)
"""


def test_a_submit_in_another_thread_is_awaited_too(served: Program, service: Service) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_THREAD, "a=1", "sandbox.fault=submit=stall:2"],
        env=served.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _wait_until(lambda: service.stats["http"]["submit"] == 1)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    (request_id,) = service.stats["requests"]
    assert stdout.decode().split() == ["130", request_id], stderr.decode()
    assert b"waiting for the request id" in stderr
    assert served("status", "last").text.strip() in ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")


def test_a_direct_call_ends_at_once_and_says_what_that_means(served: Program, service: Service) -> None:
    process = served.start("run", "--direct", "sandbox/echo", "sandbox.run=30")
    _wait_until(lambda: service.stats["http"]["run"] == 1)
    code, talk = _interrupt(process)
    assert code == 130
    assert "cannot be fetched later" in talk


@pytest.mark.parametrize("setting", [("--on-interrupt", "cancel"), ()], ids=["option", "variable"])
def test_on_interrupt_cancel(served: Program, service: Service, setting: tuple[str, ...]) -> None:
    env = {} if setting else {"FAL_ON_INTERRUPT": "cancel"}
    process = served.start("run", "sandbox/echo", "sandbox.queue=60", *setting, env=env)
    assert process.stderr is not None
    process.stderr.readline()
    code, talk = _interrupt(process)
    assert code == 130
    assert "was cancelled" in talk
    assert service.stats["http"]["cancel"] == 1


def test_an_ignored_hangup_stays_ignored(served: Program) -> None:
    process = served.start(
        "run", "sandbox/echo", "a=1", "sandbox.run=2", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    )
    assert process.stderr is not None
    process.stderr.readline()
    code, _ = _interrupt(process, signal.SIGHUP)
    assert code == 0


def test_a_kill_leaves_the_row_with_its_id(served: Program) -> None:
    process = served.start("run", "sandbox/echo", "a=1", "sandbox.run=1")
    assert process.stderr is not None
    request_id = process.stderr.readline().split()[-1].decode()
    process.kill()
    process.communicate()
    assert served("result", request_id, "--wait").stdout == b'{"a":1}'


@pytest.mark.parametrize(
    ("kept", "env", "words", "expected"),
    [
        (None, {}, (), "detach"),
        ("cancel", {}, (), "cancel"),
        ("cancel", {"FAL_ON_INTERRUPT": "detach"}, (), "detach"),
        ("cancel", {}, ("--on-interrupt", "detach"), "detach"),
        ("detach", {"FAL_ON_INTERRUPT": "cancel"}, (), "cancel"),
    ],
)
def test_what_ctrl_c_does_is_kept_by_config(
    served: Program, kept: str | None, env: dict[str, str], words: tuple[str, ...], expected: str
) -> None:
    if kept:
        served("config", "set", "on_interrupt", kept)
    screen = Screen([*served.argv, "run", "sandbox/echo", "sandbox.run=60", *words], served.env | env, columns=100)
    screen.until(lambda text: "running" in text)
    screen.press(b"\x03")
    assert screen.finish() == 130
    assert ("The request goes on" in screen.text) is (expected == "detach"), screen.text
