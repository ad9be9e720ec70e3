"""A realtime result as one line of JSON. Every value that msgpack knows and JSON does not has a stated form:

| msgpack | JSON |
|---|---|
| bin | base64 text, or the path of a file that holds it |
| ext | `{"ext": CODE, "data": "base64"}` |
| timestamp | ISO 8601 text in UTC |
| NaN, infinities | `"NaN"`, `"Infinity"`, `"-Infinity"` |
| a key that is no text | its JSON as text; a bin key as base64 |
| 64-bit integers | as they are |
"""

import base64
import json
import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgpack

from fal_cli.errors import CliError

BytesForm = Callable[[bytes], str]
MOST_BYTES = 120
"""Bytes beyond these are not shown whole on a terminal."""
_SHOWN_BYTES, _SHOWN_LETTERS = 30, 40
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}")
_PLAIN = frozenset((str, int, bool, type(None)))


def as_base64(data: bytes) -> str:
    """The usual form of bytes inside JSON."""
    return base64.b64encode(data).decode()


def beginning(data: bytes) -> str:
    """Bytes as a person wants to see them: base64 of the first few, and how many they are."""
    if len(data) <= MOST_BYTES:
        return as_base64(data)
    return f"{as_base64(data[:_SHOWN_BYTES])}… ({len(data):,} bytes)"


def without_base64(value: Any) -> Any:
    """A JSON value with each long text that is base64 cut to its beginning."""
    if isinstance(value, dict):
        return {key: without_base64(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_base64(inner) for inner in value]
    if isinstance(value, str) and _BASE64.fullmatch(value):
        return f"{value[:_SHOWN_LETTERS]}… ({len(value):,} characters)"
    return value


def jsonable(value: Any, form: BytesForm = as_base64) -> Any:
    """A decoded msgpack value as JSON values; `form` says what becomes of bytes.

    Raises `CliError` for a value that is nested deeper than JSON writers go.
    """
    try:
        return _jsonable(value, form)
    except RecursionError:
        raise CliError("a result is nested too deeply to write as JSON") from None


def _jsonable(value: Any, form: BytesForm) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, bytes | bytearray):
        return form(bytes(value))
    if isinstance(value, msgpack.ExtType):  # before tuples, which it is one of
        return {"ext": value.code, "data": as_base64(value.data)}
    if isinstance(value, dict):
        return {_key(key): _jsonable(inner, form) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(inner, form) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    plain = jsonable(key)
    return plain if isinstance(plain, str) else json.dumps(plain)
