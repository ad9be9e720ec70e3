"""A filled template for an endpoint's input, which passes the check: defaults and examples as the schema has them."""

from typing import Any

from fal_cli.schema.check import problems
from fal_cli.schema.fields import Field, Schema

PLACE = "https://example.com/"
_TEXT = "text"
_DEEPEST = 8


def sample(schema: Schema) -> dict[str, Any]:
    """An input with every value that the schema itself gives, and something fitting where one is required."""
    found = {field.name: value(field) for field in schema.inputs if field.is_required or _given(field)}
    required = {field.name for field in schema.inputs if field.is_required}
    wrong = {problem.path.partition(".")[0] for problem in problems(schema, found)}
    return {name: one for name, one in found.items() if name in required or name not in wrong}


def placeholders(filled: Any, path: str = "") -> list[str]:
    """The paths at which a URL stands that leads nowhere."""
    if isinstance(filled, dict):
        return [at for key, one in filled.items() for at in placeholders(one, f"{path}.{key}".lstrip("."))]
    if isinstance(filled, list):
        return [at for number, one in enumerate(filled) for at in placeholders(one, f"{path}.{number}")]
    return [path] if isinstance(filled, str) and filled.startswith(PLACE) else []


def value(field: Field, depth: int = 0) -> Any:
    """A value that fits a field: its default, an example, a choice, or one that is made of its type and range."""
    for one in (*field.shown, *field.choices):
        if one is not None:
            return one
    shape = next((shape for shape in field.shapes if shape.kinds or shape.choices), field)
    if shape is not field and (shape.shown or shape.choices):
        return value(shape, depth)
    return _made(shape._replace(is_media=shape.is_media or field.is_media), depth)


def _given(field: Field) -> bool:
    return any(one is not None for one in field.shown)


def _made(field: Field, depth: int) -> Any:
    kind = field.kinds[0] if field.kinds else "string"
    if kind in ("integer", "number"):
        return _number(field, whole=kind == "integer")
    if kind == "boolean":
        return False
    if kind == "array":
        count = max(field.min_items or 0, 1) if depth < _DEEPEST else 0
        return [value(field.item, depth + 1) if field.item else _TEXT for _ in range(count)]
    if kind == "object":
        parts = [part for part in field.properties if part.is_required or _given(part) or part.name == "url"]
        return {part.name: value(part, depth + 1) for part in parts} if depth < _DEEPEST else {}
    return _text(field)


def _text(field: Field) -> str:
    text = f"{PLACE}{field.name or 'file'}" if field.is_media or field.name == "url" else field.name or _TEXT
    text = text.ljust(field.min_length or 0, ".")
    return text if field.max_length is None else text[: field.max_length]


def _number(field: Field, *, whole: bool) -> int | float:
    """The least number of a range, or the nearest to 1 that it has."""
    low, high = field.minimum, field.maximum
    if low is None and field.exclusive_minimum is not None:
        low = field.exclusive_minimum + (field.multiple_of or 1)
    if high is None and field.exclusive_maximum is not None:
        high = field.exclusive_maximum - (field.multiple_of or 1)
    found = 1 if low is None else max(low, 1) if high is None or high >= 1 else low
    if high is not None and found > high:
        found = high
    if field.multiple_of:
        found = field.multiple_of * -(-found // field.multiple_of)
    return int(found) if whole or float(found).is_integer() else found
