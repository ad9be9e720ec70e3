"""Fetching one media file: in pieces, resumed with a range request when cut, and counted at the end (wire §12.1).

No credential goes along: a public file needs none (§5.8), and a result can name any host.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes, urljoin

import requests
import urllib3

from fal_cli.api import failures, retry
from fal_cli.api.errors import NotReached, Refused
from fal_cli.api.messages import Request, TransportFailure
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire
from fal_cli.urls import is_loopback

_CHUNK = 256 * 1024
_ATTEMPTS = 5
_REDIRECTS = 5


@dataclass
class Download:
    """A file that is being fetched. `size` and `content_type` are known once the first bytes are asked for."""

    url: str
    size: int | None = None
    content_type: str = ""
    etag: str = field(default="", repr=False)


def fetch(wire: Wire, download: Download) -> Iterator[bytes]:
    """Yields a file's bytes in order, each once; the first item comes after `size` is known.

    Raises `Refused`, `Unavailable`, `NotReached` (it kept being cut, or came with another length than promised).
    """
    if download.url.startswith("data:"):
        yield from _embedded(download)
        return
    received, cuts = 0, 0
    while True:
        before = received
        response = _open(wire, download, received)
        try:
            for chunk in _chunks(response):
                received += len(chunk)
                yield chunk
        except (urllib3.exceptions.HTTPError, OSError) as error:
            cuts = cuts + 1 if received == before else 1
            if cuts >= _ATTEMPTS:
                raise NotReached(f"the download was cut at {received} bytes: {error}") from error
            continue
        finally:
            response.close()
        if download.size is None or received >= download.size:
            break
        cuts += 1
        if cuts >= _ATTEMPTS:
            raise NotReached(f"the download ended at {received} of {download.size} bytes")
    if download.size is not None and received != download.size:
        raise NotReached(f"the download has {received} bytes instead of {download.size}")


def _open(wire: Wire, download: Download, offset: int) -> requests.Response:
    url = download.url
    for _ in range(_REDIRECTS + 1):
        _check(url)
        response = _start(wire, url, download, offset)
        if isinstance(response, str):
            url = response
            continue
        continues = response.headers.get("content-range", "").startswith(f"bytes {offset}-")
        if offset and not (response.status_code == 206 and continues):
            response.close()
            raise NotReached("the download was cut, and the file has changed or its host cannot resume")
        if not offset:
            length = response.headers.get("content-length", "")
            plain = "content-encoding" not in response.headers
            download.size = int(length) if length.isdigit() and plain else None
            download.content_type = response.headers.get("content-type", "")
            download.etag = response.headers.get("etag", "")
        return response
    raise Refused(f"{download.url} is redirected too often")


def _start(wire: Wire, url: str, download: Download, offset: int) -> requests.Response | str:
    """The open answer, or the URL that it redirects to."""
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if download.etag and not download.etag.startswith("W/"):
            headers["If-Range"] = download.etag
    request = Request("the download", "GET", url, headers, authorization="")
    try:
        answer = wire.start(request, retry.FREE, exchange=Exchange())
    except TransportFailure as failure:
        raise failures.unreached(failure) from failure
    if isinstance(answer, requests.Response):
        return answer
    if 300 <= answer.status < 400 and answer.headers.get("location"):
        return urljoin(url, answer.headers["location"])
    raise failures.free_error(answer)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    while chunk := response.raw.read(_CHUNK, decode_content=True):
        yield chunk


def _embedded(download: Download) -> Iterator[bytes]:
    """The bytes of a `data:` URI, which `sync_mode` answers."""
    head, comma, body = download.url.partition(",")
    if not comma:
        raise Refused("the result holds a data: URI without data")
    try:
        data = base64.b64decode(body, validate=False) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"the result holds a data: URI that cannot be read: {error}") from error
    download.size = len(data)
    download.content_type = head.removeprefix("data:").partition(";")[0]
    yield data


def _check(url: str) -> None:
    if not url.startswith("https://") and not (url.startswith("http://") and is_loopback(url)):
        raise Refused(f"{url} is not https, so it is not fetched")
