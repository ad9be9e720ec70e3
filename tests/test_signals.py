"""What a handler of a signal may do to what it interrupts."""

import os
import signal
import sys
import time
import weakref
from collections.abc import Iterator

import pytest

from fal_cli import signals
from fal_cli.api.errors import Phase
from fal_cli.api.phases import Exchange
from fal_cli.signals import Interrupted, SubmitShield


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM]
    before = {number: signal.getsignal(number) for number in numbers}
    hook = sys.unraisablehook
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signals.install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    sys.unraisablehook = hook


def test_a_signal_in_the_middle_of_a_write_ends_no_submit() -> None:
    """Python lets nobody write to a stream that is being written to; the request's id is still awaited."""
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    exchange = Exchange()
    exchange.phase = Phase.WAITING
    answered: list[bool] = []

    def submit() -> None:
        with SubmitShield(exchange, say):
            os.kill(os.getpid(), signal.SIGINT)
            answered.append(True)

    with pytest.raises(Interrupted):
        submit()
    assert answered
    assert len(told) == 1


class _Thing:
    """Something that a library closes when nobody has it any more."""


def _closed() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0)  # the handler runs here at the latest


@pytest.mark.parametrize("count", [1, 3])
def test_a_signal_within_a_finalizer_is_not_lost(count: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Python drops what is raised there, and the program had every further signal ignored."""

    def work() -> None:
        for _ in range(count):
            thing = _Thing()
            weakref.finalize(thing, _closed)
            del thing
        time.sleep(10)

    began = time.monotonic()
    with pytest.raises(Interrupted) as interrupted:
        work()
    assert interrupted.value.signum == signal.SIGTERM
    assert time.monotonic() - began < 9
    assert capfd.readouterr().err == ""
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN  # while it unwinds


def test_other_errors_of_a_finalizer_are_told_as_ever() -> None:
    told: list[object] = []
    signals._unraisable.append(lambda unraisable: told.append(unraisable.exc_value))
    try:
        thing = _Thing()
        weakref.finalize(thing, lambda: 1 / 0)
        del thing
    finally:
        signals._unraisable.pop()
    assert [type(error) for error in told] == [ZeroDivisionError]
