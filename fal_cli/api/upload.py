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
from urllib.parse import quote, urlsplit, urlunsplit

from fal_cli.api import cdn, free, retry
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError, NotReached, PartRefused, Refused
from fal_cli.api.messages import Answer, Request
from fal_cli.api.upload_source import Source, Stretch
from fal_cli.api.wire import Wire
from fal_cli.concurrency import in_parallel

MULTIPART_BYTES = 100 * 1024 * 1024
PART_BYTES = 10 * 1024 * 1024
PARALLEL_PARTS = 8
FILE_SECONDS = 300.0
_NOT_HERE = (404, 405, 501)
_ASCII = "".join(map(chr, range(0x20, 0x7F)))  # what stays as it is in a header; all else is percent-encoded


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
    deadline: Deadline | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def body(self, offset: int, length: int) -> dict[str, Any]:
        """A stretch as the body of a `Request`.

        An empty one as bytes: a file of no length would go out chunked, which a pre-signed host refuses.
        """
        if length == 0:
            return {"body": b""}
        return {"make_body": Stretch(self.source, offset, length, self.on_bytes, self.stop).begin}


Step = Callable[[Wire, Upload, Request], Answer]


def upload(wire: Wire, job: Upload) -> str:
    """Uploads a file and returns its URL.

    Raises `NotReached`, `Unavailable`, `Refused`, `PartRefused`, or `SourceChanged` if the file changed
    meanwhile.
    """
    multipart = job.source.size > MULTIPART_BYTES
    try:
        return _multipart_to_cdn(wire, job) if multipart else _single_to_cdn(wire, job)
    except PartRefused:
        raise
    except ApiError as error:
        has_time = job.deadline is None or not job.deadline.passed
        if not has_time or not (isinstance(error, NotReached) or error.status in _NOT_HERE):
            raise
    return _initiated_multipart(wire, job) if multipart else _initiated_put(wire, job)


def _single_to_cdn(wire: Wire, job: Upload) -> str:
    """Flow B (§5.4)."""
    whole = job.body(0, job.source.size)
    url = f"{cdn.of(wire).base(job.deadline)}/files/upload"
    answer = _cdn_step(
        wire, job, Request("the upload", "POST", url, _file_headers(job), read_seconds=FILE_SECONDS, **whole)
    )
    job.source.check_unchanged()
    return _url(answer, "access_url")


def _multipart_to_cdn(wire: Wire, job: Upload) -> str:
    """Flow D (§5.6)."""
    start = f"{cdn.of(wire).base(job.deadline)}/files/upload/multipart"
    answer = _cdn_step(wire, job, Request("the start of the upload", "POST", start, _file_headers(job), body=b""))
    url, upload_id = _url(answer, "access_url"), _object(answer).get("uploadId", "")
    headers = {"Content-Type": job.source.content_type, "Accept-Encoding": "identity"}

    def part(number: int) -> Request:
        return Request(f"part {number}", "PUT", f"{url}/multipart/{upload_id}/{number}", headers)

    etags = _send_parts(wire, _cdn_step, job, part)
    _cdn_step(wire, job, _completion(f"{url}/multipart/{upload_id}/complete", etags))
    return url


def _initiated_put(wire: Wire, job: Upload) -> str:
    """Flow A (§5.3): the URL is pre-signed, so no authorization goes there."""
    upload_url, file_url = _initiate(wire, job, "initiate")
    headers = {"Content-Type": job.source.content_type}
    whole = job.body(0, job.source.size)
    _unsigned_step(wire, job, Request("the upload", "PUT", upload_url, headers, read_seconds=FILE_SECONDS, **whole))
    job.source.check_unchanged()
    return file_url


def _initiated_multipart(wire: Wire, job: Upload) -> str:
    """Flow C (§5.5): the number of a part goes between the path and the signature."""
    upload_url, file_url = _initiate(wire, job, "initiate-multipart")

    def part(number: int) -> Request:
        return Request(f"part {number}", "PUT", _below(upload_url, str(number)))

    etags = _send_parts(wire, _unsigned_step, job, part)
    _unsigned_step(wire, job, _completion(_below(upload_url, "complete"), etags))
    return file_url


def _initiate(wire: Wire, job: Upload, route: str) -> tuple[str, str]:
    body = json.dumps({"file_name": job.source.name, "content_type": job.source.content_type}).encode()
    url = f"{wire.hosts.rest}/storage/upload/{route}?storage_type=fal-cdn-v3"
    answer = _step(wire, job, Request("the start of the upload", "POST", url, job.lifecycle.headers(), body=body))
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
            answer = step(local.wire, job, request)
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
        raise Refused("the service sent no ETag", status=answer.status)
    return str(etag)


def _completion(url: str, etags: list[str]) -> Request:
    parts = [{"partNumber": number, "etag": etag} for number, etag in enumerate(etags, 1)]
    return Request("the end of the upload", "POST", url, body=json.dumps({"parts": parts}).encode())


def _cdn_step(wire: Wire, job: Upload, request: Request) -> Answer:
    """One step with the CDN's token."""
    return cdn.of(wire).with_token(
        lambda token: _step(wire, job, request._replace(authorization=token)), deadline=job.deadline
    )


def _unsigned_step(wire: Wire, job: Upload, request: Request) -> Answer:
    return _step(wire, job, request._replace(authorization=""))


def _step(wire: Wire, job: Upload, request: Request) -> Answer:
    """One step, repeated after passing failures. Raises unless it ends in a 2xx."""
    return free.answered(wire, request, retry.UPLOAD_STEP, deadline=job.deadline)


def _file_headers(job: Upload) -> dict[str, str]:
    return {
        "Content-Type": job.source.content_type,
        "X-Fal-File-Name": quote(job.source.name, safe=_ASCII),
        **job.lifecycle.headers(),
    }


def _object(answer: Answer) -> dict[str, Any]:
    body = answer.json()
    if not isinstance(body, dict):
        raise Refused("the service's answer to the upload is not a JSON object", status=answer.status)
    return body


def _url(answer: Answer, name: str) -> str:
    url = _object(answer).get(name)
    if not isinstance(url, str):
        raise Refused(f"the service sent no {name}", status=answer.status)
    cdn.check_host(url)
    return url


def _below(url: str, segment: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path}/{segment}", parts.query, ""))
