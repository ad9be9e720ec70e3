"""Reading a received webhook in the forms that people have one: raw headers, JSON, a whole raw request.

--headers FILE --body FILE     each by itself; either may be - for stdin
--headers FILE                 the body from stdin, unless the file is a whole raw request
(neither)                      a whole raw request on stdin: headers, a blank line, the body
"""

import io
import re
from collections.abc import Iterator
from typing import Any, Protocol

from fal_cli.commands.webhook.signature import Invalid, Received
from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.inputs import documents

STDIN = "-"
Headers = dict[str, list[str]]

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_START_LINE = re.compile(rb"[A-Z]+ \S+ HTTP/[0-9.]+")
_CHUNK_HEAD = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LONGEST_LINE = 8192
_PIECE_BYTES = 16 * 1024
_MOST_TRAILERS = 100
_FORMS = "Give --headers FILE and --body FILE, or the whole raw request (headers, blank line, body) on stdin."


class Lines(Protocol):
    """Bytes that are read by line or by number."""

    def readline(self, limit: int, /) -> bytes: ...

    def read(self, size: int, /) -> bytes: ...


class BadChunks(ValueError):
    """A body that does not follow the chunked coding that it claims."""


class TooLarge(ValueError):
    """A body that is larger than it may be."""


def read(context: Context, headers: str, body: str) -> Received:
    """The webhook that the two options and stdin hold.

    Raises `UsageError` if it is not a webhook, `Invalid` if its body is cut short.
    """
    source = headers or STDIN
    found, inner = parse(file_or_stdin(context, source, "--headers", "the webhook"), _name(source))
    if body and inner:
        raise UsageError(f"{_name(source)} has a body already; leave out --body {body}")
    if body:
        return Received(found, file_or_stdin(context, body, "--body", "the body"))
    if inner:
        return Received(found, inner)
    if source == STDIN:
        raise UsageError("stdin has headers but no body", hint=_FORMS)
    return Received(found, file_or_stdin(context, STDIN, "the body", "the body"))


def file_or_stdin(context: Context, word: str, claim: str, what: str) -> bytes:
    """The bytes of a file, or of stdin for `-`; `claim` is who asks. Raises `UsageError`."""
    if word != STDIN:
        return documents.read_file(word)
    if context.streams.stdin_is_terminal:
        context.talk.note(f"waiting for {what} on stdin (end it with Ctrl-D)")
        return context.stdin.read(claim, "")
    return context.stdin.spool(claim).read_bytes()


def parse(data: bytes, source: str) -> tuple[Headers, bytes]:
    """The headers that `data` holds, and the body behind them, if it is a whole request. Raises as `read`."""
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if not data.strip():
        raise UsageError(f"{source} has no headers", hint=_FORMS)
    if data.lstrip()[:1] in (b"{", b"["):  # no header's name begins so
        return _from_json(documents.loads(data, source), source), b""
    head, *rest = _BLANK_LINE.split(data, maxsplit=1)
    headers = _from_lines(head, source)
    return headers, _unframed(headers, rest[0]) if rest else b""


def add_header(headers: Headers, name: bytes, value: bytes) -> None:
    """Adds one header of the wire. Bytes that are not UTF-8 become surrogate escapes."""
    text = value.strip(b" \t\r\n").decode("utf-8", "surrogateescape")
    headers.setdefault(name.decode("latin-1").strip().lower(), []).append(text)


def read_chunked(stream: Lines, limit: int) -> Iterator[bytes]:
    """A body in the chunked coding of HTTP/1.1, a piece at a time. Raises `BadChunks`, `TooLarge`."""
    received = 0
    while size := _chunk_size(stream.readline(_LONGEST_LINE)):
        received += size
        if received > limit:
            raise TooLarge
        for piece in read_exactly(stream, size):
            size -= len(piece)
            yield piece
        if size or stream.readline(3).strip(b"\r\n"):
            raise BadChunks("a chunk is not as long as it says")
    for _ in range(_MOST_TRAILERS):
        if not stream.readline(_LONGEST_LINE).strip():
            return
    raise BadChunks("its trailers have no end")


def read_exactly(stream: Lines, size: int) -> Iterator[bytes]:
    """So many bytes, a piece at a time; fewer where the stream ends before."""
    while size > 0 and (piece := stream.read(min(size, _PIECE_BYTES))):
        size -= len(piece)
        yield piece


def _chunk_size(line: bytes) -> int:
    match = _CHUNK_HEAD.fullmatch(line)
    if not match:
        raise BadChunks("a chunk is missing")
    return int(match[1], 16)


def _from_lines(head: bytes, source: str) -> Headers:
    headers: Headers = {}
    for number, line in enumerate(re.split(rb"\r?\n", head), 1):
        if (number == 1 and _START_LINE.fullmatch(line)) or line.startswith(b":") or not line:
            continue  # `:method` and the like are how HTTP/2 writes the first line
        name, colon, value = line.partition(b":")
        if not colon or not name.strip() or b" " in name.strip():
            raise UsageError(f"line {number} of {source} is not a header", hint=_FORMS)
        add_header(headers, name, value)
    return headers


def _from_json(value: Any, source: str) -> Headers:
    """An object of names to texts or lists of them, or a list of pairs, or one of `{"name": …, "value": …}`."""
    headers: Headers = {}
    for name, text in _pairs(value):
        for one in text if isinstance(text, list) else [text]:
            is_value = isinstance(one, str | int) and not isinstance(one, bool)
            if not isinstance(name, str) or not is_value or re.search(r"[\r\n]", str(one)):
                raise UsageError(f"{source} is JSON, but not headers: {str(name)[:60]!r} is not text", hint=_FORMS)
            headers.setdefault(name.strip().lower(), []).append(str(one).strip(" \t"))
    return headers


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return [_pair(entry) for entry in value]


def _pair(entry: Any) -> tuple[Any, Any]:
    if isinstance(entry, list) and len(entry) == 2:
        return entry[0], entry[1]
    if isinstance(entry, dict):
        return entry.get("name"), entry.get("value")
    return entry, None


def _unframed(headers: Headers, body: bytes) -> bytes:
    """The body of a raw request, without chunk framing and without an editor's last newline."""
    if any("chunked" in value.lower() for value in headers.get("transfer-encoding", ())):
        try:
            return b"".join(read_chunked(io.BytesIO(body), len(body)))
        except (BadChunks, TooLarge):
            return body  # most tools that record a request write it decoded
    lengths = headers.get("content-length", [])
    if len(lengths) != 1 or not re.fullmatch(r"[0-9]{1,12}", lengths[0]) or not body:
        return body
    promised = int(lengths[0])
    if len(body) < promised:
        raise Invalid(f"the body is cut short: {len(body)} of the {promised} bytes of its Content-Length")
    return body[:promised]


def _name(source: str) -> str:
    return "stdin" if source == STDIN else source
