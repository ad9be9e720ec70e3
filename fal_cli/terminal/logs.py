"""Log lines for display: an app's traceback envelope unwrapped, tqdm-like progress read. Pure."""

import json
import re
from dataclasses import dataclass

from fal_cli.terminal.sanitize import visible_lines

_PERCENT = re.compile(r"(?:^|[\s:])(\d{1,3})%\|[^|]*\|\s*(\d+)/(\d+)(?:.*?([\d.]+\s*(?:it/s|s/it|[kMG]?B/s)))?")


@dataclass(frozen=True)
class Progress:
    """What one tqdm-like line tells: 0 to 1, steps done and in all, and the rate as it was written."""

    fraction: float
    step: int
    total: int
    rate: str = ""


def progress(message: str) -> Progress | None:
    """Reads a line such as ` 46%|████▋     | 13/28 [00:01<00:01,  9.87it/s]`; None for any other."""
    states = list(_PERCENT.finditer(message))
    if not states or int(states[-1].group(3)) == 0:
        return None
    found = states[-1]  # a carriage return may have put several states into one message
    step, total = int(found.group(2)), int(found.group(3))
    return Progress(min(1.0, step / total), step, total, (found.group(4) or "").replace(" ", ""))


def display_lines(message: str) -> list[str]:
    """A log message as lines that are safe to show. An app's uncaught exception arrives as `{"traceback": "…"}`."""
    lines = visible_lines(unwrapped(message).rstrip())
    return [line for line in lines if line.strip()] or [""]


def unwrapped(message: str) -> str:
    """The text of an app's `{"traceback": "…"}` envelope; any other message as it is."""
    if not message.lstrip().startswith('{"traceback"'):
        return message
    try:
        envelope = json.loads(message)
    except (ValueError, RecursionError):
        return message
    traceback = envelope.get("traceback")
    return traceback if isinstance(traceback, str) else message
