"""Files inside of a result as `data:` URIs (wire §12.1), decoded in pieces so that any size fits.

A large result is not parsed with its files in it. `outline` puts a short reference in the place of each, which
`opened` follows: `data:TYPE;base64,@START-END`, a stretch of the result's own bytes. `@` occurs in no base64.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from fal_cli.api.body import Body

_BASE64 = ";base64"
_BEGINNING = re.compile(rb'"data:[^",]{0,200};base64,')
_LONGEST_BEGINNING = 220
_REFERENCE = re.compile(r"@(\d{1,18})-(\d{1,18})")
_PIECE = 256 * 1024
_DROPPED = b" \t\r\n\\"  # white space, and the backslash that JSON allows before a slash
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def is_one(url: str) -> bool:
    return url[:5].lower() == "data:"


class Opened(NamedTuple):
    """A `data:` URI taken apart. `size` is None where it takes decoding to know it."""

    content_type: str
    size: int | None
    pieces: Iterator[bytes]


def opened(url: str, body: Body | None = None) -> Opened:
    """What a `data:` URI holds. Raises `ValueError`, also while the bytes are read."""
    head, comma, data = url.partition(",")
    if not comma:
        raise ValueError("no data")
    content_type = head[5:].partition(";")[0]
    if not head.lower().endswith(_BASE64):
        plain = unquote_to_bytes(data)
        return Opened(content_type, len(plain), iter((plain,)))
    reference = _REFERENCE.fullmatch(data)
    if reference and body is not None:
        start, end = int(reference.group(1)), int(reference.group(2))
        padding = b"".join(body.stretch(max(start, end - 2), end)).count(b"=")
        return Opened(content_type, (end - start) // 4 * 3 - padding, _decoded(body.stretch(start, end)))
    size = len(data) // 4 * 3 - data[-2:].count("=") if len(data) % 4 == 0 and not set("%\n\r ") & set(data) else None
    return Opened(content_type, size, _decoded(_pieces(data)))


def outline(body: Body) -> Iterator[bytes]:
    """The bytes of a result, a reference in the place of each `data:` URI in it."""
    held, at, beginning = b"", 0, 0  # `at`: where `held` begins; `beginning`: of the data of the URI that is open
    for chunk in body.chunks():
        held += chunk
        while True:
            if beginning:
                end = held.find(b'"')
                if end < 0:
                    at, held = at + len(held), b""
                    break
                yield b"@%d-%d" % (beginning, at + end)
                at, held, beginning = at + end, held[end:], 0
            found = _BEGINNING.search(held)
            if found is None:
                break
            yield held[: found.end()]
            at, held = at + found.end(), held[found.end() :]
            beginning = at
        if not beginning and len(held) > _LONGEST_BEGINNING:
            yield held[:-_LONGEST_BEGINNING]
            at, held = at + len(held) - _LONGEST_BEGINNING, held[-_LONGEST_BEGINNING:]
    yield held


def _pieces(data: str) -> Iterator[bytes]:
    if "%" in data:
        yield unquote_to_bytes(data)
        return
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE].encode("utf-8", "replace")


def _decoded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Base64 in pieces, as bytes. Raises `ValueError` for what is not."""
    left = b""
    try:
        for piece in pieces:
            left += piece.translate(_URL_SAFE, _DROPPED)
            whole = len(left) // 4 * 4
            if left[:whole].endswith(b"="):
                whole -= 4  # the end, which nothing may follow
            if whole > 0:
                yield base64.b64decode(left[:whole], validate=True)
                left = left[whole:]
        if left:
            yield base64.b64decode(left.rstrip(b"=") + b"=" * (-len(left.rstrip(b"=")) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"it is not base64 ({error})") from None
