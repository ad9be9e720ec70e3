"""An OpenAPI document into fields. What is not understood, or is too much, becomes a field that takes anything."""

import math
from collections.abc import Mapping
from typing import Any

from fal_cli.schema.document import Document, entries, members
from fal_cli.schema.fields import Field, Number, Schema, kind_of
from fal_cli.schema.files import takes_url

_KINDS = ("string", "integer", "number", "boolean", "array", "object")
_ANNOTATIONS = ("title", "description", "default", "example", "examples", "ui")
_MOST_FIELDS = 3000
_MOST_NAMES = 10_000
_MOST_CHOICES = 2000
_MOST_ALTERNATIVES = 64
_MOST_TYPES = 20
_MOST_EXAMPLES = 20
_DEEPEST = 8
_ANYTHING = Field("")


def read(document: Any, endpoint: str) -> Schema:
    """The inputs and outputs of an endpoint, or of the app whose route is `endpoint` (`/`, `/path`).

    Never raises: of a document that says nothing of the endpoint the schema is empty. However large or tangled it is,
    reading takes a part of a second.
    """
    reader = _Reader(document)
    path = f"/{endpoint.strip('/')}"
    taken = reader.object(reader.document.input_schema(path))
    examples = (*taken.examples, *reader.document.input_examples(path)[:_MOST_EXAMPLES])
    given = reader.object(reader.document.output_schema(path))
    return Schema(taken.properties, given.properties, taken.others, examples, is_whole=not reader.document.is_cut)


