"""Media in a result: found by shape, since outputs have no fixed schema (wire §12.1). Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SCHEMES = ("https://", "http://", "data:")
_MEDIA_KEYS = ("_url", "_urls")
_HOSTS = ("fal.media/", ".fal.media/")


@dataclass(frozen=True)
class MediaFile:
    """One file that a result names. `url` may be a `data:` URI."""

    url: str
    content_type: str = ""
    file_name: str = ""


def find(value: Any) -> list[MediaFile]:
    """Every file in a result, in its order, each URL once.

    A file is an object whose `url` is a URL, or a `*_url` text on fal's own media hosts.
    """
    return list({file.url: file for file in _walk(value, "")}.values())


def _walk(value: Any, key: str) -> Iterator[MediaFile]:
    if isinstance(value, dict):
        url = value.get("url")
        if isinstance(url, str) and url.startswith(_SCHEMES):
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
    host_and_path = url.partition("://")[2]
    return url.startswith("https://") and (host_and_path.startswith(_HOSTS[0]) or _HOSTS[1] in host_and_path[:40])
