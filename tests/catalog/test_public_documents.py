"""Where a schema comes from: the platform's API with a key, fal.ai's own page without one, nobody else's host."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Program, Service
from tests.support.catalogue_server import Catalogue, document_bytes
from tests.support.fault_proxy import Proxy, answer
from tests.support.faulty_server import Authority

FLUX = "fal-ai/flux/dev"
DOCUMENT = json.loads(document_bytes("flux_dev"))
PAGE = f"/api/openapi/queue/openapi.json?endpoint_id={FLUX.replace('/', '%2F')}"


@pytest.fixture
def world(tmp_path: Path, service: Service) -> Iterator[Proxy]:
    """All names lead here: the service's to a sandbox, the page's own to what a test says."""
    with Proxy(service.sandbox.addresses, authority=Authority(tmp_path)) as proxy:
        yield proxy


@pytest.fixture
def keyed(home: Path, world: Proxy) -> Program:
    return Program(home, world.tls_env)


@pytest.fixture
def keyless(home: Path, world: Proxy) -> Program:
    return Program(home, world.tls_env | {"FAL_KEY": ""})


def hosts(world: Proxy) -> list[str]:
    return [seen.host for seen in world.seen]


def test_without_a_key_the_page_is_asked(world: Proxy, keyless: Program) -> None:
    world.fail("fal.ai", answer(200, DOCUMENT))
    done = keyless("schema", FLUX, "--openapi")
    assert json.loads(done.stdout) == DOCUMENT
    assert hosts(world) == ["fal.ai"]
    assert world.seen[0].request.target == PAGE
    keyless("schema", FLUX)
    assert hosts(world) == ["fal.ai"], "it is kept"


def test_with_a_key_the_api_is_asked(world: Proxy, keyed: Program) -> None:
    keyed("schema", FLUX)
    assert hosts(world) == ["api"]


@pytest.mark.parametrize("status", [401, 403, 503])
def test_where_the_api_has_no_answer_the_page_may(world: Proxy, keyed: Program, status: int) -> None:
    world.fail("pricing", answer(status, {"detail": "no"}), times=2)
    world.fail("fal.ai", answer(200, DOCUMENT))
    keyed("schema", FLUX)
    assert hosts(world)[-1] == "fal.ai"
    assert "authorization" not in world.seen[-1].request.headers, "the key is the service's alone"


def test_an_unknown_endpoint(world: Proxy, keyless: Program) -> None:
    world.fail("fal.ai", answer(404, None))
    assert "no endpoint far/off" in keyless("schema", "far/off", code=5).stderr


def test_one_that_the_api_does_not_list_may_have_a_page(world: Proxy, keyed: Program) -> None:
    world.fail("fal.ai", answer(200, DOCUMENT))
    keyed("schema", "private/app")
    assert hosts(world) == ["api", "fal.ai"]


def test_a_call_is_typed_and_checked_by_it(world: Proxy, keyless: Program) -> None:
    world.fail("fal.ai", answer(200, DOCUMENT))
    done = keyless("run", FLUX, "promt=a cat", code=4)
    assert "promt: no such input; did you mean prompt?" in done.stderr


def test_a_page_in_place_of_the_document_is_asked_again(world: Proxy, keyless: Program) -> None:
    world.fail("fal.ai", answer(200, "<html>One moment</html>"))
    world.fail("fal.ai", answer(200, DOCUMENT))
    keyless("run", FLUX, "prompt=x", "num_images=9", "--dry-run")
    assert "9 is too large" in keyless("run", FLUX, "prompt=x", "num_images=9", "--dry-run", code=4).stderr


def test_a_host_of_ones_own_is_asked_alone(world: Proxy, keyless: Program) -> None:
    """Nobody else hears the names of the endpoints there."""
    with Catalogue().server() as own:
        keyless("schema", "far/off", env={"FAL_API_HOST": own.url}, code=5)
    assert hosts(world) == []