class _Reader:
    """Reads one document. It stops at a depth and at a number of fields, since references may go round.

    Beyond that number only names are read, up to another.
    """

    def __init__(self, document: Any) -> None:
        self.document = Document(document)
        self._fields_left = _MOST_FIELDS

    def object(self, schema: Mapping[str, Any]) -> Field:
        """An object that stands alone, with its properties in the model's own order."""
        properties, others = self._properties(schema, 0)
        return Field("", ("object",), properties=properties, others=others, examples=_examples(schema))

    def field(self, name: str, node: Any, is_required: bool = False, depth: int = 0) -> Field:
        """What a schema says of the values under a name."""
        self._fields_left -= 1
        if depth > _DEEPEST or self._fields_left < 0:
            return Field(name, is_required=is_required)
        branches = self._branches(self.document.resolved(node), depth)
        if len(branches) > _MOST_ALTERNATIVES:
            return Field(name, is_required=is_required)
        real = [branch for branch in branches if not _is_null(branch)]
        found = [self._plain(name, branch, is_required, depth) for branch in real]
        found = found or [Field(name, is_required=is_required)]
        field = found[0] if len(found) == 1 else _united(found)
        return field._replace(is_nullable=field.is_nullable or len(real) < len(branches))

    def _properties(self, schema: Mapping[str, Any], depth: int) -> tuple[tuple[Field, ...], Field | None]:
        """The properties of an object in the model's own order, and what may stand under other names."""
        found = members(schema.get("properties"))
        required, ordered = entries(schema.get("required")), entries(schema.get("x-fal-order-properties"))
        if not self.document.spend(len(found) + len(required) + len(ordered)):
            return (), _ANYTHING
        needed = {name for name in required if isinstance(name, str)}
        names = dict.fromkeys(name for name in (*ordered, *found) if isinstance(name, str) and name in found)
        fields: list[Field] = []
        for name in names:
            if self._fields_left < -_MOST_NAMES:
                return tuple(fields), _ANYTHING
            fields.append(self.field(name, found[name], name in needed, depth + 1))
        return tuple(fields), self._others(schema.get("additionalProperties"), depth)

    def _others(self, node: Any, depth: int) -> Field | None:
        if node is True or node == {}:
            return _ANYTHING
        return self.field("", node, depth=depth + 1) if isinstance(node, dict) else None

    def _branches(self, schema: dict[str, Any], depth: int) -> list[dict[str, Any]]:
        """The alternatives of a schema, each with what is said beside them all; itself if there are none.

        Where there are too many, some more than are wanted.
        """
        branches = entries(schema.get("anyOf")) or entries(schema.get("oneOf"))
        if not branches or depth > _DEEPEST:
            return [schema]
        outer = {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf")}
        annotations = {name: outer[name] for name in _ANNOTATIONS if name in outer}
        found: list[dict[str, Any]] = []
        for branch in branches:
            whole = {**self.document.merged(outer, self.document.resolved(branch)), **annotations}
            found += self._branches(whole, depth + 1)
            if len(found) > _MOST_ALTERNATIVES:
                break
        return found

    def _plain(self, name: str, schema: dict[str, Any], is_required: bool, depth: int) -> Field:
        choices, has_null = self._choices(schema)
        kinds = _kinds(schema, choices)
        item = schema.get("items")
        properties, others = self._properties(schema, depth) if "object" in kinds else ((), None)
        field = Field(
            name,
            kinds,
            is_required=is_required,
            is_nullable=schema.get("nullable") is True or has_null or "null" in _types(schema),
            has_default="default" in schema,
            default=schema.get("default"),
            examples=_examples(schema),
            choices=choices,
            multiple_of=_positive(schema.get("multipleOf")),
            min_length=_count(schema.get("minLength")),
            max_length=_count(schema.get("maxLength")),
            format=_text(schema.get("format")),
            min_items=_count(schema.get("minItems")),
            max_items=None if schema.get("uniqueItems") is True else _count(schema.get("maxItems")),
            item=self.field("", item, depth=depth + 1) if "array" in kinds and isinstance(item, dict) else None,
            properties=properties,
            others=others,
            title=_text(schema.get("title")),
            description=_text(schema.get("description")),
        )
        return _of_files(_bounded(field, schema), schema)

    def _choices(self, schema: Mapping[str, Any]) -> tuple[tuple[Any, ...], bool]:
        """The values that a schema allows alone, and whether null is among them. Too many are not a list to keep to."""
        listed = entries(schema.get("enum")) or ([schema["const"]] if "const" in schema else [])
        if len(listed) > _MOST_CHOICES or not self.document.spend(len(listed)):
            return (), False
        return tuple(choice for choice in listed if choice is not None), None in listed


def _is_null(schema: Mapping[str, Any]) -> bool:
    is_only = schema.get("enum") == [None] or ("const" in schema and schema["const"] is None)
    return schema.get("type") == "null" or is_only


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
        examples=first.examples,
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
    if schema.get("type") is not None:
        kinds = [kind for kind in _types(schema) if kind != "null"]
        return tuple(dict.fromkeys(kinds)) if all(kind in _KINDS for kind in kinds) else ()
    if choices:
        return tuple(dict.fromkeys(kind_of(choice) for choice in choices if choice is not None))
    if "properties" in schema:
        return ("object",)
    return ("array",) if "items" in schema else ()


def _types(schema: Mapping[str, Any]) -> list[Any]:
    named = schema.get("type")
    return named[:_MOST_TYPES] if isinstance(named, list) else [named]


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


def _of_files(field: Field, schema: Mapping[str, Any]) -> Field:
    """The field, told whether its texts, or those of its list, are URLs of files."""
    item = field.item
    takes_texts = "string" in field.kinds or (item is not None and "string" in item.kinds)
    has_choices = bool(field.choices or (item is not None and item.choices))
    if not takes_texts or not takes_url(field.name, schema, has_choices=has_choices):
        return field
    inner = item._replace(is_media=True) if item is not None and "string" in item.kinds else item
    return field._replace(is_media=True, item=inner)


def _examples(schema: Mapping[str, Any]) -> tuple[Any, ...]:
    listed = entries(schema.get("examples"))[:_MOST_EXAMPLES]
    return (schema["example"], *listed) if "example" in schema else tuple(listed)


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
