"""The catalogue of models, estimates of costs, the account (§11.2)."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import requests
from PIL import Image

from fal_cli.sandbox.models.known import MODELS
from tests.support.sandbox_client import Client
from tests.support.sandbox_keys import ADMIN_KEY, LOCKED_KEY, SANDBOX_KEY

ECHO, DEV, SCHNELL = "sandbox/echo", "fal-ai/flux/dev", "fal-ai/flux/schnell"
ESRGAN, LCM, LLM = "fal-ai/esrgan", "fal-ai/fast-lcm-diffusion", "fal-ai/any-llm"
DONE = {"queue": 0, "run": 0}
BY_CALL, BY_UNIT = "historical_api_price", "unit_price"
Start = Callable[..., Client]


@pytest.fixture
def admin(client: Client) -> Client:
    return Client(client.sandbox, ADMIN_KEY)


def nobody(client: Client) -> Client:
    found = Client(client.sandbox)
    found.headers = {}
    return found


def ids(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [model["endpoint_id"] for model in answer.json()["models"]]


def problem(answer: requests.Response) -> tuple[int, str, str]:
    """An error in the platform's shape: status, type, message."""
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    return answer.status_code, error["type"], error["message"]


# -- the catalogue


def test_all_models(client: Client) -> None:
    document = client.models().json()
    assert (list(document), document["next_cursor"], document["has_more"]) == (
        ["models", "next_cursor", "has_more"], None, False,
    )  # fmt: skip
    assert [model["endpoint_id"] for model in document["models"]] == list(MODELS)
    assert all(set(model) == {"endpoint_id", "metadata"} for model in document["models"])


def test_one_model(client: Client) -> None:
    (model,) = client.models({"endpoint_id": DEV}).json()["models"]
    metadata = model["metadata"]
    thumbnail = metadata.pop("thumbnail_url")
    assert model == {
        "endpoint_id": DEV,
        "metadata": {
            "display_name": "FLUX.1 [dev]",
            "category": "text-to-image",
            "description": "Pictures from a prompt. In the sandbox they are drawn, not generated.",
            "status": "active",
            "tags": ["sandbox", "image", "streaming"],
            "updated_at": "2024-08-01T00:00:00Z",
            "is_favorited": False,
            "model_url": f"{client.addresses.run}/{DEV}",
            "stream_url": f"{client.addresses.run}/{DEV}/stream",
            "date": "2024-08-01T00:00:00Z",
            "highlighted": False,
            "pinned": False,
            "kind": "inference",
            "license_type": "commercial",
            "duration_estimate": 0.053,
        },
    }
    picture = requests.get(thumbnail, timeout=10)
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(BytesIO(picture.content)).size == (384, 256)


def test_only_what_streams_has_a_stream(client: Client) -> None:
    streams = [model["endpoint_id"] for model in client.models().json()["models"] if "stream_url" in model["metadata"]]
    assert streams == [DEV, LLM, ECHO]


def test_every_thumbnail_is_its_own(client: Client) -> None:
    urls = [model["metadata"]["thumbnail_url"] for model in client.models().json()["models"]]
    assert len({requests.get(url, timeout=10).content for url in urls}) == len(MODELS)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "flux"}, [DEV, SCHNELL, LCM]),
        ({"q": "FLUX.1 few steps"}, [SCHNELL]),
        ({"q": "streaming", "category": "llm"}, [LLM]),
        ({"q": "nothing of the kind"}, []),
        ({"category": "text-to-image"}, [DEV, SCHNELL, LCM]),
        ({"category": "Text-To-Image", "q": "few"}, [SCHNELL]),
        ({"category": "text"}, []),
        ({"status": "deprecated"}, [LCM]),
        ({"status": "active", "q": "image", "category": "text-to-image"}, [DEV, SCHNELL]),
        ({"endpoint_id": f"{ESRGAN},{DEV},{ESRGAN}"}, [ESRGAN, DEV]),
        ([("endpoint_id", ESRGAN), ("endpoint_id", DEV)], [ESRGAN, DEV]),
        ({"endpoint_id": f"{ESRGAN},{DEV}", "q": "flux"}, [DEV]),
        ({"endpoint_id": "comfy/sandbox/echo/any/path"}, ["comfy/sandbox/echo/any/path"]),
    ],
)
def test_search(client: Client, query: Any, expected: list[str]) -> None:
    assert ids(client.models(query)) == expected


