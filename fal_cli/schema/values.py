"""From the text of `key=value` to the value that a field wants."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fal_cli.files.attachment import Attachment
from fal_cli.schema import lax
from fal_cli.schema.check import mismatch
from fal_cli.schema.fields import Field, Schema, fits, kind_of, same

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,4})?")
_LONGEST_NUMBER = 400
_LITERALS = {"true": True, "false": False, "null": None}
_NOT_JSON = object()


def find(schema: Schema, path: Sequence[str]) -> Field | None:
    """The input at a path such as `("loras", "0", "scale")`; None where the schema knows of none."""
    return _below(schema.root, list(path)) if path else None


def typed(field: Field, text: str) -> Any:
    """What `key=text` gives to a field: the value that its schema has for this text, or else the text itself.

    A field of text takes it as it is, so that `prompt=12345` is a prompt; only `null` is null where the schema knows
    of it. Numbers, `true`, `false` and `null` are read as JSON has them (`yes`, `off` and so on as a service has
    them), lists and objects from JSON; a list of texts takes a single one. What fits nothing stays text, and the check
    says so.
    """
    for choice in field.choices:
        if text == (choice if isinstance(choice, str) else _written(choice)):
            return choice
    if text == "null" and _may_be_null(field):
        return None
    if set(field.kinds) == {"string"}:
        return text
    if set(field.kinds) == {"boolean"} and (truth := lax.truth(text)) is not None:
        return truth
    value = _read(text)
    if value is not _NOT_JSON and value is not None and _is_meant(field, value):
        return int(value) if isinstance(value, float) and kind_of(value) == "integer" else value
    item = _single(field)
    return text if item is None else [typed(item, text)]


def wants_text(field: Field) -> bool | None:
    """Whether a file's text is wanted in a field, rather than its URL; None where the schema does not tell."""
    if field.takes_file:
        return False
    item = _single(field)
    if not field.kinds or (item is not None and not item.kinds):
        return None
    return field.takes_text or item is not None


def of_file(field: Field, text: str) -> Any:
    """What a file's text gives to a field: itself, or a list of it alone."""
    return text if _single(field) is None else [text]


def settled(schema: Schema, given: Mapping[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    """An input in which each number that is a choice but for its type is that choice: 5 where the text "5" is wanted.

    `tell` hears of each.
    """
    if not schema.is_whole:
        return dict(given)
    return {key: _settled(schema.root.part(key), value, key, tell) for key, value in given.items()}


def _settled(field: Field | None, value: Any, path: str, tell: Callable[[str], None]) -> Any:
    if field is None:
        return value
    shapes = field.shapes
    if isinstance(value, dict):
        return {key: _settled(_first(shapes, key), inner, f"{path}.{key}", tell) for key, inner in value.items()}
    if isinstance(value, list):
        items = [shape.item for shape in shapes if shape.item is not None]
        item = items[0] if items else None
        return [_settled(item, inner, f"{path}.{place}", tell) for place, inner in enumerate(value)]
    if isinstance(value, str) or value is None or any(_stands(shape, value) for shape in shapes):
        return value
    choices = [choice for shape in shapes for choice in shape.choices]
    texts = [choice for choice in choices if isinstance(choice, str) and lax.alike(choice, value)]
    if not texts:
        return value
    tell(f'{path}: {_written(value)} is sent as the text "{texts[0]}", as the schema says')
    return texts[0]


def _stands(shape: Field, value: Any) -> bool:
    """Whether a value may stand as it is."""
    if shape.choices:
        return any(same(choice, value) for choice in shape.choices)
    return fits(shape.kinds, value)


def _first(shapes: Sequence[Field], key: str) -> Field | None:
    return next((part for shape in shapes if (part := shape.part(key)) is not None), None)


def placed(field: Field, attachment: Attachment) -> Attachment | list[Attachment]:
    """What a file's upload gives to a field: its URL, or a list of it alone."""
    return attachment if _single(field) is None else [attachment]


def _single(field: Field) -> Field | None:
    """The item of a list of texts, where no text may stand for the whole."""
    if field.takes_text:
        return None
    items = [shape.item or Field("") for shape in field.shapes if "array" in shape.kinds]
    return next((item for item in items if item.takes_text or item.is_file), None)


def _may_be_null(field: Field) -> bool:
    """Whether null may stand here rather than a text that reads so."""
    if field.is_nullable or any(one is None for one in field.shown):
        return True
    return not field.is_required and (field.is_media or not field.takes_any_text)


def _is_meant(field: Field, value: Any) -> bool:
    """Whether a text that is JSON is meant as such: its type is wanted, and no text would do as well."""
    shapes = [shape for shape in field.shapes if shape.kinds and fits(shape.kinds, value)]
    if isinstance(value, list | dict) and field.takes_any_text:
        return any(not mismatch(shape, value) for shape in shapes)
    return bool(shapes)


def _read(text: str) -> Any:
    """The JSON that a text is; `_NOT_JSON` for none."""
    if text in _LITERALS:
        return _LITERALS[text]
    is_number = len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text)
    if not is_number and text[:1] not in ("[", "{"):
        return _NOT_JSON
    try:
        value = json.loads(text, parse_constant=_refused)
        json.dumps(value, allow_nan=False)  # a number beyond all floats
    except (ValueError, RecursionError):
        return _NOT_JSON
    return value


def _refused(name: str) -> Any:
    raise ValueError(name)


def _written(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError, TypeError):
        return ""


def _below(field: Field, path: list[str]) -> Field | None:
    """The field at the rest of a path: by name in an object, by number (or "", the next one) in a list."""
    if not path:
        return field
    step, *rest = path
    for shape in field.shapes:
        is_place = "array" in shape.kinds and (step == "" or step.isdigit())
        inner = shape.item if is_place else shape.part(step)
        found = _below(inner, rest) if inner else None
        if found:
            return found
    return None
