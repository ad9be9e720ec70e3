"""OpenAPI documents into fields: recorded ones whole, then each construct by itself."""

from typing import Any

import pytest

from fal_cli.schema import Field, Schema, find, read
from fal_cli.schema.fields import required_first
from tests.support.catalogue_server import document

INPUT = {"type": "object", "properties": {"a": {"type": "string"}}}


def schema_of(name: str, endpoint: str) -> Schema:
    return read(document(name), endpoint)


def names(fields: tuple[Field, ...]) -> list[str]:
    return [field.name for field in fields]


def one(node: Any, name: str = "x", **components: Any) -> Field:
    """The field that one property's schema makes."""
    body = {"content": {"application/json": {"schema": {"properties": {name: node}}}}}
    found = read({"paths": {"/a/b": {"post": {"requestBody": body}}}, "components": {"schemas": components}}, "a/b")
    return found.inputs[0]


class TestARecordedDocument:
    flux = schema_of("flux_dev", "fal-ai/flux/dev")

    def test_inputs_stand_in_the_models_own_order(self) -> None:
        order = document("flux_dev")["components"]["schemas"]["FluxDevInput"]["x-fal-order-properties"]
        assert names(self.flux.inputs) == order

    def test_outputs_are_those_of_the_result_and_not_of_the_queue(self) -> None:
        assert names(self.flux.outputs) == ["images", "timings", "seed", "has_nsfw_concepts", "prompt"]
        images = self.flux.outputs[0]
        assert images.item is not None
        assert images.item.is_file

    @pytest.mark.parametrize(
        ("path", "facts"),
        [
            ("prompt", {"kinds": ("string",), "is_required": True, "has_default": False}),
            ("num_images", {"kinds": ("integer",), "minimum": 1, "maximum": 4, "default": 1, "is_required": False}),
            ("seed", {"kinds": ("integer",), "is_nullable": True, "alternatives": ()}),
            ("guidance_scale", {"kinds": ("number",), "minimum": 1, "maximum": 20, "default": 3.5}),
            ("output_format", {"choices": ("jpeg", "png"), "default": "jpeg"}),
            ("acceleration", {"kinds": ("string",), "choices": ("none", "regular", "high"), "default": "none"}),
            ("image_size", {"kinds": ("object", "string"), "default": "landscape_4_3"}),
            ("image_size.width", {"kinds": ("integer",), "minimum": 1, "maximum": 14142, "exclusive_minimum": None}),
            ("loras", {"kinds": ("array",), "max_items": 3, "default": [], "has_default": True}),
            ("loras.0.path", {"kinds": ("string",), "is_required": True}),
            ("loras..scale", {"kinds": ("number",), "minimum": 0, "maximum": 4}),
            ("image_url", {"is_media": True, "is_nullable": True, "kinds": ("string",)}),
        ],
    )
    def test_what_is_said_of_an_input(self, path: str, facts: dict[str, Any]) -> None:
        field = find(self.flux, path.split("."))
        assert field is not None
        assert {name: getattr(field, name) for name in facts} == facts

    def test_alternatives_keep_what_is_said_of_each(self) -> None:
        size = find(self.flux, ["image_size"])
        assert size is not None
        as_object, as_text = size.alternatives
        assert names(as_object.properties) == ["width", "height"]
        assert as_text.choices == size.choices == (
            "square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9",
        )  # fmt: skip

    @pytest.mark.parametrize("path", ["nothing", "prompt.x", "loras.x", "loras.0.nothing", "image_size.0", ""])
    def test_a_path_that_leads_nowhere(self, path: str) -> None:
        assert find(self.flux, path.split(".")) is None

    def test_required_ones_come_first_for_display(self) -> None:
        fields = required_first((Field("a"), Field("b", is_required=True), Field("c"), Field("d", is_required=True)))
        assert [field.name for field in fields] == ["b", "d", "a", "c"]


