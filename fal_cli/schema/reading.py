"""An OpenAPI document into fields. What it does not understand becomes a field that takes anything."""

import math
from collections.abc import Mapping
from typing import Any

from fal_cli.schema.document import Document, entries, members, merged
from fal_cli.schema.fields import Field, Number, Schema, kind_of

_KINDS = ("string", "integer", "number", "boolean", "array", "object")
_MEDIA_FIELDS = ("image", "video", "audio", "file")
_MEDIA_NAMES = ("_url", "_urls")
_ANNOTATIONS = ("title", "description", "default", "ui")
_MOST_FIELDS = 3000
_DEEPEST = 8


def read(document: Any, endpoint: str) -> Schema:
    """The inputs and outputs of an endpoint, or of the app whose route is `endpoint` (`/`, `/path`).

    Never raises: of a document that says nothing of the endpoint the schema is empty.
    """
    reader = _Reader(document)
    path = f"/{endpoint.strip('/')}"
    return Schema(
        reader.properties(reader.document.input_schema(path)), reader.properties(reader.document.output_schema(path))
    )


class _Reader:
    """Reads one document. It stops at a depth and at a number of fields, since references may go round."""

    def __init__(self, document: Any) -> None:
        self.document = Document(document)
        self._fields_left = _MOST_FIELDS

    def properties(self, schema: Mapping[str, Any], depth: int = 0) -> tuple[Field, ...]:
        """The properties of an object, in the model's own order."""
        found = members(schema.get("properties"))
        required = [name for name in entries(schema.get("required")) if isinstance(name, str)]
        ordered = [name for name in entries(schema.get("x-fal-order-properties")) if isinstance(name, str)]
        names = [name for name in dict.fromkeys((*ordered, *found)) if name in found]
        return tuple(self.field(name, found[name], name in required, depth + 1) for name in names)

    def field(self, name: str, node: Any, is_required: bool = False, depth: int = 0) -> Field:
        """What a schema says of the values under a name."""
        self._fields_left -= 1
        if depth > _DEEPEST or self._fields_left < 0:
            return Field(name, is_required=is_required)
        branches = self._branches(self.document.resolved(node), depth)
        real = [branch for branch in branches if not _is_null(branch)]
        found = [self._plain(name, branch, is_required, depth) for branch in real]
        found = found or [Field(name, is_required=is_required)]
        field = found[0] if len(found) == 1 else _united(found)
        return field._replace(is_nullable=field.is_nullable or len(real) < len(branches))

    def _branches(self, schema: dict[str, Any], depth: int) -> list[dict[str, Any]]:
        """The alternatives of a schema, each with what is said beside them all; itself if there are none."""
        branches = entries(schema.get("anyOf")) or entries(schema.get("oneOf"))
        if not branches or depth > _DEEPEST:
            return [schema]
        outer = {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf")}
        annotations = {name: outer[name] for name in _ANNOTATIONS if name in outer}
        resolved = [self.document.resolved(branch) for branch in branches]
        whole = [{**merged(outer, branch), **annotations} for branch in resolved]
        return [inner for branch in whole for inner in self._branches(branch, depth + 1)]

    def _plain(self, name: str, schema: dict[str, Any], is_required: bool, depth: int) -> Field:
        choices = tuple(entries(schema.get("enum"))) or ((schema["const"],) if "const" in schema else ())
        kinds = _kinds(schema, choices)
        types = schema.get("type")
        item = schema.get("items")
        others = schema.get("additionalProperties")
        field = Field(
            name,
            kinds,
            is_required=is_required,
            is_nullable=schema.get("nullable") is True or None in choices or "null" in entries(types),
            has_default="default" in schema,
            default=schema.get("default"),
            choices=tuple(choice for choice in choices if choice is not None),
            multiple_of=_positive(schema.get("multipleOf")),
            min_length=_count(schema.get("minLength")),
            max_length=_count(schema.get("maxLength")),
            min_items=_count(schema.get("minItems")),
            max_items=_count(schema.get("maxItems")),
            item=self.field("", item, depth=depth + 1) if "array" in kinds and isinstance(item, dict) else None,
            properties=self.properties(schema, depth) if "object" in kinds else (),
            others=self.field("", others, depth=depth + 1) if isinstance(others, dict) and others else None,
            title=_text(schema.get("title")),
            description=_text(schema.get("description")),
        )
        return _bounded(field, schema)._replace(is_media=_is_media(field, schema))


def _is_null(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "null" or schema.get("enum") == [None]


def _united(found: list[Field]) -> Field:
    """Alternatives as one field that sums them up."""
    kinds = tuple(dict.fromkeys(kind for field in found for kind in field.kinds))
    first = found[0]
    return Field(
        first.name,
        kinds if all(field.kinds for field in found) else (),
        is_required=first.is_required,
        is_nullable=any(field.is_nullable for field in found),
        is_media=any(field.is_media for field in found),
        has_default=first.has_default,
        default=first.default,
        choices=tuple(choice for field in found for choice in field.choices),
        item=next((field.item for field in found if field.item), None),
        properties=next((field.properties for field in found if field.properties), ()),
        others=next((field.others for field in found if field.others), None),
        alternatives=tuple(found),
        title=first.title,
        description=first.description,
    )


def _kinds(schema: Mapping[str, Any], choices: tuple[Any, ...]) -> tuple[str, ...]:
    """The types that are named; without any, those that the rest of the schema is about."""
    named = schema.get("type")
    if named is not None:
        kinds = [kind for kind in (named if isinstance(named, list) else [named]) if kind != "null"]
        return tuple(dict.fromkeys(kinds)) if all(kind in _KINDS for kind in kinds) else ()
    if choices:
        return tuple(dict.fromkeys(kind_of(choice) for choice in choices if choice is not None))
    if "properties" in schema:
        return ("object",)
    return ("array",) if "items" in schema else ()


def _bounded(field: Field, schema: Mapping[str, Any]) -> Field:
    """The field with its range. An integer above 0 is one of 1 and more."""
    low, high = _number(schema.get("minimum")), _number(schema.get("maximum"))
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is True:  # OpenAPI 3.0 says whether, 3.1 says which
        low, above = None, low
    if below is True:
        high, below = None, high
    above, below = _number(above), _number(below)
    if field.kinds == ("integer",):
        low = _closer(low, None if above is None else math.floor(above) + 1, max)
        high = _closer(high, None if below is None else math.ceil(below) - 1, min)
        above = below = None
    return field._replace(minimum=low, maximum=high, exclusive_minimum=above, exclusive_maximum=below)


def _closer(one: Number | None, other: Number | None, choose: Any) -> Number | None:
    given = [bound for bound in (one, other) if bound is not None]
    found: Number | None = choose(given) if given else None
    return found


def _is_media(field: Field, schema: Mapping[str, Any]) -> bool:
    """Whether it takes the URL of a file: so said for its form on the web, or by its name (wire §11.3)."""
    takes_urls = "string" in field.kinds or (field.item is not None and "string" in field.item.kinds)
    ui = [members(part).get("field") for part in (schema.get("ui"), members(schema.get("items")).get("ui"))]
    return takes_urls and (any(one in _MEDIA_FIELDS for one in ui) or field.name.endswith(_MEDIA_NAMES))


def _number(value: Any) -> Number | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _positive(value: Any) -> Number | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
