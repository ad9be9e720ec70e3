"""What a tool answers: JSON as text, of a size that can be read, in which nothing is a control character."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fal_cli.media import without_data
from fal_cli.terminal.sanitize import visible_json

_LONGEST_TEXT = 8_000
_LONGEST_ANSWER = 24_000
_SHOWN_OF_DATA = 40
_BASE64 = "base64"
_GOES_ON = ("still_running", "not_finished")
_SAID = ("message", "fields", "details", "hint", "status", "error_type", "request_id")


class Answer(NamedTuple):
    """A value for the agent. `is_error`: it was not done. `picture` is a JPEG."""

    value: Mapping[str, Any]
    is_error: bool = False
    picture: bytes = b""

    @property
    def text(self) -> str:
        """The value as JSON."""
        return as_text(self.value)


def as_text(value: Any) -> str:
    """A value as JSON text. What a person or a model would obey in it stands as an escape, which means the same."""
    try:
        text = visible_json(json.dumps(_readable(value), ensure_ascii=False, separators=(",", ":")))
    except RecursionError:
        return '{"cut":"the answer is nested too deeply to be shown; fal result prints it"}'
    if len(text) <= _LONGEST_ANSWER:
        return text
    cut = {"cut": f"only the first {_LONGEST_ANSWER} of {len(text)} characters", "beginning": text[:_LONGEST_ANSWER]}
    return visible_json(json.dumps(cut, ensure_ascii=False))


def refusal(kind: str, message: str) -> Answer:
    """An error of what was asked; nothing was sent."""
    return Answer({"error": kind, "again": "fixed", "message": message}, is_error=True)


def failure(error: Mapping[str, Any] | None) -> Answer:
    """How a verb failed, in its own words; a request that goes on is not a failure."""
    told = error or {"kind": "unexpected", "again": "no", "message": "it ended without a word"}
    kind, request_id = str(told.get("kind")), told.get("request_id")
    if kind in _GOES_ON and request_id:
        return going_on(str(request_id))
    facts = {"error": kind, "again": told.get("again")} | {name: told[name] for name in _SAID if told.get(name)}
    return Answer(facts, is_error=True)


def going_on(request_id: str) -> Answer:
    """A request that has not ended yet."""
    return Answer({"request_id": request_id, "state": "running", "next": "wait, then result; it is paid for"})


def _readable(value: Any) -> Any:
    """A value without embedded files, its texts of a length that can be read."""
    return _cut(without_data(value, longer_than=2 * _SHOWN_OF_DATA, shown=_SHOWN_OF_DATA))


def _cut(value: Any, name: str = "") -> Any:
    if isinstance(value, str):
        most = _SHOWN_OF_DATA if name == _BASE64 else _LONGEST_TEXT
        return value if len(value) <= most else f"{value[:most]}… ({len(value)} characters)"
    if isinstance(value, Mapping):
        return {key: _cut(item, str(key)) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_cut(item) for item in value]
    return value
