"""Parts of a JSON text as they stand in it, byte for byte. Pure; the text is known to be JSON."""

import json
import re
from collections.abc import Iterator
from typing import Any

_BLANK = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


def member(text: str, at: int, name: str) -> int | None:
    """Where the value of a member begins, in the object that begins at `at`; None if there is none."""
    at = _past(text, at + 1)
    while text[at] != "}":
        key, at = _decode(text, at)
        start = _past(text, _past(text, at) + 1)
        if key == name:
            return start
        at = _following(text, _decode(text, start)[1])
    return None


def elements(text: str, at: int) -> Iterator[tuple[Any, int]]:
    """The values of the list that begins at `at`, and where each begins."""
    at = _past(text, at + 1)
    while text[at] != "]":
        value, end = _decode(text, at)
        yield value, at
        at = _following(text, end)


def value(text: str, at: int) -> str:
    """The text of the value that begins at `at`."""
    return text[at : _decode(text, at)[1]]


def _past(text: str, at: int) -> int:
    """The first place from `at` on that is not blank."""
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _following(text: str, at: int) -> int:
    """Where the next entry begins after a value that ends at `at`, or where the bracket closes."""
    at = _past(text, at)
    return _past(text, at + 1) if text[at] == "," else at
