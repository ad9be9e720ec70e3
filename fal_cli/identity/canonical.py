"""The input of a call in one form, whatever way it was given in. Pure: files are read by who is asked for them.

It is taken from what the user gave, before a schema typed it and before anything was added to it: a schema that comes
or goes, or a format that `-o` asks for, does not make another call of it.

- Keys are sorted, at every depth; the order of lists stays.
- A scalar is its text: `1`, `1.0` and "1" are one, `true` and "true" are too.
- A file is the SHA-256 of its bytes, however it travels: uploaded, embedded, or read as text.
- The URL of a file elsewhere is its text. The address of a sandbox stays out of its URLs, since it changes.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from fal_cli.files.attachment import Attachment, Digest
from fal_cli.urls import is_loopback

_FILE = "\0file"  # no input has a key like this: JSON from a command line has no NUL in it
_HERE = "\0here"


def text(given: Mapping[str, Any], digest_of: Callable[[Attachment], str]) -> str:
    """The canonical form of an input. `digest_of` answers the SHA-256 of an attachment's file, or raises."""
    return json.dumps(_canonical(given, digest_of), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _canonical(value: Any, digest_of: Callable[[Attachment], str]) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _canonical(inner, digest_of) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(inner, digest_of) for inner in value]
    if isinstance(value, Attachment):
        return {_FILE: digest_of(value)}
    if isinstance(value, Digest):
        return {_FILE: value.sha256}
    return _scalar(value)


def _scalar(value: object) -> object:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        return str(value)
    return _number(value)


def _number(value: object) -> str:
    from decimal import Decimal

    number = Decimal(str(value))
    if not number.is_finite():
        return str(value)
    whole, _, digits = f"{number:f}".partition(".")
    digits = digits.rstrip("0")
    plain = f"{whole}.{digits}" if digits else whole
    return "0" if plain in ("-0", "0") else plain


def _text(value: str) -> object:
    if value.startswith("data:"):
        embedded = _embedded(value)
        return value if embedded is None else {_FILE: hashlib.sha256(embedded).hexdigest()}
    if value.startswith(("http://", "https://")) and is_loopback(value):
        parts = urlsplit(value)
        return {_HERE: parts._replace(scheme="", netloc="").geturl()}
    return value


def _embedded(uri: str) -> bytes | None:
    """The bytes within a `data:` URI; None for what is none."""
    head, comma, body = uri.partition(",")
    if not comma:
        return None
    try:
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        return None