def test_all_the_ways_to_say_that_it_may_be_null() -> None:
    chat = schema_of("any_llm", "fal-ai/any-llm")
    for name, kinds in (("system_prompt", ("string",)), ("temperature", ("number",)), ("max_tokens", ("integer",))):
        field = find(chat, [name])
        assert field is not None
        assert (field.kinds, field.is_nullable) == (kinds, True)


def test_merged_and_referenced_objects() -> None:
    video = schema_of("video_upscaler", "fal-ai/video-upscaler")
    crop = find(video, ["crop"])
    assert crop is not None
    assert names(crop.properties) == ["left", "top", "mode", "keep"]
    assert [part.is_required for part in crop.properties] == [True, False, False, False]
    assert crop.default == {"left": 0, "top": 0, "mode": "centre", "keep": True}
    assert find(video, ["crop", "mode"]) == Field("mode", ("string",), choices=("centre",))


def test_openapi_3_0_says_whether_a_bound_is_exclusive() -> None:
    factor = find(schema_of("video_upscaler", "fal-ai/video-upscaler"), ["upscale_factor"])
    assert factor is not None
    assert (factor.minimum, factor.exclusive_minimum, factor.maximum) == (None, 1, 4)


class TestAnAppOfItsAuthor:
    def test_the_root(self) -> None:
        sky = schema_of("local_app", "/")
        assert names(sky.inputs) == ["colour", "clouds", "layer", "anything"]
        assert names(sky.outputs) == ["image"]

    def test_another_route(self) -> None:
        assert names(schema_of("local_app", "/stars").inputs) == ["count"]

    def test_a_route_that_it_has_not(self) -> None:
        assert schema_of("local_app", "/moon").inputs == schema_of("local_app", "/").inputs  # the only one named Input

    def test_what_refers_to_itself_ends_somewhere(self) -> None:
        field = find(schema_of("local_app", "/"), ["layer", *["inner"] * 3, "name"])
        assert field is not None
        assert field.kinds == ("string",)
        assert find(schema_of("local_app", "/"), ["layer", *["inner"] * 30]) is None


class TestWhereTheSchemaIs:
    def body(self, schema: Any) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": schema}}}

    def test_the_only_route_of_a_document_stands_for_any_name(self) -> None:
        paths = {"/other/name": {"post": {"requestBody": self.body(INPUT)}}}
        assert names(read({"paths": paths}, "a/b").inputs) == ["a"]

    def test_two_routes_stand_for_none(self) -> None:
        item = {"post": {"requestBody": self.body(INPUT)}}
        assert read({"paths": {"/one": item, "/two": item}}, "a/b") == Schema()

    def test_components_by_name_where_no_route_tells(self) -> None:
        output = {"properties": {"b": {"type": "string"}}}
        document = {"components": {"schemas": {"TheInput": INPUT, "TheOutput": output, "Other": {}}}}
        found = read(document, "a/b")
        assert (names(found.inputs), names(found.outputs)) == (["a"], ["b"])

    def test_components_that_could_both_be_meant(self) -> None:
        assert read({"components": {"schemas": {"AInput": INPUT, "BInput": INPUT}}}, "a/b") == Schema()

    def test_a_body_that_is_a_reference_and_another_content_type(self) -> None:
        body = {"content": {"application/vnd.a+json": {"schema": INPUT}}}
        document = {
            "paths": {"/a/b": {"post": {"requestBody": {"$ref": "#/components/requestBodies/in~1put"}}}},
            "components": {"requestBodies": {"in/put": body}},
        }
        assert names(read(document, "a/b").inputs) == ["a"]

    def test_an_answer_that_is_the_queues_own_is_no_output(self) -> None:
        answer = {"200": self.body({"$ref": "#/components/schemas/QueueStatus"})}
        status = {"properties": {"status": {}}}
        document = {
            "paths": {"/a/b": {"post": {"responses": answer}}},
            "components": {"schemas": {"QueueStatus": status}},
        }
        assert read(document, "a/b").outputs == ()

    @pytest.mark.parametrize("document", [None, [], {}, "x", {"paths": []}, {"paths": {"/a/b": {"post": None}}}])
    def test_a_document_that_says_nothing(self, document: Any) -> None:
        assert read(document, "a/b") == Schema()


