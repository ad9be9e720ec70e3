"""JSON Schema as far as the sandbox's documents use it, read without the library that wrote them."""

from collections.abc import Iterator, Mapping
from typing import Any

ANNOTATIONS = {"title", "description", "default", "ui", "x-fal", "x-fal-order-properties"}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "array": (list,), "object": (dict,), "null": (type(None),),
    "number": (int, float), "integer": (int, float),
}  # fmt: skip


class Rules:
    """The schemas of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.components: dict[str, Any] = document["components"]["schemas"]

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        assert set(schema) <= {"$ref"} | ANNOTATIONS
        return self.resolve(self.components[schema["$ref"].removeprefix("#/components/schemas/")])

    def allows(self, schema: Mapping[str, Any], value: Any) -> bool:
        """Whether a value is as the schema wants it. Fails for a word that it does not know."""
        schema = self.resolve(schema)
        return all(self._holds(word, wanted, schema, value) for word, wanted in schema.items())

    def unknown(self, schema: Mapping[str, Any], value: Any, path: str = "") -> Iterator[str]:
        """The places of a value that the schema does not tell of."""
        schema = self.resolve(schema)
        for one in schema.get("anyOf", []):
            if self.allows(one, value):
                schema = self.resolve(one)
        if isinstance(value, list):
            for index, inner in enumerate(value):
                yield from self.unknown(schema["items"], inner, f"{path}.{index}")
        elif isinstance(value, dict) and "additionalProperties" not in schema:
            for name, inner in value.items():
                if name in schema["properties"]:
                    yield from self.unknown(schema["properties"][name], inner, f"{path}.{name}")
                else:
                    yield f"{path}.{name}"

    def _holds(self, word: str, wanted: Any, schema: Mapping[str, Any], value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if word == "type":
            return _is_of(wanted, value)
        if word == "enum":
            return value in wanted
        if word == "anyOf":
            return any(self.allows(one, value) for one in wanted)
        if word == "minimum":
            return not is_number or value >= wanted
        if word == "maximum":
            return not is_number or value <= wanted
        if word == "exclusiveMinimum":
            return not is_number or value > wanted
        if word == "minLength":
            return not isinstance(value, str) or len(value) >= wanted
        if word == "maxLength":
            return not isinstance(value, str) or len(value) <= wanted
        if word == "items":
            return not isinstance(value, list) or all(self.allows(wanted, inner) for inner in value)
        if word == "required":
            return not isinstance(value, dict) or set(wanted) <= set(value)
        if word == "properties":
            given = value if isinstance(value, dict) else {}
            return all(self.allows(one, given[name]) for name, one in wanted.items() if name in given)
        if word == "additionalProperties":
            given = value if isinstance(value, dict) and wanted is not True else {}
            known = schema.get("properties", {})
            return all(self.allows(wanted, inner) for name, inner in given.items() if name not in known)
        assert word in ANNOTATIONS, f"a word that no test understands: {word}"
        return True


def _is_of(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    is_whole = name != "integer" or not isinstance(value, float) or value.is_integer()
    return isinstance(value, _TYPES[name]) and is_whole