def test_pages(client: Client) -> None:
    seen: list[str] = []
    page = client.models({"limit": len(MODELS) - 1}).json()
    assert page["has_more"]
    seen += [model["endpoint_id"] for model in page["models"]]
    page = client.models({"limit": 4, "cursor": page["next_cursor"]}).json()
    seen += [model["endpoint_id"] for model in page["models"]]
    assert (seen, page["has_more"], page["next_cursor"]) == (list(MODELS), False, None)


def test_expansion(client: Client) -> None:
    (model,) = client.models({"endpoint_id": DEV, "expand": "openapi-3.0,enterprise_status"}).json()["models"]
    assert set(model) == {"endpoint_id", "metadata", "enterprise_status", "openapi"}
    assert model["enterprise_status"] == "ready"
    told = model["openapi"]["info"]["x-fal-metadata"]
    assert (told["category"], told["thumbnailUrl"]) == ("text-to-image", model["metadata"]["thumbnail_url"])
    assert told["playgroundUrl"] == f"https://fal.ai/models/{DEV}"
    (echo,) = client.models([("endpoint_id", ECHO), ("expand", "openapi-3.0")]).json()["models"]
    assert "playgroundUrl" not in echo["openapi"]["info"]["x-fal-metadata"]  # there is none


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ({"endpoint_id": f"{DEV},acme/nothing"}, 404, "Endpoint 'acme/nothing' not found"),
        ({"endpoint_id": "fal-ai/flux"}, 404, "Endpoint 'fal-ai/flux' not found"),
        ({"endpoint_id": "flux"}, 422, "endpoint_id: expected owner/alias"),
        ({"endpoint_id": ""}, 422, "endpoint_id: has an empty entry"),
        ({"endpoint_id": ",".join(f"a/b{n}" for n in range(51))}, 422, "endpoint_id: at most 50"),
        ({"status": "retired"}, 422, "status: expected one of active, deprecated"),
        ({"expand": "openapi"}, 422, "expand: only openapi-3.0 and enterprise_status"),
        ({"query": "flux"}, 422, "query: unknown parameter; one of q, category"),
        ([("q", "a"), ("q", "b")], 422, "q: given more than once"),
        ({"limit": 101}, 422, "limit: expected a whole number, 1 to 100"),
        ({"cursor": "x"}, 422, "cursor: is none that an earlier page gave"),
    ],
)
def test_refused_queries(client: Client, query: Any, status: int, named: str) -> None:
    code, kind, message = problem(client.models(query))
    assert (code, kind) == (status, "not_found" if status == 404 else "validation_error")
    assert message.startswith(named)


def test_key_is_optional_but_not_a_wrong_one(client: Client) -> None:
    for key in (SANDBOX_KEY, LOCKED_KEY, ADMIN_KEY):
        assert ids(Client(client.sandbox, key).models()) == list(MODELS)
    favourites = [model["metadata"]["is_favorited"] for model in nobody(client).models().json()["models"]]
    assert favourites == [None] * len(MODELS)
    for wrong in ("Key some:other", "Key nocolon", f"Bearer {SANDBOX_KEY}"):
        assert problem(client.models(headers={"Authorization": wrong}))[:2] == (401, "authorization_error")


# -- estimates


def estimate(client: Client, kind: str, **quantities: Any) -> Any:
    name = "call_quantity" if kind == BY_CALL else "unit_quantity"
    endpoints = {
        {"dev": DEV, "schnell": SCHNELL, "echo": ECHO}[key]: {name: value} for key, value in quantities.items()
    }
    answer = client.estimate({"estimate_type": kind, "endpoints": endpoints})
    assert answer.status_code == 200, answer.text
    assert (set(answer.json()), answer.json()["currency"]) == ({"estimate_type", "total_cost", "currency"}, "USD")
    assert answer.json()["estimate_type"] == kind
    return answer.json()["total_cost"]


def test_estimate_by_units(client: Client) -> None:
    assert estimate(client, BY_UNIT, dev=2.5) == 0.0625
    assert estimate(client, BY_UNIT, dev=40) == 1
    assert estimate(client, BY_UNIT, dev=2, schnell=0.1, echo=1) == 0.0513
    assert estimate(Client(client.sandbox, LOCKED_KEY), BY_UNIT, echo=1) == 0.001


