"""Which inputs take the URL of a file (wire §11.3): documents say it in several ways, and some in none."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from fal_cli.schema.document import entries, members

_FORM_FIELDS = ("image", "video", "audio", "file")
_FORMATS = ("uri", "url", "uri-reference", "iri")
_LIMITS = re.compile(r"(min|max)_(width|height|area|aspect_ratio|file_size|duration|fps)|normalization")
_URL_WORDS = ("url", "urls", "uri", "uris")
_FILE_WORDS = (
    "image", "images", "video", "videos", "audio", "audios", "mask", "masks", "photo", "photos", "file", "files",
    "path", "paths",
)  # fmt: skip
_TEXT_WORDS = ("prompt", "prompts", "text", "script")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_URL = re.compile(r"(?:https?://|data:)\S+", re.IGNORECASE)
_NAMED_FIRST = re.compile(
    r"\W*(?:(?:the|an?|list|array|of|one|or|more|optional|public|publicly|accessible|direct|valid|remote|signed|source"
    r"|input|reference|first|last|start|end|style|image|video|audio|file|mask|media|photo|picture|voice|face)\s+)*"
    r"UR[LI]s?\b(?!\W*(?:or|and)?\s*(?:plain\s+)?text\b)",
    re.IGNORECASE,
)


def takes_url(name: str, schema: Mapping[str, Any], *, has_choices: bool) -> bool:
    """Whether the texts under a name are to be URLs of files.

    Its form on the web says so, or limits that only media have; else a format, its name, a default and examples that
    are URLs, or a description that begins with one. A prompt is a prompt, whatever is written about it.
    """
    parts = (schema, members(schema.get("items")))
    if any(_is_said(part) for part in parts):
        return True
    if has_choices:
        return False
    if any(part.get("format") in _FORMATS for part in parts) or is_named_url(name):
        return True
    words = _words(name)
    if words and words[-1] in ("prompt", "prompts"):
        return False
    return bool(words and words[-1] in _FILE_WORDS) or _is_shown(schema) or _is_described(schema)


def is_named_url(name: str) -> bool:
    """Whether a name says that a URL stands under it: `image_url`, `imageUrls`, `audio_url_2`."""
    words = _words(name)
    return any(word in _URL_WORDS for word in words) and words[-1] not in _TEXT_WORDS


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name[:200])]


def _is_said(schema: Mapping[str, Any]) -> bool:
    limits = members(schema.get("x-fal"))
    return members(schema.get("ui")).get("field") in _FORM_FIELDS or any(map(_LIMITS.fullmatch, islice(limits, 50)))


def _is_shown(schema: Mapping[str, Any]) -> bool:
    """Whether all values that the document gives as a default or an example are URLs."""
    texts = [text for text in _shown(schema) if text]
    return bool(texts) and all(_URL.fullmatch(text) for text in texts)


def _shown(schema: Mapping[str, Any]) -> Iterator[str]:
    for value in (schema.get("default"), schema.get("example"), *entries(schema.get("examples"))[:20]):
        yield from (one for one in (value if isinstance(value, list) else [value])[:20] if isinstance(one, str))


def _is_described(schema: Mapping[str, Any]) -> bool:
    told = schema.get("description")
    return isinstance(told, str) and bool(_NAMED_FIRST.match(told[:200]))
