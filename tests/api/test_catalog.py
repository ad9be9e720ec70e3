"""The platform API's models: searching, documents byte for byte, and estimates."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from fal_cli.api import catalog, json_slices, retry
from fal_cli.api.catalog_entry import Model, Search
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import NotReached, Refused, Unavailable
from fal_cli.api.hosts import Hosts
from fal_cli.api.wire import Wire
from tests.support.catalogue_server import Catalogue, document_bytes
from tests.support.faulty_server import Server, http, refusing_port

FLUX = "fal-ai/flux/dev"


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture
def server(catalogue: Catalogue) -> Iterator[Server]:
    with catalogue.server() as server:
        yield server


def wire(url: str, authorization: str = "Key a:b") -> Wire:
    return Wire(Hosts(api=url), authorization)


def describe(url: str, endpoint: str = FLUX) -> catalog.Described | None:
    return catalog.describe(wire(url), endpoint, policy=retry.FREE, deadline=Deadline(5))


class TestSearch:
    def test_all_pages(self, server: Server) -> None:
        found = list(catalog.search(wire(server.url), Search()))
        assert [model.endpoint for model in found] == [FLUX, "fal-ai/any-llm", "fal-ai/video-upscaler"]
        assert found[0] == Model(FLUX, "FLUX.1 [dev]", "text-to-image", "active", "Pictures from words.")
        assert len(server.requests) == 2

    def test_no_page_is_asked_for_that_is_not_needed(self, server: Server) -> None:
        assert len(list(catalog.search(wire(server.url), Search(limit=2)))) == 2
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("wanted", "endpoints"),
        [
            (Search("flux"), [FLUX]),
            (Search(category="llm"), ["fal-ai/any-llm"]),
            (Search(status="deprecated"), ["fal-ai/video-upscaler"]),
            (Search("nothing"), []),
        ],
    )
    def test_filters_are_the_services(self, server: Server, wanted: Search, endpoints: list[str]) -> None:
        assert [model.endpoint for model in catalog.search(wire(server.url), wanted)] == endpoints

    def test_without_a_key_none_is_sent(self, server: Server) -> None:
        list(catalog.search(wire(server.url, ""), Search(limit=1)))
        assert "authorization" not in server.requests[0].headers

    @pytest.mark.parametrize(
        ("item", "model"),
        [
            ({"endpoint_id": "a/b"}, Model("a/b")),
            ({"endpoint_id": "a/b", "metadata": None}, Model("a/b")),
            ({"endpoint_id": "a/b", "metadata": {"display_name": 3, "category": "c"}}, Model("a/b", "", "c")),
            ({"metadata": {}}, None),
            ({"endpoint_id": ""}, None),
        ],
    )
    def test_an_entry_may_lack_anything(self, item: dict[str, Any], model: Model | None) -> None:
        assert catalog.model_of(item) == model


class TestDescribe:
    def test_the_document_comes_byte_for_byte(self, server: Server) -> None:
        found = describe(server.url)
        assert found is not None
        assert found.document == document_bytes("flux_dev").strip()
        assert (found.model.title, found.model.category) == ("FLUX.1 [dev]", "text-to-image")
        assert server.requests[0].target == "/v1/models?endpoint_id=fal-ai%2Fflux%2Fdev&expand=openapi-3.0"

    def test_numbers_keep_their_form(self, catalogue: Catalogue, server: Server) -> None:
        raw = b'{ "paths" : {},\n\t"x": [1.0, 1e-05, 12345678901234567890, 0.10], "a": "\\u00e4\xc3\xa4" }'
        catalogue.documents[FLUX] = raw
        found = describe(server.url)
        assert found is not None
        assert found.document == raw

    def test_an_unknown_endpoint(self, server: Server) -> None:
        with pytest.raises(Refused) as caught:
            describe(server.url, "a/b")
        assert catalog.is_unknown(caught.value)

    @pytest.mark.parametrize(
        "body",
        [
            {"models": [{"endpoint_id": FLUX}]},
            {"models": [{"endpoint_id": FLUX, "openapi": None}]},
        ],
    )
    def test_an_answer_without_a_document(self, catalogue: Catalogue, server: Server, body: Any) -> None:
        catalogue.replies["/v1/models"] = http(200, body)
        assert describe(server.url) is None

    @pytest.mark.parametrize("models", [[], [{"endpoint_id": "a/b", "openapi": {"paths": {}}}, {"endpoint_id": "c/d"}]])
    def test_an_answer_that_lists_others_knows_no_such_endpoint(
        self, catalogue: Catalogue, server: Server, models: list[Any]
    ) -> None:
        catalogue.replies["/v1/models"] = http(200, {"models": models})
        with pytest.raises(Refused) as caught:
            describe(server.url)
        assert catalog.is_unknown(caught.value)

    @pytest.mark.parametrize(
        "body",
        [
            {"models": [{"endpoint_id": FLUX, "openapi": {"error": {"code": "expansion_failed", "message": "no"}}}]},
            {"models": {"endpoint_id": FLUX}},
            {},
            [],
        ],
    )
    def test_an_odd_answer_is_not_taken_for_an_endpoint_without_a_document(
        self, catalogue: Catalogue, server: Server, body: Any
    ) -> None:
        catalogue.replies["/v1/models"] = http(200, body)
        with pytest.raises(Unavailable):
            describe(server.url)

    def test_an_app_on_this_machine(self) -> None:
        body = document_bytes("local_app")
        catalogue = Catalogue()
        catalogue.replies["/openapi.json"] = http(200, body, {"Content-Type": "application/json"})
        with catalogue.server() as server:
            url = server.url
            app = catalog.describe_app(wire(""), url, policy=retry.FREE, deadline=Deadline(5))
        assert app == catalog.Described(body, Model(url, "Sky"))
        assert "authorization" not in server.requests[0].headers

    def test_nobody_there(self) -> None:
        with refusing_port() as port, pytest.raises(NotReached):
            describe(f"http://127.0.0.1:{port}")


def test_an_estimate_is_the_services_own(server: Server) -> None:
    found = catalog.estimate(wire(server.url), FLUX, Decimal("2.5"))
    assert found == catalog.Estimate(Decimal("0.0625"), "USD")
    assert server.requests[0].body == (
        b'{"estimate_type":"unit_price","endpoints":{"fal-ai/flux/dev":{"unit_quantity":2.5}}}'
    )


@pytest.mark.parametrize(
    "text", ['{"a":1}', ' { "b" : [ ] , "a" : { "x" : "}\\"" } } ', '{"a":[],"b":{}}', "{}", '{"A":1}']
)
def test_slices_agree_with_the_parsed_value(text: str) -> None:
    whole = json.loads(text)
    at = json_slices.member(text, text.index("{"), "a")
    assert (at is None) == ("a" not in whole)
    if at is not None:
        assert json.loads(json_slices.value(text, at)) == whole["a"]


@pytest.mark.parametrize("text", ["[]", "[ ]", "[1]", '[ {"a": [1]} , "]" ,null]'])
def test_elements(text: str) -> None:
    assert [value for value, _ in json_slices.elements(text, 0)] == json.loads(text)
