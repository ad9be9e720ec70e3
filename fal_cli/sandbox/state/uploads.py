"""What is uploaded, on its way to being a file: begun, received, checked part by part, put together (§5)."""

import hashlib
import mimetypes
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from starlette.requests import Request

from fal_cli.sandbox.state import private
from fal_cli.sandbox.state.lifecycle import Lifecycle
from fal_cli.sandbox.state.store import FileRow, Store

MAX_PARTS = 10_000
DEFAULT_TYPE = "application/octet-stream"
_MAX_NAME = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_COPY_BYTES = 1024 * 1024
_completing = threading.Lock()


class BadParts(ValueError):
    """The parts do not make the file; the text says which and why."""


@dataclass(frozen=True)
class Upload:
    """A begun upload; `upload_id` is empty for one that comes in one piece."""

    file_id: str
    upload_id: str
    name: str
    content_type: str
    lifecycle: Lifecycle


@dataclass(frozen=True)
class Received:
    """Bytes on disk under a name of their own, with their size and MD5 (hex)."""

    path: Path
    size: int
    etag: str


def begin(store: Store, name: str, content_type: str, lifecycle: Lifecycle, *, multipart: bool) -> Upload:
    """Note an upload to come, and the name and place that its file will have."""
    file_id = secrets.token_hex(16)
    content_type = content_type or DEFAULT_TYPE
    safe = safe_name(name, content_type)
    upload = Upload(file_id, secrets.token_hex(16) if multipart else "", safe, content_type, lifecycle)
    store.db.execute(
        "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?)",
        (file_id, upload.upload_id, safe, content_type, lifecycle.seconds, lifecycle.acl),
    )
    return upload


def find(store: Store, file_id: str, upload_id: str) -> Upload | None:
    """A begun upload; None if there is none of these ids."""
    row = store.db.execute(
        "SELECT name, content_type, seconds, acl FROM uploads WHERE file_id = ? AND upload_id = ?",
        (file_id, upload_id),
    ).fetchone()
    return Upload(file_id, upload_id, row[0], row[1], Lifecycle(row[2], row[3])) if row else None


def safe_name(name: str, content_type: str) -> str:
    """A name that is safe in a URL and on any disk; a random one if nothing is left of it."""
    plain = _UNSAFE.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip("._")
    if not plain:
        plain = secrets.token_hex(8) + (mimetypes.guess_extension(content_type.partition(";")[0]) or ".bin")
    stem, suffix = os.path.splitext(plain)
    return stem[: _MAX_NAME - len(suffix)] + suffix if len(suffix) < 20 else plain[:_MAX_NAME]


async def receive(store: Store, request: Request) -> Received:
    """Write a request's body to disk as it comes. What a client that leaves has sent is thrown away."""
    path = store.files / f"{uuid4().hex}.part"
    digest = hashlib.md5(usedforsecurity=False)
    size = 0
    try:
        with private.create(path) as file:
            async for piece in request.stream():
                file.write(piece)
                digest.update(piece)
                size += len(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Received(path, size, digest.hexdigest())


def finish(store: Store, upload: Upload, received: Received) -> None:
    """Make the bytes the upload's file."""
    os.replace(received.path, store.files / upload.file_id)
    seconds = upload.lifecycle.seconds
    expires = None if seconds is None else time.time() + seconds
    row = FileRow(
        upload.file_id, upload.name, upload.content_type, {"kind": "upload"}, received.etag, expires,
        upload.lifecycle.acl,
    )  # fmt: skip
    store.add_file(upload.file_id, row)
    store.tally("files")
    store.tally("bytes", received.size)


def keep_part(store: Store, upload: Upload, number: int, received: Received) -> None:
    """Keep the bytes as a part; of one sent twice the last counts."""
    os.replace(received.path, _part_path(store, upload, number))
    store.db.execute(
        "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", (upload.file_id, number, received.etag, received.size)
    )
    store.tally("parts")


def complete(store: Store, upload: Upload, wanted: Mapping[int, str]) -> None:
    """Put the wanted parts (number to etag, in any order) together. Raises BadParts.

    Once more with the same parts changes nothing: the answer to the first may have been lost.
    """
    etag = _combined(wanted)
    with _completing:
        done = store.file(upload.file_id)
        if done is None:
            _check(store, upload, wanted)
            _join(store, upload, wanted, etag)
        elif done.etag != etag:
            raise BadParts("The upload was completed before, of other parts.")


def _join(store: Store, upload: Upload, wanted: Iterable[int], etag: str) -> None:
    paths = [_part_path(store, upload, number) for number in sorted(wanted)]
    whole = store.files / f"{uuid4().hex}.part"
    os.replace(paths[0], whole)
    with whole.open("ab") as target:
        for path in paths[1:]:
            with path.open("rb") as source:
                shutil.copyfileobj(source, target, _COPY_BYTES)
            path.unlink()
    finish(store, upload, Received(whole, whole.stat().st_size, etag))


def _check(store: Store, upload: Upload, wanted: Mapping[int, str]) -> None:
    rows = store.db.execute("SELECT number, etag, size FROM parts WHERE file_id = ?", (upload.file_id,))
    kept = {number: (etag, size) for number, etag, size in rows}
    for number in range(1, max([*wanted, *kept], default=1) + 1):
        if number not in wanted or number not in kept:
            raise BadParts(f"Part {number} is missing{'' if number in wanted else ' from the list'}.")
        etag, size = kept[number]
        if wanted[number] != etag:
            raise BadParts(f"Part {number} has the ETag {etag}, not {wanted[number]}.")
        if size == 0 and len(wanted) > 1:
            raise BadParts(f"Part {number} is empty.")


def _combined(parts: Mapping[int, str]) -> str:
    """The ETag of a file in parts, as storage providers form it."""
    text = ",".join(f"{number}:{parts[number]}" for number in sorted(parts))
    return f"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}-{len(parts)}"


def _part_path(store: Store, upload: Upload, number: int) -> Path:
    return store.files / f"{upload.file_id}.{number}.part"
