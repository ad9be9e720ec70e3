"""JSON, read strictly: what is accepted here goes onto the wire unchanged in meaning.

Python's own reader lets NaN, infinities and lone surrogates through, which no service can read back.
The bytes decide the encoding (UTF-8 with or without BOM, UTF-16, UTF-32).
"""

import codecs
import json
import re
from typing import Any, NoReturn

from fal_cli.errors import MalformedInput, UsageError
from fal_cli.inputs.reach import ANYWHERE, Reach


def loads(data: str | bytes, source: str) -> Any:
    """The value that `data` writes; `source` names it in an error.

    Raises `UsageError` for anything that is not strict JSON.
    """
    try:
        text = data if isinstance(data, str) else _decoded(data)
        value = _READER.decode(text)
        if _DOUBTFUL.search(text) or not text.isascii():
            _WRITER.encode(value).encode()
    except json.JSONDecodeError as error:
        raise _malformed(error, source) from None
    except UnicodeEncodeError:
        raise UsageError(f"{source} holds half of a character (a lone surrogate)") from None
    except UnicodeDecodeError:
        raise UsageError(f"{source} is not UTF-8 or UTF-16 text") from None
    except RecursionError:
        raise UsageError(f"{source} is nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"{source} is not JSON: {_OF_NUMBERS.get(str(error)[:12], error)}") from None
    return value


def loads_object(data: str | bytes, source: str) -> dict[str, Any]:
    """The JSON object that `data` writes. Raises `UsageError` for any other JSON."""
    value = loads(data, source)
    if not isinstance(value, dict):
        raise UsageError(f'{source} is {_described(value)}; an endpoint takes a JSON object, like {{"prompt": "…"}}')
    return value


def text(data: bytes, source: str) -> str:
    """A file's text minus one final newline; the bytes decide the encoding. Raises `UsageError`."""
    try:
        read = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{source} is not UTF-8 or UTF-16 text") from None
    return read.removesuffix("\n").removesuffix("\r")


def read_file(path: str, reach: Reach = ANYWHERE) -> bytes:
    """The bytes of a file that the user named. Raises `UsageError` where it cannot be read, or is out of reach."""
    found = reach.path(path)
    try:
        return found.read_bytes()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]:
        return data.decode(json.detect_encoding(data), "surrogatepass")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogatepass")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def _malformed(error: json.JSONDecodeError, source: str) -> UsageError:
    if not error.doc.strip():
        return UsageError(f"{source} is not JSON: it is empty")
    from fal_cli.inputs.json_faults import fault

    found = fault(error.doc, error)
    place = f"line {found.number + 1}, column {found.column + 1}"
    return MalformedInput(f"{source} is not JSON: {found.message} ({place})", found.line, found.column, hint=found.hint)


def _described(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names: dict[type, str] = {list: "a list", str: "text", int: "a number", float: "a number"}
    return names[type(value)]


_OF_NUMBERS = {"Exceeds the ": "a number has thousands of digits", "Out of range": "a number is too large to be sent"}
# Made once: json.loads and json.dumps make one for each call that asks for anything special.
_READER = json.JSONDecoder(parse_constant=_refuse_constant)
_WRITER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
# What can become half a character or an infinity; anything else that is read can be written.
_DOUBTFUL = re.compile(r"\\u|[0-9][eE]|[0-9]{300}")
