"""A field as JSON, for programs."""

from typing import Any

from fal_cli.schema.fields import Field

_PLAIN = (
    "minimum", "maximum", "exclusive_minimum", "exclusive_maximum", "multiple_of", "min_length", "max_length",
    "min_items", "max_items",
)  # fmt: skip
_SAID_OF_ALL = ("default", "title", "description")


def facts(field: Field) -> dict[str, Any]:
    """What is known of a field; what the schema does not say is left out."""
    found: dict[str, Any] = {"name": field.name} if field.name else {}
    found["types"] = list(field.kinds)
    found["required"] = field.is_required
    if field.has_default:
        found["default"] = field.default
    if field.choices:
        found["choices"] = list(field.choices)
    found |= {name: value for name in _PLAIN if (value := getattr(field, name)) is not None}
    flags = {"nullable": field.is_nullable, "media": field.is_media}
    found |= {name: True for name, is_so in flags.items() if is_so}
    found |= {name: text for name in ("title", "description") if (text := getattr(field, name))}
    if field.alternatives:
        return found | {"any_of": [_part(shape, _SAID_OF_ALL) for shape in field.alternatives]}
    if field.item is not None:
        found["item"] = _part(field.item)
    if field.properties:
        found["properties"] = [facts(part) for part in field.properties]
    return found


def _part(field: Field, left_out: tuple[str, ...] = ()) -> dict[str, Any]:
    """The same of what has no name of its own."""
    return {name: value for name, value in facts(field).items() if name not in ("name", "required", *left_out)}
