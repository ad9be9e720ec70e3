"""Moments as people say them: how long ago, at what time, how soon. Pure, and light enough for completion."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, timedelta

_SOON_SECONDS = 12 * 3600
_JUST_NOW_SECONDS = 10
_MONTH_SECONDS = 31 * 86_400
_UNITS = (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 48 * 3600))


def ago(moment: "datetime", now: "datetime") -> str:
    """As `seconds_ago`; "" beyond a month, or in the future."""
    passed = (now - moment).total_seconds()
    return seconds_ago(passed) if -_JUST_NOW_SECONDS < passed < _MONTH_SECONDS else ""


def seconds_ago(passed: float) -> str:
    """`just now`, `40 s ago`, `3 min ago`, `2 h ago`, `5 d ago`."""
    if passed < _JUST_NOW_SECONDS:
        return "just now"
    unit, size = next(((unit, size) for unit, size, most in _UNITS if passed < most), ("d", 86_400))
    return f"{int(passed) // size} {unit} ago"


def on_day(moment: "datetime") -> str:
    """The date here."""
    return f"{moment.astimezone():%Y-%m-%d}"


def at_time(moment: "datetime", now: "datetime") -> str:
    """The time of the day, with the date if it is not soon."""
    return (
        f"{moment.astimezone():{'%H:%M' if abs((moment - now).total_seconds()) < _SOON_SECONDS else '%Y-%m-%d %H:%M'}}"
    )


def within(span: "timedelta") -> str:
    """A short span: `40 s`, `12 min`."""
    seconds = int(span.total_seconds())
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


def exactly(moment: "datetime") -> str:
    """Date and time of the day to the second."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
