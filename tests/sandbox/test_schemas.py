"""The document of a model and what it does with its inputs say the same (§11.3)."""

import base64
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from fal_cli.sandbox.models import Answer, Refusal, Task
from fal_cli.sandbox.models.known import MODELS
from tests.support.sandbox_client import Client
from tests.support.schema_rules import Rules

DEV, SCHNELL, ESRGAN, ECHO = "fal-ai/flux/dev", "fal-ai/flux/schnell", "fal-ai/esrgan", "sandbox/echo"
DONE = {"queue": 0, "run": 0}
TASK = Task(seed=1, run=0.0, nsfw=False, read_file=lambda file_id: None)
NAMES = {
    DEV: "FluxDev", SCHNELL: "FluxSchnell", ESRGAN: "Esrgan", "fal-ai/any-llm": "AnyLlm",
    "fal-ai/fast-lcm-diffusion": "FastLcmDiffusion", ECHO: "Echo",
    "sandbox/realtime/server-streaming": "RealtimeServerStreaming",
    "sandbox/realtime/client-streaming": "RealtimeClientStreaming",
}  # fmt: skip
# What answers whatever it is given.
ECHOES = [endpoint for endpoint, model in MODELS.items() if model.module == "echo"]
# Values of all kinds, beside those at the limits of each schema.
VALUES: list[Any] = [
    None, True, False, 0, 1, 2, -1, 1.0, 1.5, 2.0**53, 10**30, "", " ", "word", "2", "1.5", "true", "yes",
    [], [1], ["word"], {}, {"width": 5}, {"url": "x"},
]  # fmt: skip


def picture(width: int = 3, height: int = 2) -> str:
    buffer = BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


GOOD: dict[str, dict[str, Any]] = {endpoint: {"prompt": "x"} for endpoint in MODELS} | {
    ESRGAN: {"image_url": picture()},
    "sandbox/speech": {"text": "x"},
}


@pytest.fixture(scope="module")
def documents(client: Client) -> dict[str, dict[str, Any]]:
    models = client.models({"expand": "openapi-3.0"}).json()["models"]
    return {model["endpoint_id"]: model["openapi"] for model in models}


def taken(document: Mapping[str, Any], endpoint: str) -> Mapping[str, Any]:
    """The input's schema, found as a client finds it."""
    body = document["paths"][f"/{endpoint}"]["post"]["requestBody"]
    return Rules(document).resolve(body["content"]["application/json"]["schema"])


def given(document: Mapping[str, Any], endpoint: str) -> Mapping[str, Any]:
    answer = document["paths"][f"/{endpoint}/requests/{{request_id}}"]["get"]["responses"]["200"]
    return Rules(document).resolve(answer["content"]["application/json"]["schema"])


def answer(endpoint: str, payload: Any) -> Answer:
    return MODELS[endpoint].load().answer(endpoint, payload, TASK)


def refusals(endpoint: str, payload: Any) -> list[dict[str, Any]]:
    """What the model has against an input."""
    try:
        answer(endpoint, payload)
    except Refusal as refusal:
        return refusal.entries
    return []


def limits(rules: Rules, schema: Mapping[str, Any]) -> Iterator[Any]:
    """Values on both sides of whatever a schema limits."""
    schema = rules.resolve(schema)
    for one in schema.get("anyOf", []):
        yield from limits(rules, one)
    yield from schema.get("enum", [])
    for word in ("minimum", "maximum", "exclusiveMinimum"):
        if word in schema:
            yield from (schema[word] + step for step in (-1, -0.001, 0, 0.001, 1))
    for name, inner in schema.get("properties", {}).items():
        yield from ({name: value} for value in [*VALUES, *limits(rules, inner)])


def conversions(value: Any) -> list[Any]:
    """What a web framework's validator makes of a value of the wrong type."""
    if isinstance(value, bool):
        return [int(value)]
    if isinstance(value, dict):
        return [{name: other for name, inner in value.items() for other in conversions(inner)}]
    words = {"true": True, "yes": True, 1: True, 0: False}
    found = [words[value]] if isinstance(value, str | int | float) and value in words else []
    if isinstance(value, str) and value.replace(".", "").isdigit():
        found += [float(value)]
    return found


@pytest.mark.parametrize("endpoint", MODELS)
def test_what_the_document_allows_is_taken(documents: dict[str, Any], endpoint: str) -> None:
    document = documents[endpoint]
    rules, schema = Rules(document), taken(document, endpoint)
    count = 0
    for name, inner in schema.get("properties", {}).items():
        for value in [*VALUES, *limits(rules, inner)]:
            payload = {**GOOD[endpoint], name: value}
            entries = refusals(endpoint, payload)
            if name == "image_url" and isinstance(value, str) and value != GOOD[ESRGAN]["image_url"]:
                assert entries[0]["type"] in ("file_download_error", "image_load_error")  # no schema could say that
            elif rules.allows(schema, payload):
                assert entries == [], f"{name}={value!r} is documented, but refused: {entries}"
                count += 1
            elif entries == []:
                others = [{**payload, name: other} for other in conversions(value)]
                assert any(rules.allows(schema, other) for other in others), f"{name}={value!r} is undocumented"
            else:
                assert {entry["loc"][1] for entry in entries} == {name}
    assert count > 5 or endpoint in (*ECHOES, ESRGAN, "sandbox/speech", "sandbox/unpriced")


