"""Uploads (wire §5): the token flow to the CDN, multipart above a threshold, and the storage fall-back.

| | up to 100 MiB | above |
|---|---|---|
| token flow | B: one POST | D: parts |
| fall-back, when the token flow cannot be had | A: initiate and PUT | C: initiated parts |

A lost step is made again: a duplicate costs at most an orphan file (§9.3). The key goes to the service's own
hosts, the CDN token to the CDN, and neither to a pre-signed URL.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from fal_cli.api import free, retry
from fal_cli.api.errors import ApiError, NotReached, PartRefused, Refused
from fal_cli.api.messages import Answer, Request
from fal_cli.api.upload_source import Source, Stretch
from fal_cli.api.wire import Wire
from fal_cli.concurrency import in_parallel
from fal_cli.urls import is_loopback

MULTIPART_BYTES = 100 * 1024 * 1024
PART_BYTES = 10 * 1024 * 1024
PARALLEL_PARTS = 8
FILE_SECONDS = 300.0
_NOT_HERE = (404, 405, 501)


@dataclass(frozen=True)
class Lifecycle:
    """When an uploaded file expires and who may read it, as the header's JSON (§5.7); "" for the account's default."""

    json: str = ""

    def headers(self) -> dict[str, str]:
        """Both names: which of them the service reads depends on the flow."""
        names = ("X-Fal-Object-Lifecycle", "X-Fal-Object-Lifecycle-Preference")
        return dict.fromkeys(names, self.json) if self.json else {}


@dataclass(frozen=True)
class Upload:
    """One file on its way: `on_bytes` is told of each piece sent (negative when one is sent again)."""

    source: Source
    lifecycle: Lifecycle = Lifecycle()
    on_bytes: Callable[[int], None] = lambda count: None
    stop: threading.Event = field(default_factory=threading.Event)

    def body(self, offset: int, length: int) -> dict[str, Any]:
        """A stretch as the body of a `Request`.

        An empty one as bytes: a file of no length would go out chunked, which a pre-signed host refuses.
        """
        if length == 0:
            return {"body": b""}
        return {"make_body": Stretch(self.source, offset, length, self.on_bytes, self.stop).begin}


Step = Callable[[Wire, Request], Answer]


def upload(wire: Wire, job: Upload) -> str:
    """Uploads a file and returns its URL.

    Raises `NotReached`, `Unavailable`, `Refused`, `PartRefused`, or `SourceChanged` if the file changed
    meanwhile.
    """
    multipart = job.source.size > MULTIPART_BYTES
    try:
        cdn = _Cdn(wire)
        return _multipart_to_cdn(cdn, job) if multipart else _single_to_cdn(cdn, job)
    except PartRefused:
        raise
    except ApiError as error:
        if not isinstance(error, NotReached) and error.status not in _NOT_HERE:
            raise
    return _initiated_multipart(wire, job) if multipart else _initiated_put(wire, job)


class _Cdn:
    """The CDN and the token that opens it (§5.2); a token that expires on the way is minted anew once."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._lock = threading.Lock()
        self.base, self._authorization = self._mint(wire)

    def step(self, wire: Wire, request: Request) -> Answer:
        """One step with the token."""
        used = self._authorization
        try:
            return _step(wire, request._replace(authorization=used))
        except Refused as error:
            if error.status != 401:
                raise
        with self._lock:
            if self._authorization == used:
                _, self._authorization = self._mint(wire)
        return _step(wire, request._replace(authorization=self._authorization))

    def _mint(self, wire: Wire) -> tuple[str, str]:
        url = f"{wire.hosts.rest}/storage/auth/token?storage_type=fal-cdn-v3"
        body = _object(_step(wire, Request("the upload token", "POST", url, body=b"{}")))
        base = str(body.get("base_url") or wire.hosts.cdn).rstrip("/")
        _check_host(base)
        return base, f"{body.get('token_type') or 'Bearer'} {body.get('token', '')}"


def _single_to_cdn(cdn: _Cdn, job: Upload) -> str:
    """Flow B (§5.4)."""
    whole = job.body(0, job.source.size)
    url = f"{cdn.base}/files/upload"
    answer = cdn.step(
        cdn.wire, Request("the upload", "POST", url, _file_headers(job), read_seconds=FILE_SECONDS, **whole)
    )
    job.source.check_unchanged()
    return _url(answer, "access_url")


