"""Waiting for something that another process does."""

import time
from collections.abc import Callable

SECONDS = 30.0
_PAUSE = 0.02


def until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Returns as soon as the condition holds; fails if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(_PAUSE)
