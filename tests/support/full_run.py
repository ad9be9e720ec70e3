"""FAL_TESTS_FULL=1 runs what is left out of an ordinary run because it takes long and adds little each time."""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
FULL = os.environ.get("FAL_TESTS_FULL", "") not in ("", "0")


def some(cases: Sequence[T], most: int) -> Sequence[T]:
    """All of the cases in a full run, else the first so many."""
    return cases if FULL else cases[:most]
