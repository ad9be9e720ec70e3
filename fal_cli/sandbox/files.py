"""Files of results: registered by recipe, made when first read, kept on disk for every process."""

import base64
import copy
import os
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fal_cli.sandbox.record import FileSpot, Outcome
from fal_cli.sandbox.store import Store


@dataclass(frozen=True)
class File:
    """A file as the CDN serves it."""

    request_id: str
    name: str
    content_type: str
    data: bytes


def read(store: Store, file_id: str) -> File | None:
    """The file, drawn now if nobody asked before; None if unknown. Takes a moment: not on the event loop."""
    row = store.file(file_id)
    if row is None:
        return None
    request_id, name, content_type, recipe = row
    path = store.files / file_id
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        from fal_cli.sandbox.drawing import draw

        data = draw(recipe)
        # Two readers may draw at once: each writes its own file, and the bytes are the same.
        part = store.files / f"{file_id}.{uuid4().hex}.part"
        part.write_bytes(data)
        os.replace(part, path)
    return File(request_id, name, content_type, data)


def fill_in(store: Store, outcome: Outcome, cdn: str) -> Any:
    """The outcome's body with file URLs under `cdn`, the base of whichever process is asked."""
    if not outcome.files:
        return outcome.body
    body = copy.deepcopy(outcome.body)
    for spot in outcome.files:
        place = body
        for key in spot.path[:-1]:
            place = place[key]
        place[spot.path[-1]] = _data_uri(store, spot) if spot.inline else url(cdn, spot)
    return body


def url(cdn: str, spot: FileSpot) -> str:
    """A file's URL (§5.8)."""
    return f"{cdn}/files/b/{spot.file_id}/{spot.name}"


def _data_uri(store: Store, spot: FileSpot) -> str:
    file = read(store, spot.file_id)
    if file is None:
        return ""
    return f"data:{file.content_type};base64,{base64.b64encode(file.data).decode()}"
