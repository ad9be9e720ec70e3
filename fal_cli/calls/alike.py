"""Which calls cost alike: those whose inputs are equal in all but texts, files and the seed. Pure."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fal_cli.files.attachment import Attachment
from fal_cli.inputs.items import is_text_key

_LONGEST_CHOICE = 64  # longer texts are not choices of a model's list
_SEED = "seed"


def key(endpoint: str, input_json: Mapping[str, Any]) -> str:
    """What calls that cost alike have in common; "" for an input that is nested too deeply to be looked at."""
    try:
        text = json.dumps([endpoint, _kept(input_json)], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        return ""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def letters(input_json: Mapping[str, Any]) -> int:
    """How long the texts of an input are together, which some models are paid by."""
    return sum(len(text) for name, text in _texts(input_json) if not _is_file(text))


def _kept(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _kept(inner)
            for name, inner in value.items()
            if name != _SEED and not (isinstance(inner, str) and _is_free(name, inner))
        }
    if isinstance(value, list):
        return [_kept(inner) for inner in value if not (isinstance(inner, str) and _is_free("", inner))]
    return None if isinstance(value, Attachment) else value


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and _is_free(name, value):
        yield name, value
    elif isinstance(value, Mapping):
        for key_, inner in value.items():
            yield from _texts(inner, key_)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)


def _is_free(name: str, text: str) -> bool:
    """Whether a text is what a person writes or a file, rather than a choice."""
    return (bool(name) and is_text_key(name)) or _is_file(text) or len(text) > _LONGEST_CHOICE


def _is_file(text: str) -> bool:
    return text.startswith(("http://", "https://", "data:", "@"))