@pytest.mark.parametrize("endpoint", MODELS)
@pytest.mark.parametrize("payload", [{}, [], "x", None, 3, {"unknown": {"a": [None]}}])
def test_the_whole_input(documents: dict[str, Any], endpoint: str, payload: Any) -> None:
    rules = Rules(documents[endpoint])
    assert rules.allows(taken(documents[endpoint], endpoint), payload) == (refusals(endpoint, payload) == [])


@pytest.mark.parametrize("endpoint", MODELS)
def test_each_required_input_alone(documents: dict[str, Any], endpoint: str) -> None:
    required = taken(documents[endpoint], endpoint).get("required", [])
    assert sorted(required) == sorted(GOOD[endpoint] if endpoint not in ECHOES else [])
    for name in required:
        payload = {key: value for key, value in GOOD[endpoint].items() if key != name}
        (entry,) = refusals(endpoint, payload)
        assert (entry["loc"], entry["type"]) == (["body", name], "missing")


@pytest.mark.parametrize("endpoint", MODELS)
def test_defaults_change_nothing(documents: dict[str, Any], endpoint: str) -> None:
    properties = taken(documents[endpoint], endpoint).get("properties", {})
    defaults = {name: inner["default"] for name, inner in properties.items() if "default" in inner}
    assert set(defaults) == set(properties) - set(GOOD[endpoint])
    plain, spelt = answer(endpoint, GOOD[endpoint]), answer(endpoint, {**GOOD[endpoint], **defaults})
    for one in (plain, spelt):
        _forget_names(one.body)
    assert (plain.body, plain.billable_units, plain.steps) == (spelt.body, spelt.billable_units, spelt.steps)
    assert [media.recipe for media in plain.media] == [media.recipe for media in spelt.media]


