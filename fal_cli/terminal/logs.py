"""Log lines for display: an app's traceback envelope unwrapped, tqdm-like progress read. Pure."""

import re
from dataclasses import dataclass

from fal_cli import jsontext
from fal_cli.terminal.sanitize import visible_lines

_BAR = re.compile(r"(?:^|[\s:])\d{1,3}%\|[^|]{0,400}\|\s*([\d.]{1,15})([kMGT]?)/([\d.]{1,15})([kMGT]?)(?=\s|$)")
_RATE = re.compile(r"([\d.]{1,12} ?(?:it/s|s/it|[kMG]?i?B/s))")
_SCALES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_LONGEST_LINE = 2000


@dataclass(frozen=True)
class Progress:
    """What one tqdm-like line tells: 0 to 1, steps done and in all, and the rate as it was written."""

    fraction: float
    step: float
    total: float
    rate: str = ""


def progress(message: str) -> Progress | None:
    """Reads a line such as ` 46%|████▋     | 13/28 [00:01<00:01,  9.87it/s]`; None for any other."""
    # After a carriage return a bar overwrites itself, so the last state counts.
    states = [state for state in message[-_LONGEST_LINE:].splitlines() if state.strip()]
    bar = _BAR.search(states[-1]) if states else None
    if bar is None:
        return None
    step, total = _amount(bar[1], bar[2]), _amount(bar[3], bar[4])
    if step is None or not total:
        return None
    rate = _RATE.search(states[-1], bar.end())
    return Progress(min(1.0, step / total), step, total, rate[1].replace(" ", "") if rate else "")


def _amount(number: str, scale: str) -> float | None:
    try:
        return float(number) * _SCALES[scale]
    except ValueError:
        return None


def display_lines(message: str) -> list[str]:
    """A log message as lines that are safe to show. An app's uncaught exception arrives as `{"traceback": "…"}`."""
    lines = visible_lines(unwrapped(message).rstrip())
    return [line for line in lines if line.strip()] or [""]


def unwrapped(message: str) -> str:
    """The text of an app's `{"traceback": "…"}` envelope; any other message as it is."""
    if not message.lstrip().startswith('{"traceback"'):
        return message
    traceback = jsontext.read(message, {}).get("traceback")
    return traceback if isinstance(traceback, str) else message
