"""Durations and dates as they are typed: `90s`, `1h30m`, `7d`, `2026-11-05`."""

import re
from datetime import UTC, datetime, timedelta

import typer

METAVAR = "SPAN|DATE"
# Compiled at first use, by `re` itself: every command imports this, and few are given a time.
_SPAN = r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?"
MOMENT_PATTERN = r"((\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?|\d{4}-\d{2}-\d{2}([T ].+)?)"
"""What a span or a date looks like."""
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].+)?"


def moment(text: str) -> datetime:
    """The moment that a span back from now or a date names; a date without an offset is local time.

    Raises `typer.BadParameter`.
    """
    try:
        if re.fullmatch(_DATE, text):
            return datetime.fromisoformat(text).astimezone(UTC)
        match = re.fullmatch(_SPAN, text)
        if text and match:
            weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            return datetime.now(UTC) - timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter(f"{text!r} is not a time span (30d, 2h, 1w3d) or a date (2026-01-31)")


def moment_to_clear(text: str) -> datetime:
    """The same where things are removed: `6m` is refused, since it might be meant as months."""
    if text.endswith("m") and re.fullmatch(_SPAN, text):
        raise typer.BadParameter(f"{text!r} would be minutes; write hours, days (30d), weeks (26w) or a date")
    return moment(text)


DURATION_HELP = "such as 90s, 10m or 1h30m"
_DURATION = r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?"
DURATION_PATTERN = r"(\d+(\.\d+)?|(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?)"
"""What a duration looks like."""
_LONGEST_SECONDS = 366 * 86_400.0


def seconds(text: str) -> float:
    """A duration in seconds: `90`, `90s`, `10m`, `1h30m`. Raises `typer.BadParameter`."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return _bounded(float(text))
    match = re.fullmatch(_DURATION, text)
    if not text or not match:
        raise typer.BadParameter(f"{text!r} is not a duration {DURATION_HELP}")
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return _bounded(hours * 3600 + minutes * 60 + rest)


ANY_AGE = "any"


def age(text: str) -> float:
    """An age in seconds: `7d`, `12h`; infinity for `any`. Raises `typer.BadParameter`."""
    match = re.fullmatch(_SPAN, text)
    if text == ANY_AGE:
        return float("inf")
    if not text or not match:
        raise typer.BadParameter(f"{text!r} is not an age such as 7d or 12h")
    weeks, days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return float((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + rest)


def _bounded(count: float) -> float:
    if count > _LONGEST_SECONDS:
        raise typer.BadParameter("that is longer than a year")
    return count
