"""Moments as people say them: how long ago, at what time, how soon. Pure."""

from datetime import datetime, timedelta

_SOON = timedelta(hours=12)
_JUST_NOW = timedelta(seconds=10)
_UNITS = (("s", 1, 60), ("min", 60, 60), ("h", 3600, 48), ("d", 86_400, 31))


def ago(moment: datetime, now: datetime) -> str:
    """`just now`, `40 s ago`, `3 min ago`, `2 h ago`, `5 d ago`; "" beyond a month, or in the future."""
    passed = now - moment
    if abs(passed) < _JUST_NOW:
        return "just now"
    seconds = int(passed.total_seconds())
    return next((f"{seconds // size} {unit} ago" for unit, size, most in _UNITS if 0 <= seconds < size * most), "")


def on_day(moment: datetime) -> str:
    """The date here."""
    return f"{moment.astimezone():%Y-%m-%d}"


def at_time(moment: datetime, now: datetime) -> str:
    """The time of the day, with the date if it is not soon."""
    return f"{moment.astimezone():{'%H:%M' if abs(moment - now) < _SOON else '%Y-%m-%d %H:%M'}}"


def within(span: timedelta) -> str:
    """A short span: `40 s`, `12 min`."""
    seconds = int(span.total_seconds())
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


def exactly(moment: datetime) -> str:
    """Date and time of the day to the second."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