def test_estimate_by_calls_goes_by_what_they_have_cost(start: Start) -> None:
    client = start()
    assert estimate(client, BY_CALL, dev=3, echo=2) == 0.077  # nothing is known yet but the price of a unit
    for pictures in (1, 2):
        client.submit(DEV, {"prompt": "x", "num_images": pictures, "sandbox": DONE})
    client.submit(DEV, {"sandbox": DONE})  # refused, so not billed
    client.submit(SCHNELL, {"prompt": "x", "num_images": 4, "sandbox": DONE})
    assert estimate(client, BY_CALL, dev=100) == 3.75
    assert estimate(client, BY_CALL, dev=1, schnell=1) == 0.0495
    client.submit(DEV, {"prompt": "x", "sandbox": DONE})
    assert estimate(client, BY_CALL, dev=1) == 0.033333333


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ([], 422, "body: expected an object"),
        ({}, 422, "estimate_type: expected one of historical_api_price, unit_price"),
        ({"estimate_type": ["unit_price"]}, 422, "estimate_type: expected one of"),
        ({"estimate_type": "price", "endpoints": {}}, 422, "estimate_type: expected one of"),
        ({"estimate_type": BY_UNIT}, 422, "endpoints: expected an object"),
        ({"estimate_type": BY_UNIT, "endpoints": {}}, 422, "endpoints: 1 to 50 entries, not 0"),
        (
            {"estimate_type": BY_UNIT, "endpoints": {f"{ECHO}/{n}": {"unit_quantity": 1} for n in range(51)}},
            422, "endpoints: 1 to 50 entries, not 51",
        ),
        ({"estimate_type": BY_UNIT, "endpoints": [ECHO]}, 422, "endpoints: expected an object"),
        ({"estimate_type": BY_UNIT, "endpoints": {}, "currency": "EUR"}, 422, "currency: unknown"),
        ({"estimate_type": BY_UNIT, "endpoints": {ECHO: 3}}, 422, f"{ECHO}: expected an object"),
        (
            {"estimate_type": BY_UNIT, "endpoints": {ECHO: {"unit_quantity": 1}, "acme/x": {"unit_quantity": 1}}},
            404, "Endpoint 'acme/x' not found",
        ),
        ({"estimate_type": BY_UNIT, "endpoints": {"echo": {"unit_quantity": 1}}}, 404, "Endpoint 'echo' not found"),
        (
            {"estimate_type": BY_UNIT, "endpoints": {ECHO: {"call_quantity": 1}}},
            422, f"endpoints.{ECHO}.call_quantity: unknown; only unit_quantity",
        ),
        (
            {"estimate_type": BY_CALL, "endpoints": {ECHO: {"call_quantity": 1, "unit_quantity": 1}}},
            422, f"endpoints.{ECHO}.unit_quantity: unknown; only call_quantity",
        ),
        *(
            (
                {"estimate_type": kind, "endpoints": {ECHO: given}},
                422, f"endpoints.{ECHO}.{name}: expected a {'whole ' * (kind == BY_CALL)}number, more than 0",
            )
            for kind, name, values in (
                (BY_CALL, "call_quantity", [0, -1, 1.5, "1", True, None, 10**9 + 1]),
                (BY_UNIT, "unit_quantity", [0, -0.5, "1", True, [1], 1e300]),
            )
            for given in [{}, *({name: value} for value in values)]
        ),
    ],
)  # fmt: skip
def test_refused_estimates(client: Client, body: Any, status: int, named: str) -> None:
    code, kind, message = problem(client.estimate(body))
    assert (code, kind) == (status, "not_found" if status == 404 else "validation_error")
    assert message.startswith(named), message


@pytest.mark.parametrize(
    ("data", "content_type", "named"),
    [
        ("{", "application/json", "The body is not valid JSON"),
        ("", "application/json", "The body is not valid JSON"),
        (
            '{"estimate_type":"unit_price","endpoints":{"sandbox/echo":{"unit_quantity":NaN}}}',
            "application/json", "The body is not valid JSON: NaN is no number",
        ),
        ("[" * 100_000, "application/json", "The body is not valid JSON"),
        ("{}", "text/plain", "Content-Type: expected application/json"),
    ],
)  # fmt: skip
def test_bodies_that_are_no_json(client: Client, data: str, content_type: str, named: str) -> None:
    url = f"{client.addresses.api}/v1/models/pricing/estimate"
    answer = client.send("POST", url, data=data.encode(), headers={"Content-Type": content_type})
    code, kind, message = problem(answer)
    assert (code, kind) == (400, "validation_error")
    assert message.startswith(named)


