"""Streams of workflows, and how streams of language models end (§6)."""

import json
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
import requests
from PIL import Image

from tests.support.sandbox_client import Client, parse_events

FLOW, LLM = "workflows/sandbox/draw-and-enlarge", "fal-ai/any-llm"
QUICK = {"queue": 0, "run": 0}


def told(client: Client, **orders: Any) -> list[dict[str, Any]]:
    answer = client.run(f"{FLOW}/stream", {"prompt": "a kite", "seed": 7, "sandbox": {**QUICK, **orders}})
    assert answer.status_code == 200
    return parse_events(answer.content)


def size(url: str) -> tuple[int, int]:
    return Image.open(BytesIO(requests.get(url, timeout=15).content)).size


def test_a_workflow_tells_of_its_nodes(client: Client) -> None:
    events = told(client)
    assert [(event["type"], event.get("node_id")) for event in events] == [
        ("submit", "draw"), ("completion", "draw"), ("submit", "enlarge"), ("completion", "enlarge"), ("output", None),
    ]  # fmt: skip
    assert [set(event) for event in events] == [
        {"type", "node_id", "app_id", "request_id"}, {"type", "node_id", "output"},
        {"type", "node_id", "app_id", "request_id"}, {"type", "node_id", "output"}, {"type", "output"},
    ]  # fmt: skip
    assert [event["app_id"] for event in (events[0], events[2])] == ["fal-ai/flux/schnell", "fal-ai/esrgan"]
    assert str(UUID(events[0]["request_id"])) == events[0]["request_id"]
    assert size(events[1]["output"]["images"][0]["url"]) == (512, 512)
    assert size(events[-1]["output"]["image"]["url"]) == (1024, 1024)


def test_in_the_queue_there_is_the_output_alone(client: Client) -> None:
    request_id = client.submit(FLOW, {"prompt": "a kite", "seed": 7, "sandbox": QUICK})
    result = client.outcome(FLOW, request_id)
    assert set(result.json()) == {"image"}
    assert size(result.json()["image"]["url"]) == (1024, 1024)


@pytest.mark.parametrize(
    ("order", "before", "status", "body"),
    [
        ("draw", 1, 500, {"detail": "The sandbox was ordered to fail in draw"}),
        ({"node": "enlarge", "status": 422, "body": {"detail": [1]}}, 3, 422, {"detail": [1]}),
    ],
)
def test_a_node_that_fails(client: Client, order: Any, before: int, status: int, body: Any) -> None:
    *events, last = told(client, node=order)
    assert len(events) == before
    assert set(last) == {"type", "node_id", "message", "error"}
    assert (last["type"], last["node_id"]) == ("error", events[-1]["node_id"])
    assert last["error"] == {"status": status, "body": body}
    request_id = client.submit(FLOW, {"prompt": "x", "sandbox": {**QUICK, "node": order}})
    failed = client.outcome(FLOW, request_id)
    assert (failed.status_code, failed.json()) == (status, body)
    assert "x-fal-error-type" not in failed.headers


def test_its_input_is_checked(client: Client) -> None:
    assert client.run(f"{FLOW}/stream", {}).status_code == 422
    assert client.run(FLOW, {}).json()["detail"][0]["loc"] == ["body", "prompt"]


def test_it_has_a_document_and_is_in_no_catalogue(client: Client) -> None:
    url = f"{client.addresses.api}/api/openapi/queue/openapi.json?endpoint_id={FLOW}"
    assert "prompt" in json.dumps(requests.get(url, timeout=15).json())
    assert FLOW not in [model["endpoint_id"] for model in client.models({"limit": 100}).json()["models"]]
    assert client.run("workflows/sandbox/nothing").status_code == 404


@pytest.mark.parametrize("node", [1, {}, {"node": 1}, {"node": "draw", "status": 200}, {"node": "draw", "other": 1}])
def test_malformed_orders(client: Client, node: Any) -> None:
    answer = client.run(FLOW, {"prompt": "x", "sandbox": {"node": node}})
    assert answer.json()["detail"][0]["loc"][:3] == ["body", "sandbox", "node"]


def test_only_a_workflow_has_nodes(client: Client) -> None:
    answer = client.run(LLM, {"prompt": "x", "sandbox": {"node": "draw"}})
    assert "Only a workflow follows this order" in answer.text


# -- how a stream of text ends


def ended(client: Client, fault: str) -> tuple[list[dict[str, Any]], str]:
    """The events of a stream of text but for the last, and the bytes of that."""
    payload = {"prompt": "a kite", "sandbox": {"run": 0, "fault": f"events={fault}"}}
    answer = client.run(f"{LLM}/stream", payload)
    before, _, last = answer.text.rstrip("\n").rpartition("\n\n")
    return parse_events((before + "\n\n").encode()), last


def test_with_a_chunk_that_holds_an_error(client: Client) -> None:
    events, last = ended(client, "error-chunk")
    chunk = json.loads(last.removeprefix("data: "))
    assert chunk["error"]
    assert set(chunk) == {"output", "partial", "error"}
    assert chunk["output"] == events[-1]["output"]
    assert all(event["error"] is None for event in events)
    assert len(ended(client, "error-chunk:2")[0]) == 2


def test_with_an_event_that_is_named_error(client: Client) -> None:
    events, last = ended(client, "error-event:3")
    name, data = last.split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]
    assert len(events) == 3
    assert ended(client, "error-event")[0][-1]["partial"] is False


def test_with_a_mark(client: Client) -> None:
    events, last = ended(client, "done")
    assert last == "data: [DONE]"
    assert events[-1]["partial"] is False


def test_with_an_object_of_its_own(client: Client) -> None:
    events, last = ended(client, "error-after:2")
    assert len(events) == 2
    assert set(json.loads(last.removeprefix("data: "))) == {"error"}
