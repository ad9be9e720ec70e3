"""Whatever a document says and whatever an input holds: nothing here ever raises."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.schema import Schema, find, problems, read, typed, undocumented
from fal_cli.schema.facts import facts
from fal_cli.schema.report import lines
from fal_cli.terminal import schema_table as drawing
from fal_cli.terminal.cells import cells
from tests.support.full_run import FULL

EXAMPLES = 400 if FULL else 80

KEYWORDS = ("type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "default",
            "minimum", "maximum", "exclusiveMinimum", "multipleOf", "minLength", "maxItems", "nullable", "ui",
            "additionalProperties", "x-fal-order-properties", "title", "description")  # fmt: skip
KEYS = st.sampled_from(["a", "b", "image_url", "loras", "prompt"]) | st.text(max_size=5)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null", "file"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)
REFERENCES = st.sampled_from(["A", "B"]).map(lambda name: {"$ref": f"#/components/schemas/{name}"})
BOUNDS = st.integers(-9, 9) | st.floats() | st.booleans()


def nodes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas that mostly make sense, and now and then hold anything under a keyword."""
    sensible = st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, max_size=2),
            "properties": st.dictionaries(KEYS, inner, max_size=3),
            "required": st.lists(KEYS, max_size=2),
            "items": inner,
            "enum": st.lists(SCALARS, max_size=3),
            "anyOf": st.lists(inner, max_size=3),
            "allOf": st.lists(inner, max_size=2),
            "additionalProperties": inner,
            "minimum": BOUNDS,
            "maximum": BOUNDS,
            "exclusiveMinimum": BOUNDS,
            "multipleOf": BOUNDS,
            "minLength": BOUNDS,
            "maxItems": BOUNDS,
            "default": ANY_JSON,
            "description": st.text(max_size=30),
        },
    )
    return sensible | REFERENCES | st.dictionaries(st.sampled_from(KEYWORDS), ANY_JSON, max_size=4)


SCHEMAS = st.recursive(ANY_JSON | REFERENCES, nodes, max_leaves=8)


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """A document around such schemas."""
    body = {"content": {"application/json": {"schema": draw(SCHEMAS)}}}
    components = {"schemas": {"A": draw(SCHEMAS), "B": draw(SCHEMAS)}}
    return {
        "paths": {
            "/a/b": {"post": {"requestBody": body}},
            "/a/b/requests/{request_id}": {"get": {"responses": {"200": body}}},
        },
        "components": components,
    }


def schema_of(document: Any) -> Schema:
    return read(document, "a/b")


@settings(max_examples=EXAMPLES, deadline=None)
@given(documents() | ANY_JSON, ANY_JSON)
def test_reading_and_checking(document: Any, value: Any) -> None:
    schema = schema_of(document)
    for line in lines(problems(schema, value)):
        assert isinstance(line, str)
    undocumented(schema, value)
    for field in (*schema.inputs, *schema.outputs):
        json.dumps(facts(field))
        problems(Schema((field,)), {field.name: value})


@settings(max_examples=EXAMPLES, deadline=None)
@given(documents(), st.text(max_size=12) | st.sampled_from(["1", "true", "null", "[1]", '{"a":1}', "1e9", "[", "-0"]))
def test_typing(document: Any, text: str) -> None:
    schema = schema_of(document)
    for field in schema.inputs:
        value = typed(field, text)
        json.dumps(value)
        if field.kinds == ("string",) and not field.choices:
            assert value == text
        find(schema, [field.name, text, "0", ""])


@settings(max_examples=EXAMPLES, deadline=None)
@given(documents(), st.integers(20, 120), st.booleans())
def test_drawing(document: Any, width: int, color: bool) -> None:
    shown = drawing.lines(schema_of(document), width=width, color=False)
    assert all(cells(line) <= width or len(line.split()) == 1 for line in shown)
    assert all("\n" not in line for line in shown)
    drawing.lines(schema_of(document), width=width, color=color)
    drawing.help_lines(schema_of(document), "a/b", width=width)
