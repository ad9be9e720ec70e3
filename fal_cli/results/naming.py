"""The name of a result's file: the template's fields, and the extension of its real content. Pure."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from fal_cli.api import data_uri
from fal_cli.files import content_type, names
from fal_cli.media import MediaFile

_LONGEST_EXTENSION = 8
_MEDIA = ("image/", "video/", "audio/")
_NOT_MEDIA = ("application/json", "application/xml", "text/xml")


class Origin(NamedTuple):
    """What the files belong to, for their names."""

    endpoint: str
    request_id: str
    inputs: Mapping[str, Any]


class Head(NamedTuple):
    """What is known of a file once it begins to come: its first bytes, and what its host calls them."""

    data: bytes
    declared: str = ""


def values(origin: Origin, data: Any, file: MediaFile, index: int) -> dict[str, str]:
    """The fields of a template for one file, `ext` excepted."""
    seed = data.get("seed", "") if isinstance(data, dict) else ""
    inputs = {f"input.{key}": as_text(value) for key, value in origin.inputs.items()}
    return {
        "endpoint": origin.endpoint,
        "id": origin.request_id,
        "index": str(index),
        "name": _stem(file),
        "seed": as_text(seed),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        **inputs,
    }


def extension(file: MediaFile, head: Head) -> str:
    """The extension of a file, by its name, unless its bytes are another kind of media; then by what it is."""
    held = content_type.by_content(head.data)
    named = _name_of(file).rpartition(".")[2] if "." in _name_of(file).lstrip(".") else ""
    if named.isalnum() and len(named) <= _LONGEST_EXTENSION and not contradicts(f"x.{named}", held):
        return named.lower()
    for kind in (held, file.content_type, head.declared, content_type.guess("", head.data)):
        found = content_type.extension_for(kind) if kind and kind != content_type.UNKNOWN else ""
        if found:
            return found.lstrip(".")
    return "bin"


def truthful(target: Path, head: Head) -> Path:
    """A path whose extension does not say something else than what the file holds."""
    held = content_type.by_content(head.data)
    true = content_type.extension_for(held)
    return target.with_suffix(true) if true and contradicts(target.name, held) else target


def contradicts(name: str, held: str) -> bool:
    """Whether a name promises another kind of media than the one that is held."""
    promised = content_type.by_name(name)
    return bool(promised) and held.startswith(_MEDIA) and not content_type.are_alike(promised, held)


def wrong_content(file: MediaFile, head: Head) -> str:
    """Why what came cannot be the file that the result names; "" if it can."""
    if not head.data:
        return "its host sent an empty file"
    wanted = file.content_type or content_type.by_name(_name_of(file))
    if content_type.is_page(head.data) and not wanted.startswith("text/") and "html" not in wanted:
        return "its host sent a web page in its place, so it may have expired"
    if wanted.startswith(_MEDIA) and content_type.by_content(head.data) in _NOT_MEDIA:
        return f"its host sent {content_type.by_content(head.data)} in its place: {_beginning(head.data)}"
    return ""


def shown(url: str) -> str:
    """A URL for a message: a `data:` URI or a very long one shortened."""
    return url if len(url) <= 120 else f"{url[:60]}… ({len(url):,} characters)"


def _stem(file: MediaFile) -> str:
    name = names.base_name(_name_of(file)) if _name_of(file) else "file"
    return name.rpartition(".")[0] or name


def _name_of(file: MediaFile) -> str:
    """The file's own name, as the result or its URL has it; "" if neither does."""
    if file.file_name or data_uri.is_one(file.url):
        return file.file_name
    try:
        return unquote(urlsplit(file.url).path).rpartition("/")[2]
    except ValueError:
        return ""


def _beginning(data: bytes) -> str:
    return " ".join(data[:100].decode("utf-8", "replace").split())


def as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
