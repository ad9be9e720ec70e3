"""The body of an answer as it comes: decoded, in pieces, within limits of size and time (`limits`).

Read with `read1`, which returns what has arrived: other ways wait for a whole piece, and lose what came of it when
the connection is cut.
"""

import io
import time
from collections.abc import Iterator

import requests

from fal_cli import limits
from fal_cli.api.head import TooLarge

_PIECE_BYTES = 256 * 1024
_PACKED_PIECE_BYTES = 1024  # a bomb makes a thousand times as much of it, in each of many threads


def moment(seconds: float | None) -> float | None:
    """The monotonic moment in so many seconds; None for never."""
    return None if seconds is None else time.monotonic() + seconds


def pieces(response: requests.Response, *, until: float | None = None, size: int = _PIECE_BYTES) -> Iterator[bytes]:
    """What comes, as it comes. Raises `TimeoutError` at `until` (monotonic seconds), urllib3's and `OSError`."""
    if "content-encoding" in response.headers:
        size = _PACKED_PIECE_BYTES
    read = response.raw.read1
    while piece := read(size, decode_content=True):
        yield piece
        if until is not None and time.monotonic() > until:
            raise TimeoutError("the answer took too long")


def whole(response: requests.Response, most: int, *, until: float | None) -> bytes:
    """A body that is read into memory. Raises as `pieces`, and `TooLarge` beyond `most` bytes."""
    gathered = io.BytesIO()  # which gives its bytes away without a copy
    for piece in pieces(response, until=until):
        gathered.write(piece)
        if gathered.tell() > most:
            raise TooLarge(f"the answer has more than {limits.in_words(most)}")
    return gathered.getvalue()


def beginning(response: requests.Response, most: int, *, until: float | None) -> bytes:
    """At most the first `most` bytes of a body, whatever follows. Raises as `pieces`."""
    gathered, size = [], 0
    for piece in pieces(response, until=until):
        gathered.append(piece[: most - size])
        size += len(piece)
        if size >= most:
            break
    return b"".join(gathered)