def test_estimate_takes_no_query(client: Client) -> None:
    body = {"estimate_type": BY_UNIT, "endpoints": {ECHO: {"unit_quantity": 1}}}
    assert problem(client.estimate(body, params={"endpoint_id": ECHO})) == (
        422, "validation_error", "endpoint_id: unknown parameter",
    )  # fmt: skip


def test_estimate_needs_a_key_and_the_method(client: Client) -> None:
    assert problem(nobody(client).estimate({}))[:2] == (401, "authorization_error")
    answer = client.platform("pricing/estimate")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# -- the account


def test_account(start: Start) -> None:
    client = start()
    admin = Client(client.sandbox, ADMIN_KEY)
    assert admin.account().json() == {"username": "sandbox"}
    full = {"username": "sandbox", "credits": {"current_balance": 100, "currency": "USD"}}
    assert admin.account({"expand": "credits"}).json() == full
    client.submit(DEV, {"prompt": "x", "num_images": 3, "sandbox": DONE})
    client.submit(DEV, {"sandbox": DONE})
    client.run(ECHO, {"sandbox": {"run": 0}})
    client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}})  # still runs, so not billed yet
    assert admin.account({"expand": "credits"}).json()["credits"]["current_balance"] == 99.924
    charges = admin.platform("billing-events").json()["billing_events"]
    assert sum(charge["cost_total"] for charge in charges) == pytest.approx(100 - 99.924)


def test_who_may_see_the_account(client: Client) -> None:
    for key in (SANDBOX_KEY, LOCKED_KEY):
        assert problem(Client(client.sandbox, key).account({"expand": "credits"}))[:2] == (403, "authorization_error")
    assert problem(Client(client.sandbox, "some:other").account())[:2] == (401, "authorization_error")
    assert problem(nobody(client).account())[:2] == (401, "authorization_error")


def test_malformed_account_query(admin: Client) -> None:
    assert problem(admin.account({"expand": "usage"})) == (
        422,
        "validation_error",
        "expand: only credits can be expanded",
    )
    assert problem(admin.account({"user": "x"}))[2].startswith("user: unknown parameter; one of expand")


# -- faults


@pytest.mark.parametrize("route", ["models", "estimate", "account"])
def test_faults(start: Start, route: str) -> None:
    words = ["500*1", "429:retry-after=1*1", "html-502*1", "garbage*1", "cut-before*1"]
    admin = Client(start(faults=[f"{route}={word}" for word in words]).sandbox, ADMIN_KEY)
    body = {"estimate_type": BY_UNIT, "endpoints": {ECHO: {"unit_quantity": 1}}}
    call = {"models": admin.models, "account": admin.account, "estimate": lambda: admin.estimate(body)}[route]
    assert problem(call())[:2] == (500, "server_error")
    limited = call()
    assert (problem(limited)[:2], limited.headers["retry-after"]) == ((429, "rate_limited"), "1")
    assert "nginx" in call().text
    with pytest.raises(json.JSONDecodeError):
        call().json()
    with pytest.raises(requests.ConnectionError):
        call()
    assert call().status_code == 200
    assert admin.stats()["http"][route] == 6


# -- the document of one endpoint


def test_the_document_of_an_endpoint_needs_no_key(client: Client) -> None:
    for endpoint in MODELS:
        url = f"{client.addresses.api}/api/openapi/queue/openapi.json"
        answer = requests.get(url, params={"endpoint_id": endpoint}, timeout=15)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        expanded = client.models({"endpoint_id": endpoint, "expand": "openapi-3.0"}).json()["models"][0]["openapi"]
        assert answer.json() == expanded
        assert answer.json()["info"]["x-fal-metadata"]["endpointId"] == endpoint


@pytest.mark.parametrize("query", ["?endpoint_id=acme/nothing", "?endpoint_id=fal-ai/flux/dve", "?endpoint_id=x", ""])
def test_the_document_of_an_unknown_endpoint_is_null(client: Client, query: str) -> None:
    answer = requests.get(f"{client.addresses.api}/api/openapi/queue/openapi.json{query}", timeout=15)
    assert (answer.status_code, answer.content) == (404, b"null")


def test_faults_of_the_document(start: Start) -> None:
    client = start(faults=["openapi=503*1"])
    url = f"{client.addresses.api}/api/openapi/queue/openapi.json?endpoint_id={ECHO}"
    assert requests.get(url, timeout=15).status_code == 503
    assert requests.get(url, timeout=15).status_code == 200
    assert client.stats()["http"]["openapi"] == 2