@pytest.mark.parametrize(
    ("node", "kinds"),
    [
        pytest.param({}, (), id="nothing"),
        pytest.param(True, (), id="true"),
        pytest.param({"type": "file"}, (), id="unknown-type"),
        pytest.param({"type": ["string", "file"]}, (), id="one-unknown-type"),
        pytest.param({"type": ["string", "integer"]}, ("string", "integer"), id="two-types"),
        pytest.param({"type": "null"}, (), id="null-alone"),
        pytest.param({"enum": [1, 2]}, ("integer",), id="types-of-choices"),
        pytest.param({"enum": ["a", 2.5, None]}, ("string", "number"), id="types-of-mixed-choices"),
        pytest.param({"const": True}, ("boolean",), id="const"),
        pytest.param({"properties": {}}, ("object",), id="properties"),
        pytest.param({"items": {}}, ("array",), id="items"),
        pytest.param({"$ref": "#/components/schemas/Gone"}, (), id="lost-reference"),
        pytest.param({"$ref": "https://elsewhere/x.json"}, (), id="foreign-reference"),
        pytest.param({"$ref": "#/components/schemas/Round"}, (), id="round-reference"),
        pytest.param({"anyOf": [{"type": "string"}, {}]}, (), id="or-anything"),
        pytest.param({"anyOf": [{"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "integer"}]},
                     ("string", "integer"), id="nested-alternatives"),
        pytest.param({"anyOf": "x", "oneOf": [{"type": "string"}]}, ("string",), id="nonsense-beside"),
    ],
)  # fmt: skip
def test_types(node: Any, kinds: tuple[str, ...]) -> None:
    assert one(node, Round={"$ref": "#/components/schemas/Round"}).kinds == kinds


@pytest.mark.parametrize(
    ("node", "name", "is_media"),
    [
        pytest.param({"type": "string"}, "image_url", True, id="name"),
        pytest.param({"type": "array", "items": {"type": "string"}}, "image_urls", True, id="names"),
        pytest.param({"type": "string", "ui": {"field": "audio"}}, "voice", True, id="form"),
        pytest.param(
            {"anyOf": [{"type": "string"}, {"type": "null"}], "ui": {"field": "file"}}, "x", True, id="or-null"
        ),
        pytest.param({"type": "array", "items": {"type": "string", "ui": {"field": "image"}}}, "x", True, id="item"),
        pytest.param({"type": "string", "ui": {"field": "textarea"}}, "x", False, id="other-form"),
        pytest.param({"type": "integer"}, "number_url", False, id="no-text"),
        pytest.param({"type": "string"}, "prompt", False, id="text"),
    ],
)
def test_files(node: Any, name: str, is_media: bool) -> None:
    assert one(node, name).is_media is is_media


def test_what_stands_beside_alternatives_counts_for_each() -> None:
    field = one({"type": "object", "properties": {"a": {}}, "description": "d", "anyOf": [{"required": ["a"]}, {}]})
    assert [shape.properties[0].is_required for shape in field.alternatives] == [True, False]
    assert field.description == "d"


@pytest.mark.parametrize("bound", [float("nan"), float("inf"), True, "3", None, 10**400])
def test_a_bound_that_is_none(bound: Any) -> None:
    field = one({"type": "number", "minimum": bound, "maxLength": bound, "multipleOf": bound})
    assert field.max_length in (None, 10**400)
    assert field.minimum in (None, 10**400)


def test_a_document_that_would_take_forever_is_cut_short() -> None:
    wide = {f"p{number}": {"$ref": "#/components/schemas/Wide"} for number in range(50)}
    field = one({"$ref": "#/components/schemas/Wide"}, Wide={"properties": wide})
    assert len(field.properties) == 50
    twice = {f"T{n}": {"allOf": [{"$ref": f"#/components/schemas/T{n + 1}"}] * 2} for n in range(60)}
    assert one({"$ref": "#/components/schemas/T0"}, **twice).kinds == ()