def _multipart_to_cdn(cdn: _Cdn, job: Upload) -> str:
    """Flow D (§5.6)."""
    start = f"{cdn.base}/files/upload/multipart"
    answer = cdn.step(cdn.wire, Request("the start of the upload", "POST", start, _file_headers(job), body=b""))
    url, upload_id = _url(answer, "access_url"), _object(answer).get("uploadId", "")
    headers = {"Content-Type": job.source.content_type, "Accept-Encoding": "identity"}

    def part(number: int) -> Request:
        return Request(f"part {number}", "PUT", f"{url}/multipart/{upload_id}/{number}", headers)

    etags = _send_parts(cdn.wire, cdn.step, job, part)
    cdn.step(cdn.wire, _completion(f"{url}/multipart/{upload_id}/complete", etags))
    return url


def _initiated_put(wire: Wire, job: Upload) -> str:
    """Flow A (§5.3): the URL is pre-signed, so no authorization goes there."""
    upload_url, file_url = _initiate(wire, job, "initiate")
    headers = {"Content-Type": job.source.content_type}
    whole = job.body(0, job.source.size)
    _unsigned_step(wire, Request("the upload", "PUT", upload_url, headers, read_seconds=FILE_SECONDS, **whole))
    job.source.check_unchanged()
    return file_url


def _initiated_multipart(wire: Wire, job: Upload) -> str:
    """Flow C (§5.5): the number of a part goes between the path and the signature."""
    upload_url, file_url = _initiate(wire, job, "initiate-multipart")

    def part(number: int) -> Request:
        return Request(f"part {number}", "PUT", _below(upload_url, str(number)))

    etags = _send_parts(wire, _unsigned_step, job, part)
    _unsigned_step(wire, _completion(_below(upload_url, "complete"), etags))
    return file_url


def _initiate(wire: Wire, job: Upload, route: str) -> tuple[str, str]:
    body = json.dumps({"file_name": job.source.name, "content_type": job.source.content_type}).encode()
    url = f"{wire.hosts.rest}/storage/upload/{route}?storage_type=fal-cdn-v3"
    answer = _step(wire, Request("the start of the upload", "POST", url, job.lifecycle.headers(), body=body))
    return _url(answer, "upload_url"), _url(answer, "file_url")


def _send_parts(wire: Wire, step: Step, job: Upload, part: Callable[[int], Request]) -> list[str]:
    """Sends all parts, several at a time, each from the file itself; their ETags in order of number."""
    local = threading.local()

    def send(number: int) -> str:
        if not hasattr(local, "wire"):
            local.wire = wire.twin()
        offset = (number - 1) * PART_BYTES
        body = job.body(offset, min(PART_BYTES, job.source.size - offset))
        request = part(number)._replace(read_seconds=FILE_SECONDS, **body)
        try:
            answer = step(local.wire, request)
            job.source.check_unchanged()
            return _etag(answer)
        except ApiError as error:
            raise PartRefused(number, error) from error

    count = -(-job.source.size // PART_BYTES)
    try:
        return in_parallel([partial(send, number) for number in range(1, count + 1)], PARALLEL_PARTS)
    finally:
        job.stop.set()  # workers look at it on each read, so neither an error nor Ctrl-C waits for them


def _etag(answer: Answer) -> str:
    """A part's ETag: in the header for some storage, in the body for other (§5.5)."""
    body = answer.json()
    etag = answer.headers.get("etag") or (body.get("etag") if isinstance(body, dict) else None)
    if not etag:
        raise Refused("the service named no ETag", status=answer.status)
    return str(etag)


def _completion(url: str, etags: list[str]) -> Request:
    parts = [{"partNumber": number, "etag": etag} for number, etag in enumerate(etags, 1)]
    return Request("the end of the upload", "POST", url, body=json.dumps({"parts": parts}).encode())


def _unsigned_step(wire: Wire, request: Request) -> Answer:
    return _step(wire, request._replace(authorization=""))


def _step(wire: Wire, request: Request) -> Answer:
    """One step, repeated after passing failures. Raises unless it ends in a 2xx."""
    return free.answered(wire, request, retry.UPLOAD_STEP)


def _file_headers(job: Upload) -> dict[str, str]:
    return {
        "Content-Type": job.source.content_type,
        "X-Fal-File-Name": job.source.name,
        **job.lifecycle.headers(),
    }


def _object(answer: Answer) -> dict[str, Any]:
    body = answer.json()
    if not isinstance(body, dict):
        raise Refused("the service answered the upload with no JSON object", status=answer.status)
    return body


def _url(answer: Answer, name: str) -> str:
    url = _object(answer).get(name)
    if not isinstance(url, str):
        raise Refused(f"the service named no {name}", status=answer.status)
    _check_host(url)
    return url


def _check_host(url: str) -> None:
    """File bytes and tokens travel over TLS, this machine aside."""
    if not url.startswith("https://") and not (url.startswith("http://") and is_loopback(url)):
        raise Refused(f"the service named {url!r} for an upload, which is not https")


def _below(url: str, segment: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path}/{segment}", parts.query, ""))
