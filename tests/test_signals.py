"""What a handler of a signal may do to what it interrupts."""

import os
import signal
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
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signals.install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


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
