"""The service's clock, as its answers tell it (`Date`): this machine's may be wrong by hours.

What was asked for is found by its moment, so a row without an answer keeps by how much the clocks differed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_seen: float | None = None


def observe(headers: Mapping[str, str]) -> None:
    """Takes note of an answer of the service that has just come."""
    global _seen
    try:
        told = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, OverflowError):
        return
    if told.tzinfo is not None:
        _seen = (told - datetime.now(UTC)).total_seconds()


def skew_seconds() -> float | None:
    """By how much the service's clock was ahead at its last answer to this process; None if none came."""
    return _seen


def skew() -> timedelta:
    """The same as a span, nothing if it is not known."""
    return timedelta(seconds=_seen or 0.0)
