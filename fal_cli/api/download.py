"""Fetching one media file: in pieces, taken up again when it is cut, and counted at the end (wire §12.1).

No credential goes along, since a result can name any host; only a file of the CDN that is forbidden to others is
asked for once more with the CDN's token (§5.7). While the service is the real one, no URL may lead to this machine or
its network.
"""

import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from fal_cli.api import cdn, data_uri, failures, reading, reasons, retry
from fal_cli.api.body import Body
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError, NotReached, Phase, Refused
from fal_cli.api.messages import Request, TransportFailure
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire
from fal_cli.urls import is_loopback, is_public, leads_here

_ATTEMPTS = 5
_REDIRECTS = 5
_PAUSE_SECONDS = 0.25
_LONGEST_LENGTH = 18  # digits


@dataclass
class Download:
    """A file that is being fetched. `size` and `content_type` are known once the first bytes are asked for.

    `body` is the result that a reference to an embedded file refers to (`data_uri`).
    """

    url: str
    body: Body | None = field(default=None, repr=False)
    size: int | None = None
    content_type: str = ""
    etag: str = field(default="", repr=False)


def fetch(wire: Wire, download: Download, *, deadline: Deadline | None = None) -> Iterator[bytes]:
    """Yields a file's bytes in order, each once; the first item comes after `size` is known.

    Raises `Refused`, `Unavailable`, `NotReached` (it kept being cut, or came with another length than promised).
    """
    if data_uri.is_one(download.url):
        yield from _embedded(download)
        return
    received, crc, cuts = 0, 0, 0
    until = reading.moment((deadline or Deadline.never()).left())
    while True:
        before = received
        try:
            for piece in _from(wire, download, received, crc, until):
                received += len(piece)
                crc = zlib.crc32(piece, crc)
                yield piece
            if download.size is None or received >= download.size:
                break
            why = f"it ended at {received:,} of {download.size:,} bytes"
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if until is not None and time.monotonic() > until:
                raise NotReached("timed out") from error
            why = f"at {received:,} bytes, {reasons.of(error, download.url, Phase.ANSWERING).text}"
        cuts = cuts + 1 if received == before else 1
        if cuts >= _ATTEMPTS:
            raise NotReached(f"the download was cut again and again: {why}")
        time.sleep(_PAUSE_SECONDS * (cuts - 1))
    if download.size is not None and received != download.size:
        raise NotReached(f"the download has {received:,} bytes instead of {download.size:,}")


def _from(wire: Wire, download: Download, received: int, crc: int, until: float | None) -> Iterator[bytes]:
    """The bytes after those that were received, which a host that cannot resume sends once more."""
    response = _open(wire, download, received)
    with response:
        skipped, seen = (received, crc) if response.status_code == 206 else (0, 0)
        for piece in reading.pieces(response, until=until):
            if skipped < received:
                again = piece[: received - skipped]
                skipped += len(again)
                seen = zlib.crc32(again, seen)
                if skipped == received and seen != crc:
                    raise NotReached("the file changed during the download")
                piece = piece[len(again) :]
            if piece:
                yield piece


def _open(wire: Wire, download: Download, offset: int) -> requests.Response:
    """The open answer: all of the file (200), or what follows `offset` (206). Raises as `fetch`."""
    response = _redirected(wire, download, offset)
    is_part = response.status_code == 206
    if is_part != response.headers.get("content-range", "").startswith(f"bytes {offset}-") or (is_part and not offset):
        response.close()
        raise NotReached("its host sent a different part than requested")
    size = None if is_part else _length(response)
    if not offset:
        download.size = size
        download.content_type = response.headers.get("content-type", "")
        download.etag = response.headers.get("etag", "")
    elif not is_part and size != download.size:
        response.close()
        raise NotReached("the file changed during the download")
    return response


def _redirected(wire: Wire, download: Download, offset: int) -> requests.Response:
    url = download.url
    for _ in range(_REDIRECTS + 1):
        _check(wire, url)
        response = _allowed(wire, url, download, offset)
        if not isinstance(response, str):
            return response
        url = response
    raise Refused("it redirects too often")


def _allowed(wire: Wire, url: str, download: Download, offset: int) -> requests.Response | str:
    """The open answer or where it redirects to; a file of our CDN that is not for everybody with the token."""
    try:
        return _start(wire, url, download, offset)
    except Refused as error:
        if error.status not in (401, 403, 404) or not wire.has_key or not cdn.of(wire).owns(url):
            raise
        with suppress(ApiError):
            return cdn.of(wire).with_token(lambda token: _start(wire, url, download, offset, authorization=token))
        raise


def _start(
    wire: Wire, url: str, download: Download, offset: int, *, authorization: str = ""
) -> requests.Response | str:
    """The open answer, or the URL that it redirects to."""
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if download.etag and not download.etag.startswith("W/"):
            headers["If-Range"] = download.etag
    request = Request("the download", "GET", url, headers, authorization=authorization)
    exchange = Exchange()
    if wire.hosts.are_public:
        exchange.may_connect = is_public
    try:
        answer = wire.start(request, retry.FREE, exchange=exchange)
    except TransportFailure as failure:
        raise failures.unreached(failure) from failure
    if isinstance(answer, requests.Response):
        return answer
    if 300 <= answer.status < 400 and answer.headers.get("location"):
        return _joined(url, answer.headers["location"])
    raise failures.free_error(answer)


def _length(response: requests.Response) -> int | None:
    """The file's size, where the headers tell: that of a packed body is another."""
    length = response.headers.get("content-length", "")
    is_number = length.isascii() and length.isdigit() and len(length) <= _LONGEST_LENGTH
    return int(length) if is_number and "content-encoding" not in response.headers else None


def _embedded(download: Download) -> Iterator[bytes]:
    """The bytes of a `data:` URI, which `sync_mode` answers."""
    try:
        held = data_uri.opened(download.url, download.body)
        download.content_type, download.size = held.content_type, held.size
        yield from held.pieces
    except ValueError as error:
        raise Refused(f"the result holds a data: URI that cannot be read: {error}") from error


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise Refused("it redirects to an invalid URL") from None


def _check(wire: Wire, url: str) -> None:
    """Raises `Refused` for what is not to be asked: plain http elsewhere, or no URL at all."""
    try:
        parts = urlsplit(url)
        scheme, name, _ = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:
        raise Refused("it is not a URL") from None
    if scheme != "https" and not (scheme == "http" and is_loopback(url)):
        raise Refused("it is not https, so it is not fetched")
    if not name:
        raise Refused("it is not a URL")
    if wire.hosts.are_public and leads_here(url):
        raise Refused("it leads to this machine or its own network, so it is not fetched")