def _forget_names(value: Any) -> None:
    """Names of files are made up anew each time."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _forget_names(inner)
    if isinstance(value, dict):
        value.pop("file_name", None)


def violations(rules: Rules, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """For each constraint of an input its place, a value that breaks it, and the error that this has to be."""
    for name, inner in schema.get("properties", {}).items():
        yield from ((name, value, kind) for value, kind in _broken(rules, inner))


def _broken(rules: Rules, schema: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    schema = rules.resolve(schema)
    for one in schema.get("anyOf", []):
        yield from ((value, kind) for value, kind in _broken(rules, one) if not rules.allows(schema, value))
    if "enum" in schema:
        yield "none of these", "literal_error"
    elif "type" in schema:
        kinds = {
            "string": "string_type", "integer": "int_type", "number": "float_type", "boolean": "bool_type",
            "object": "model_type",
        }  # fmt: skip
        if schema["type"] in kinds:
            yield [], kinds[schema["type"]]
    if schema.get("type") == "integer":
        yield 1.5, "int_from_float"
    if "minimum" in schema:
        yield schema["minimum"] - 1, "greater_than_equal"
    if "maximum" in schema:
        yield schema["maximum"] + 1, "less_than_equal"
    if "exclusiveMinimum" in schema:
        yield schema["exclusiveMinimum"], "greater_than"
    if "minLength" in schema:
        yield "x" * (schema["minLength"] - 1), "string_too_short"
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1), "string_too_long"
    for name, inner in schema.get("properties", {}).items():
        yield from (({name: value}, kind) for value, kind in _broken(rules, inner))


@pytest.mark.parametrize("endpoint", [endpoint for endpoint in MODELS if endpoint not in ECHOES])
def test_each_constraint_is_a_422_at_the_result(client: Client, documents: dict[str, Any], endpoint: str) -> None:
    rules, schema = Rules(documents[endpoint]), taken(documents[endpoint], endpoint)
    app = "/".join(endpoint.split("/")[:2])
    found = list(violations(rules, schema))
    assert {name for name, _, _ in found} == set(schema["properties"])
    for name, value, kind in found:
        payload = {**GOOD[endpoint], name: value}
        assert not rules.allows(schema, payload)
        request_id = client.submit(endpoint, {**payload, "sandbox": DONE})
        result = client.ask(app, request_id)
        entries = result.json()["detail"]
        assert result.status_code == 422, f"{name}={value!r}"
        assert {entry["loc"][1] for entry in entries} == {name}
        assert kind in [entry["type"] for entry in entries], f"{name}={value!r}: {entries}"


def test_flux_dev_has_all_its_constraints(documents: dict[str, Any]) -> None:
    schema = taken(documents[DEV], DEV)
    kinds = [kind for _, _, kind in violations(Rules(documents[DEV]), schema)]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "bool_type": 2, "float_type": 1, "greater_than": 2, "greater_than_equal": 3, "int_from_float": 5, "int_type": 5,
        "less_than_equal": 5, "literal_error": 3, "model_type": 1, "string_type": 1,
    }  # fmt: skip


@pytest.mark.parametrize("endpoint", MODELS)
def test_results_are_as_documented(client: Client, documents: dict[str, Any], endpoint: str) -> None:
    document = documents[endpoint]
    rules, schema = Rules(document), given(document, endpoint)
    for more in ({}, {"sync_mode": True}):
        result = client.run(endpoint, {**GOOD[endpoint], **more, "sandbox": {"run": 0}}).json()
        assert rules.allows(schema, result)
        assert list(rules.unknown(schema, result)) == []
        assert not rules.allows(schema, {}) or endpoint in ECHOES


def test_size_limit_of_images() -> None:
    entries = refusals(ESRGAN, {"image_url": picture(4097, 1), "scale": 1})
    assert [entry["type"] for entry in entries] == ["image_too_large"]
    assert refusals(ESRGAN, {"image_url": picture(4096, 1), "scale": 1}) == []


def test_media_inputs_are_marked(documents: dict[str, Any]) -> None:
    marked = {
        (endpoint, name): (inner["ui"], inner["x-fal"])
        for endpoint, document in documents.items()
        for name, inner in taken(document, endpoint).get("properties", {}).items()
        if "ui" in inner
    }
    assert marked == {(ESRGAN, "image_url"): ({"field": "image"}, {"max_width": 4096, "max_height": 4096})}


def test_order_and_descriptions(documents: dict[str, Any]) -> None:
    assert taken(documents[DEV], DEV)["x-fal-order-properties"] == [
        "prompt", "image_size", "num_inference_steps", "seed", "guidance_scale", "num_images",
        "enable_safety_checker", "output_format", "sync_mode", "acceleration",
    ]  # fmt: skip
    for endpoint, document in documents.items():
        for name, schema in document["components"]["schemas"].items():
            properties = schema.get("properties", {})
            if name != "QueueStatus":
                assert list(properties) == schema.get("x-fal-order-properties", [])
                assert schema["description"]
            for key, inner in properties.items():
                inner = Rules(document).resolve(inner)
                assert inner.get("description") or (name, key) == ("QueueStatus", "status"), (endpoint, name, key)


@pytest.mark.parametrize("endpoint", MODELS)
def test_document(client: Client, documents: dict[str, Any], endpoint: str) -> None:
    document = documents[endpoint]
    name = NAMES.get(endpoint) or "".join(word.title() for word in endpoint.split("/")[1:])
    assert set(document) == {"openapi", "info", "components", "paths", "servers", "security"}
    assert document["openapi"] == "3.0.4"
    assert document["info"]["title"] == f"Queue OpenAPI for {endpoint}"
    assert document["info"]["x-fal-metadata"]["endpointId"] == endpoint
    assert document["servers"] == [{"url": client.addresses.queue}]
    assert document["security"] == [{"apiKeyAuth": []}]
    scheme = document["components"]["securitySchemes"]["apiKeyAuth"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "Authorization")
    one = f"/{endpoint}/requests/{{request_id}}"
    methods = {path: list(operations) for path, operations in document["paths"].items()}
    sockets = {f"/{endpoint}/realtime": ["x-fal-protocol"]} if MODELS[endpoint].realtime else {}
    assert methods == {
        f"{one}/status": ["get"], f"{one}/cancel": ["put"], f"/{endpoint}": ["post"], one: ["get"], **sockets,
    }  # fmt: skip
    schemas = document["components"]["schemas"]
    assert {"QueueStatus", f"{name}Input", f"{name}Output"} <= set(schemas)
    assert taken(document, endpoint) is schemas[f"{name}Input"]
    assert given(document, endpoint) is schemas[f"{name}Output"]
    assert set(_references(document)) == {f"#/components/schemas/{name}" for name in schemas}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and "$ref" in value:
        yield value["$ref"]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    for one in inner:
        yield from _references(one)


def test_image_size(documents: dict[str, Any]) -> None:
    size = taken(documents[DEV], DEV)["properties"]["image_size"]
    object_, words = size["anyOf"]
    assert object_ == {"$ref": "#/components/schemas/ImageSize"}
    assert words["enum"][0] == "square_hd"
    assert size["default"] == "landscape_4_3"


def test_the_echo_takes_anything(documents: dict[str, Any]) -> None:
    schema = taken(documents[ECHO], ECHO)
    assert (schema["type"], schema["additionalProperties"]) == ("object", True)


def test_the_echo_under_other_paths(client: Client) -> None:
    endpoint = "workflows/sandbox/echo/a-b/c.d"
    (model,) = client.models({"endpoint_id": endpoint, "expand": "openapi-3.0"}).json()["models"]
    assert "EchoABCDInput" in model["openapi"]["components"]["schemas"]
    assert taken(model["openapi"], endpoint)["additionalProperties"] is True
