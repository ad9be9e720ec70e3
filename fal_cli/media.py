"""What a result holds, found by shape, since outputs have no fixed schema (wire §12.1): files and text. Pure."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fal_cli.urls import origin

_SCHEMES = re.compile(r"https?://|data:", re.IGNORECASE)
_MEDIA_KEYS = ("_url", "_urls")
_HOST = "fal.media"
_TEXT_KEYS = ("output", "text", "transcription", "response")


class MediaFile(NamedTuple):
    """One file that a result names. `url` may be a `data:` URI."""

    url: str
    content_type: str = ""
    file_name: str = ""


def find(value: Any) -> list[MediaFile]:
    """Every file in a result, in its order, each URL once.

    A file is an object whose `url` is a URL, or a `*_url` text on fal's own media hosts.
    """
    found: dict[str, MediaFile] = {}
    for file in _walk(value, ""):
        if file.url not in found or (file.content_type and not found[file.url].content_type):
            found[file.url] = file
    return list(found.values())


def flagged(value: Any) -> list[MediaFile]:
    """The pictures that a model marked as not safe for work: what is there may be black (§12.1)."""
    marks = value.get("has_nsfw_concepts") if isinstance(value, dict) else None
    marks = marks if isinstance(marks, list) else [marks]
    files = find(value) if any(mark is True for mark in marks) else []
    return [file for file, mark in zip(files, marks, strict=False) if mark is True]


def text_in(value: Any) -> str | None:
    """The text that a result, or an event of a stream, is about."""
    if isinstance(value, str):
        return value
    texts = (value.get(key) for key in _TEXT_KEYS) if isinstance(value, dict) else ()
    return next((text for text in texts if isinstance(text, str)), None)


def without_data(value: Any, *, longer_than: int, shown: int) -> Any:
    """A value with each long `data:` URI cut to its beginning."""
    if isinstance(value, dict):
        return {key: without_data(inner, longer_than=longer_than, shown=shown) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_data(inner, longer_than=longer_than, shown=shown) for inner in value]
    if isinstance(value, str) and value.startswith("data:") and len(value) > longer_than:
        return f"{value[:shown]}… ({len(value)} characters)"
    return value


def _walk(value: Any, key: str) -> Iterator[MediaFile]:
    if isinstance(value, dict):
        url = value.get("url")
        if isinstance(url, str) and _SCHEMES.match(url):
            yield MediaFile(url, str(value.get("content_type") or ""), str(value.get("file_name") or ""))
        for name, inner in value.items():
            if name != "url":
                yield from _walk(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, key)
    elif isinstance(value, str) and key.endswith(_MEDIA_KEYS) and _is_ours(value):
        yield MediaFile(value)


def _is_ours(url: str) -> bool:
    scheme, host, _ = origin(url)
    return scheme == "https" and (host == _HOST or host.endswith(f".{_HOST}"))
