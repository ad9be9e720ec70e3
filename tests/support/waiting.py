"""Waiting for something that another process does."""

import time
from collections.abc import Callable

SECONDS = 30.0
_PAUSE = 0.02


def until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Returns as soon as the condition holds; fails if it never does."""
    assert soon(condition, seconds), "it never happened"


def soon(condition: Callable[[], object], seconds: float) -> bool:
    """Whether the condition comes to hold in time; returns as soon as it does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(_PAUSE)
    return True
