"""Threads that tell one another things."""

import queue
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from fal_cli.concurrency import Inbox


@pytest.fixture
def slow_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, lambda *_: time.sleep(0.4))
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("slow_handler")
def test_a_handler_that_outlasts_the_wait_does_not_make_it_endless() -> None:
    """As that of Ctrl-Z does, which ends when the program is in the foreground again."""
    inbox: Inbox[int] = Inbox()
    late = threading.Timer(10.0, inbox.put, (1,))  # so that the failure of this test is one, and no hang
    late.start()
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    with pytest.raises(queue.Empty):
        inbox.get(0.2)
    late.cancel()


def test_what_is_put_in_comes_out_in_its_order_from_threads_and_handlers() -> None:
    inbox: Inbox[int] = Inbox()
    before = signal.signal(signal.SIGALRM, lambda *_: inbox.put(-1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        threads = [threading.Thread(target=lambda: [inbox.put(number) for number in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        found: list[int] = []
        while len([one for one in found if one >= 0]) < 800 or -1 not in found:
            try:
                found.append(inbox.get(30.0))
            except queue.Empty:
                continue
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert sorted(one for one in found if one >= 0) == sorted(list(range(200)) * 4)
