"""A filled template passes the check, whatever the document."""

import json

import pytest

from fal_cli.schema import problems, read
from fal_cli.schema.sample import placeholders, sample
from tests.support.catalogue_server import DOCUMENTS, document

ROUTES = {"flux_dev": "fal-ai/flux/dev", "any_llm": "fal-ai/any-llm", "video_upscaler": "fal-ai/video-upscaler"}


@pytest.mark.parametrize("name", sorted(path.stem for path in DOCUMENTS.glob("*.json")))
def test_it_passes_the_check(name: str) -> None:
    schema = read(document(name), ROUTES.get(name, "/"))
    filled = sample(schema)
    assert problems(schema, filled) == []
    assert {field.name for field in schema.inputs if field.is_required} <= set(filled)
    assert json.loads(json.dumps(filled)) == filled


def test_what_has_a_value_of_its_own_has_it() -> None:
    schema = read(document("flux_dev"), "fal-ai/flux/dev")
    filled = sample(schema)
    defaults = {field.name: field.default for field in schema.inputs if field.default is not None}
    assert {name: filled[name] for name in defaults} == defaults


def made(**properties: object) -> dict[str, object]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    content = {"application/json": {"schema": schema}}
    found = read({"openapi": "3.0.4", "paths": {"/": {"post": {"requestBody": {"content": content}}}}}, "/")
    filled = sample(found)
    assert problems(found, filled) == []
    return filled


def test_ranges_lengths_and_lists() -> None:
    filled = made(
        least={"type": "integer", "minimum": 64, "multipleOf": 48},
        below={"type": "number", "exclusiveMaximum": 0},
        above={"type": "number", "exclusiveMinimum": 5, "maximum": 5.5},
        long={"type": "string", "minLength": 40},
        short={"type": "string", "maxLength": 3},
        several={"type": "array", "minItems": 3, "items": {"type": "integer", "minimum": 7}},
        choice={"type": "string", "enum": ["a", "b"]},
        either={"anyOf": [{"type": "null"}, {"type": "object", "properties": {"w": {"type": "integer"}}}]},
    )
    assert filled["least"] == 96
    assert filled["several"] == [7, 7, 7]
    assert filled["choice"] == "a"


def test_files_are_told() -> None:
    filled = made(image_url={"type": "string"}, prompt={"type": "string"})
    assert placeholders(filled) == ["image_url"]
