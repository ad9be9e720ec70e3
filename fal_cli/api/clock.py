"""The service's clock, as its answers tell it (`Date`): this machine's may be wrong by hours, and may jump.

What was asked for is found by its moment, so a row keeps by how much the clocks differed when it was written. Between
two answers the service's clock goes on by one of this machine that nobody sets.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_seen: tuple[datetime, float] | None = None


def steady() -> float:
    """Seconds by a clock that never jumps, and goes on while the machine sleeps where it has such a one."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


def observe(headers: Mapping[str, str]) -> None:
    """Takes note of an answer of the service that has just come."""
    global _seen
    told = moment_of(headers.get("date", ""))
    if told is not None:
        _seen = told, steady()


def moment_of(date: str) -> datetime | None:
    """The moment that a date of HTTP names, if it is one."""
    try:
        told = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return told if told.tzinfo is not None else None


def skew_seconds() -> float | None:
    """By how much the service's clock is ahead of this machine's; None if no answer has come to this process."""
    if _seen is None:
        return None
    told, at = _seen
    return (told - datetime.now(UTC)).total_seconds() + steady() - at


def skew() -> timedelta:
    """The same as a span, nothing if it is not known."""
    return timedelta(seconds=skew_seconds() or 0.0)
