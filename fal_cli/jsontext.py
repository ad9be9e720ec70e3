"""Reading JSON that somebody else wrote: malformed, nested too deep, or with a number too long for Python, it is not
an exception but `otherwise`.
"""

import json
from typing import Any, NoReturn

NOT_JSON = object()
"""An `otherwise` that no JSON can be."""


def read(data: bytes | str, otherwise: Any = None) -> Any:
    """The value of a text; `otherwise` where it cannot be read."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return otherwise


def read_strictly(data: bytes | str, otherwise: Any = None) -> Any:
    """The same without NaN and infinities, which Python takes and JSON does not have."""
    try:
        return json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return otherwise


def is_within(data: bytes, *, most_bytes: int, most_values: int) -> bool:
    """Whether a text is small enough to be read. Its values are counted by commas and brackets, before any is made: a
    short text of brackets becomes a hundred times its size.
    """
    return len(data) <= most_bytes and sum(map(data.count, (b",", b"[", b"{"))) <= most_values


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
