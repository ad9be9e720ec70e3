"""Files: of results, registered by recipe and made when first read; and uploaded ones. On disk for every process."""

import base64
import copy
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from fal_cli.sandbox.state import private
from fal_cli.sandbox.state.record import FileSpot, Outcome
from fal_cli.sandbox.state.store import Store


@dataclass(frozen=True)
class File:
    """A file as the CDN serves it; `acl` is what others than the owner get."""

    name: str
    content_type: str
    path: Path
    size: int
    etag: str
    acl: str


def find(store: Store, file_id: str) -> File | None:
    """The file, drawn now if nobody asked before; None if unknown or expired.

    Takes a moment: not on the event loop.
    """
    row = store.file(file_id)
    if row is None or (row.expires is not None and time.time() >= row.expires):
        return None
    path = store.files / file_id
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        if row.etag is not None:
            return None
        size = _make(path, row.recipe)
    return File(row.name, row.content_type, path, size, f'"{row.etag or file_id}"', row.acl)


def _make(path: Path, recipe: dict[str, Any]) -> int:
    from fal_cli.sandbox.models.making import make

    data = make(recipe)
    # Two readers may draw at once: each writes its own file, and the bytes are the same.
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    with private.create(part) as file:
        file.write(data)
    os.replace(part, path)
    return len(data)


def remove(store: Store, request_id: str) -> list[tuple[str, str]]:
    """Forget the files of a request; their ids and names."""
    rows = store.db.execute("DELETE FROM files WHERE request_id = ? RETURNING id, name", (request_id,)).fetchall()
    for file_id, _ in rows:
        (store.files / file_id).unlink(missing_ok=True)
    return rows


def read(store: Store, file_id: str) -> bytes | None:
    """A file's bytes, as a model reads them; None if unknown or expired."""
    file = find(store, file_id)
    return file.path.read_bytes() if file else None


def fill_in(store: Store, outcome: Outcome, cdn: str) -> Any:
    """The outcome's body with file URLs under `cdn`, the base of whichever process is asked."""
    if not outcome.files:
        return outcome.body
    body = copy.deepcopy(outcome.body)
    for spot in outcome.files:
        place = body
        for key in spot.path[:-1]:
            place = place[key]
        place[spot.path[-1]] = _data_uri(store, spot) if spot.inline else url(cdn, spot.file_id, spot.name)
    return body


def url(cdn: str, file_id: str, name: str) -> str:
    """A file's URL (§5.8)."""
    return f"{cdn}/files/b/{file_id}/{name}"


def _data_uri(store: Store, spot: FileSpot) -> str:
    file = find(store, spot.file_id)
    if file is None:
        return ""
    return f"data:{file.content_type};base64,{base64.b64encode(file.path.read_bytes()).decode()}"
