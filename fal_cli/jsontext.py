"""JSON that somebody else wrote, read as far as it can be read.

Other writers put raw control characters into texts, bytes that are not UTF-8, or integers of thousands of digits. What
was paid for is not lost for that: it is read leniently, and `otherwise` is left for what is not JSON at all.

For programs JSON is written on one line, and a number keeps the text that it came with: `compact` takes no more than
the space out of a text, `read_exactly` and `written` keep each number's text through a value.
"""

import codecs
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from fal_cli import limits

NOT_JSON = object()
"""An `otherwise` that no JSON can be."""

_MOST_DIGITS = 100_000  # reading and writing one takes time that grows with the square
ENDS_BYTES = 64 * 1024
"""How much of a document's beginning and end `looks_like` wants."""

_SPACE = str.maketrans("", "", " \t\r\n")
_IN_STRING = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x1f]")
_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,999}")
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_HOLDERS = (dict, list)
_BRACKETS = ((b"{", b"}"), (b"[", b"]"), (b'"', b'"'))


def read(data: bytes | str, otherwise: Any = None, *, is_exact: bool = False) -> Any:
    """The value of a text; `otherwise` where it cannot be read. With `is_exact` a fraction is `written` as it came.

    One of too many values (`limits.VALUES`) is not read, nor one of too many levels (`limits.NESTING`).
    """
    if is_crowded(data):
        return otherwise
    fraction = Number.of if is_exact else None
    try:
        value = json.loads(data, parse_float=fraction)
    except RecursionError:
        return otherwise
    except ValueError:
        value = _read_leniently(data, otherwise, fraction)
    return otherwise if is_deep(value, data) else value


def read_strictly(data: bytes | str, otherwise: Any = None) -> Any:
    """The same for what JSON allows, and nothing else: not even NaN, which Python takes."""
    if is_crowded(data):
        return otherwise
    try:
        value = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return otherwise
    return otherwise if is_deep(value, data) else value


def is_deep(value: Any, data: bytes | str) -> bool:
    """Whether a value that was read from `data` has more levels than functions can go down (`limits.NESTING`).

    From Python 3.12 on its parser goes down ten times as far as they do.
    """
    if not _may_be_deep(data):
        return False
    level = [value]
    for _ in range(limits.NESTING):
        level = [inner for one in level if isinstance(one, _HOLDERS) for inner in _held(one)]
        if not level:
            return False
    return any(isinstance(one, _HOLDERS) for one in level)


def _held(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def looks_like(size: int, head: bytes, tail: bytes) -> bool:
    """Whether a document of `size` bytes may be JSON: a short one is read, of a long one only its ends are looked at.

    `head` and `tail` are its first and last `ENDS_BYTES` bytes.
    """
    if size <= len(head):
        return size == 0 or read(head, NOT_JSON) is not NOT_JSON or _looks_deep(head)
    return (head.lstrip()[:1], tail.rstrip()[-1:]) in _BRACKETS


def _read_leniently(data: bytes | str, otherwise: Any, fraction: Callable[[str], float] | None) -> Any:
    sys.set_int_max_str_digits(_MOST_DIGITS)
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "replace")
    try:
        return json.loads(text.removeprefix("\ufeff"), strict=False, parse_int=_integer, parse_float=fraction)
    except (ValueError, RecursionError):
        return otherwise


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _MOST_DIGITS else text


def _looks_deep(data: bytes) -> bool:
    """Whether it may be nested too deeply to be read, and otherwise begins as JSON does."""
    return data.lstrip()[:1] in (b"{", b"[") and _may_be_deep(data)


def _may_be_deep(data: bytes | str) -> bool:
    """Whether it has so many brackets."""
    if len(data) <= limits.NESTING:
        return False
    count = data.count("[") + data.count("{") if isinstance(data, str) else data.count(b"[") + data.count(b"{")
    return count > limits.NESTING


class Number(float):
    """A number that is written with the text that it was read from."""

    __slots__ = ("text",)
    text: str

    @classmethod
    def of(cls, text: str) -> "Number":
        """The number of a JSON text."""
        number = cls(text)
        number.text = text
        return number


# JMESPath tells types by the names of their classes.
Number.__name__ = "float"


class Verbatim(str):
    """A JSON text that `written` puts where it stands."""


def read_exactly(data: bytes | str, otherwise: Any = None) -> Any:
    """The value of a text, its numbers ready to be `written` as they came; `otherwise` where it cannot be read."""
    if is_crowded(data):
        return otherwise
    try:
        text = "".join(compact([data.encode() if isinstance(data, str) else data]))
        value = json.loads(text, parse_float=Number.of, parse_int=_exact_integer, parse_constant=_refuse)
        return otherwise if is_deep(value, text) else value
    except (ValueError, RecursionError):
        return otherwise


def written(value: Any) -> str:
    """A value as compact JSON, on one line. Raises `RecursionError` for what is nested too deeply."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Verbatim):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{_encoded(str(key))}:{written(inner)}" for key, inner in value.items()]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(written, value)) + "]"
    return _encoded(value)


def compact(chunks: Iterable[bytes]) -> Iterator[str]:
    """A JSON text on one line, as it comes: without the space between its values, and otherwise as it is.

    What JSON does not allow inside a text is escaped there, and bytes that are no characters are replaced.
    """
    decoder: codecs.IncrementalDecoder | None = None
    is_inside, rest = False, ""
    for chunk in chunks:
        if decoder is None:
            decoder = _decoder_of(chunk)
        text, pieces, at = rest + decoder.decode(chunk), [], 0
        rest = ""
        while at < len(text):
            if is_inside:
                end = _IN_STRING.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
                pieces.append(_CONTROLS.sub(_escaped, text[at:end]))
                if text[end : end + 1] == "\\":  # what it escapes is still to come
                    rest = text[end:]
                    break
            else:
                end = text.find('"', at)
                end = len(text) if end < 0 else end
                pieces.append(text[at:end].translate(_SPACE))
            if end < len(text):
                pieces.append('"')
                is_inside, end = not is_inside, end + 1
            at = end
        yield "".join(pieces)
    yield rest


def is_valid(text: str) -> bool:
    """Whether a text is what JSON allows, as deep as it may be."""
    try:
        json.loads(text, parse_constant=_refuse, parse_int=str, parse_float=str)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _decoder_of(first: bytes) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(json.detect_encoding(first[:4]) if first else "utf-8")("replace")


def _escaped(match: "re.Match[str]") -> str:
    return f"\\u{ord(match[0]):04x}"


def _exact_integer(text: str) -> int | Number:
    return int(text) if _PLAIN_INTEGER.fullmatch(text) else Number.of(text)


def is_within(data: bytes, *, most_bytes: int, most_values: int) -> bool:
    """Whether a text is small enough to be read. Its values are counted by commas and brackets, before any is made: a
    short text of brackets becomes a hundred times its size.
    """
    return len(data) <= most_bytes and values_in(data) <= most_values


def values_in(data: bytes | bytearray | str) -> int:
    """How many values a JSON text may have, at most: the commas and brackets inside of its texts count too."""
    if isinstance(data, str):
        return data.count(",") + data.count("[") + data.count("{")
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def is_crowded(data: bytes | str) -> bool:
    """Whether a text has more values than are read (`limits.VALUES`)."""
    return len(data) > limits.VALUES and values_in(data) > limits.VALUES


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
