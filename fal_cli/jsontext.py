"""JSON that somebody else wrote, read as far as it can be read.

Other writers put raw control characters into texts, bytes that are not UTF-8, or integers of thousands of digits. What
was paid for is not lost for that: it is read leniently, and `otherwise` is left for what is not JSON at all.
"""

import json
import sys
from typing import Any, NoReturn

NOT_JSON = object()
"""An `otherwise` that no JSON can be."""

_MOST_DIGITS = 100_000  # reading and writing one takes time that grows with the square
ENDS_BYTES = 64 * 1024
"""How much of a document's beginning and end `looks_like` wants."""

_BRACKETS = ((b"{", b"}"), (b"[", b"]"), (b'"', b'"'))


def read(data: bytes | str, otherwise: Any = None) -> Any:
    """The value of a text; `otherwise` where it cannot be read."""
    try:
        return json.loads(data)
    except RecursionError:
        return otherwise
    except ValueError:
        return _read_leniently(data, otherwise)


def read_strictly(data: bytes | str, otherwise: Any = None) -> Any:
    """The same for what JSON allows, and nothing else: not even NaN, which Python takes."""
    try:
        return json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return otherwise


def looks_like(size: int, head: bytes, tail: bytes) -> bool:
    """Whether a document of `size` bytes may be JSON: a short one is read, of a long one only its ends are looked at.

    `head` and `tail` are its first and last `ENDS_BYTES` bytes.
    """
    if size <= len(head):
        return size == 0 or read(head, NOT_JSON) is not NOT_JSON or _is_deep(head)
    return (head.lstrip()[:1], tail.rstrip()[-1:]) in _BRACKETS


def _read_leniently(data: bytes | str, otherwise: Any) -> Any:
    sys.set_int_max_str_digits(_MOST_DIGITS)
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "replace")
    try:
        return json.loads(text.removeprefix("\ufeff"), strict=False, parse_int=_integer)
    except (ValueError, RecursionError):
        return otherwise


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _MOST_DIGITS else text


def _is_deep(data: bytes) -> bool:
    """Whether it is nested so deep that Python does not read it, and otherwise as JSON is."""
    return data.lstrip()[:1] in (b"{", b"[") and data.count(b"[") + data.count(b"{") > sys.getrecursionlimit() // 2


def is_within(data: bytes, *, most_bytes: int, most_values: int) -> bool:
    """Whether a text is small enough to be read. Its values are counted by commas and brackets, before any is made: a
    short text of brackets becomes a hundred times its size.
    """
    return len(data) <= most_bytes and sum(map(data.count, (b",", b"[", b"{"))) <= most_values


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
