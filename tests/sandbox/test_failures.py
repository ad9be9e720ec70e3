"""Who says it failed: the app in its own words, or the gateway in those of §8.2. On every way that a call can go."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.sandbox_client import Client

ECHO = "sandbox/echo"
QUICK = {"queue": 0, "run": 0}
APPS_OWN = (408, 425, 429, 400, 404, 409, 422, 499, 500, 502, 503, 504, 599)
Start = Callable[..., Client]
Way = Callable[[Client, Any], requests.Response]


def by_queue(client: Client, payload: Any) -> requests.Response:
    return client.outcome(ECHO, client.submit(ECHO, payload))


def directly(client: Client, payload: Any) -> requests.Response:
    return client.run(ECHO, payload)


def streamed(client: Client, payload: Any) -> requests.Response:
    return client.run(f"{ECHO}/stream", payload)


WAYS = pytest.mark.parametrize("way", [by_queue, directly, streamed])


def ordered(**orders: Any) -> dict[str, Any]:
    return {"sandbox": {**QUICK, **orders}}


@WAYS
@pytest.mark.parametrize("status", APPS_OWN)
def test_an_app_answers_a_status_of_its_own(client: Client, way: Way, status: int) -> None:
    answer = way(client, ordered(app=status))
    assert answer.status_code == status
    assert set(answer.json()) == {"detail"}
    assert not {"x-fal-error-type", "x-fal-needs-retry", "retry-after"} & set(answer.headers)
    assert answer.headers["x-fal-request-id"]


@WAYS
def test_an_app_answers_in_its_own_words(client: Client, way: Way) -> None:
    app = {
        "status": 429, "body": {"busy": ["for", "now"]}, "units": "1.5",
        "headers": {"Retry-After": "7", "X-Fal-Retryable": "true", "X-Fal-Needs-Retry": "1", "X-Fal-Error-Type": "x"},
    }  # fmt: skip
    answer = way(client, ordered(app=app))
    assert (answer.status_code, answer.json()) == (429, {"busy": ["for", "now"]})
    assert (answer.headers["retry-after"], answer.headers["x-fal-retryable"]) == ("7", "true")
    assert answer.headers["x-fal-billable-units"] == "1.5"
    # Those two are the gateway's, which takes them out (§4.10).
    assert not {"x-fal-error-type", "x-fal-needs-retry"} & set(answer.headers)


@WAYS
def test_an_app_answers_a_page(client: Client, way: Way) -> None:
    answer = way(client, ordered(app={"status": 502, "html": True}))
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-fal-request-id"]
    assert "x-fal-error-type" not in answer.headers


@WAYS
@pytest.mark.parametrize(
    ("order", "status", "error_type"),
    [
        (408, 408, "request_timeout"),
        (429, 429, "concurrent_requests_limit"),
        (499, 499, "client_cancelled"),
        (500, 500, "runner_server_error"),
        (502, 502, "runner_incomplete_response"),
        (503, 503, "runner_connection_error"),
        (504, 504, "request_timeout"),
        (400, 400, "bad_request"),
        (425, 425, "bad_request"),
        (507, 507, "internal_error"),
        ({"status": 503, "error_type": "runner_scheduling_failure"}, 503, "runner_scheduling_failure"),
        ({"status": 504, "error_type": "startup_timeout"}, 504, "startup_timeout"),
    ],
)
def test_the_gateway_answers(client: Client, way: Way, order: Any, status: int, error_type: str) -> None:
    answer = way(client, ordered(gateway=order))
    assert answer.status_code == status
    assert answer.json()["error_type"] == answer.headers["x-fal-error-type"] == error_type
    assert answer.headers["x-fal-request-id"]
    assert answer.headers["x-fal-billable-units"] == "0"


@WAYS
def test_the_gateway_says_that_too_many_run(client: Client, way: Way) -> None:
    answer = way(client, ordered(gateway=429))
    assert answer.json()["detail"][0]["type"] == "concurrent_requests_limit"
    assert answer.headers["x-fal-needs-retry"] == "1"


@WAYS
def test_what_stands_before_the_gateway_answers_a_page_without_an_id(client: Client, way: Way) -> None:
    answer = way(client, ordered(gateway={"status": 502, "html": True}))
    assert answer.status_code == 502
    assert "nginx" in answer.text
    assert not {"x-fal-request-id", "x-fal-error-type"} & set(answer.headers)


def test_a_start_deadline_is_ordered_of_the_gateway(client: Client) -> None:
    answer = directly(client, ordered(gateway={"status": 504, "user": True}))
    assert answer.headers["x-fal-request-timeout-type"] == "user"
    assert answer.json()["error_type"] == "request_timeout"


@pytest.mark.parametrize(("order", "error_type"), [({"app": 503}, None), ({"gateway": 503}, "runner_connection_error")])
def test_the_status_of_a_failed_request(client: Client, order: dict[str, Any], error_type: str | None) -> None:
    request_id = client.submit(ECHO, ordered(**order))
    status = client.wait(ECHO, request_id)
    assert status["error"] == "Invalid status code: 503"
    assert status.get("error_type") == error_type


def test_the_older_word_means_the_app(client: Client) -> None:
    for fail in (500, {"status": 500, "body": {"detail": [1]}}):
        assert directly(client, ordered(fail=fail)).content == directly(client, ordered(app=fail)).content


@pytest.mark.parametrize("route", ["run", "events", "submit"])
def test_a_fault_leaves_the_answer_to_the_app(start: Start, route: str) -> None:
    client = start(faults=[f"{route}=app-429*1"])
    way = {"run": directly, "events": streamed, "submit": by_queue}[route]
    failed = way(client, ordered())
    assert (failed.status_code, failed.json()) == (429, {"detail": "Too Many Requests"})
    assert way(client, ordered()).status_code == 200
    assert client.stats()["accepted"] == 2  # the app had both


def test_a_fault_is_the_gateways_by_default_and_in_full(start: Start) -> None:
    client = start(faults=["run=gateway-429*1", "run=429*1", "run=408*1", "run=html-502*1"])
    gateways = [directly(client, ordered()) for _ in range(3)]
    assert [answer.headers["x-fal-error-type"] for answer in gateways] == [
        "concurrent_requests_limit", "concurrent_requests_limit", "request_timeout",
    ]  # fmt: skip
    assert "x-fal-request-id" not in directly(client, ordered()).headers
    assert client.stats()["accepted"] == 0


def test_refusals_have_no_type(start: Start) -> None:
    for status in (401, 403, 404, 413, 422):
        answer = directly(start(faults=[f"run={status}"]), ordered())
        assert answer.status_code == status
        assert "x-fal-error-type" not in answer.headers
        assert "error_type" not in answer.json()


@pytest.mark.parametrize(
    ("orders", "path"),
    [
        ({"app": 200}, ["app"]),
        ({"app": {"status": 99}}, ["app", "status"]),
        ({"app": {"error_type": "x"}}, ["app", "error_type"]),
        ({"app": {"headers": {"Bad header": "x"}}}, ["app", "headers", "Bad header"]),
        ({"app": {"headers": ["x"]}}, ["app", "headers"]),
        ({"app": {"headers": {"X-A": "a\r\nb"}}}, ["app", "headers", "X-A"]),
        ({"app": {"units": -1}}, ["app", "units"]),
        ({"app": {"units": "many"}}, ["app", "units"]),
        ({"gateway": {"traceback": "x"}}, ["gateway", "traceback"]),
        ({"gateway": {"user": 1}}, ["gateway", "user"]),
        ({"app": 500, "gateway": 500}, ["gateway"]),
        ({"fail": 500, "app": 500}, ["app"]),
    ],
)
def test_malformed_orders_are_named(client: Client, orders: dict[str, Any], path: list[str]) -> None:
    answer = directly(client, {"sandbox": orders})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "sandbox", *path]


def test_failure_with_a_traceback(client: Client) -> None:
    request_id = client.submit(ECHO, ordered(app={"status": 500, "traceback": "ValueError: no\n  at x"}))
    logs = client.wait(ECHO, request_id)["logs"]
    assert logs[-1]["message"] == '{"traceback": "ValueError: no\\n  at x"}'


# -- methods


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST"])
@pytest.mark.parametrize("host", ["run", "queue"])
def test_every_method_reaches_the_app(client: Client, method: str, host: str) -> None:
    url = f"{getattr(client.addresses, host)}/{ECHO}"
    if method == "GET":
        sent = client.send(method, url, params={"a": "1", "sandbox": json.dumps(QUICK)})
    else:
        sent = client.send(method, url, json={"a": "1", **ordered()})
    assert sent.status_code == 200
    answer = sent if host == "run" else client.outcome(ECHO, sent.json()["request_id"])
    assert answer.json() == {"a": "1"}
    found = client.sandbox.store.request(sent.headers["x-fal-request-id"])
    assert host == "run" or (found is not None and found[0]["options"]["method"] == method)


def test_a_delete_without_a_body_has_its_query(client: Client) -> None:
    answer = client.send("DELETE", f"{client.addresses.run}/{ECHO}", params={"a": "1", "sandbox": '{"run":0}'})
    assert answer.json() == {"a": "1"}


def test_a_path_that_takes_one_method(client: Client) -> None:
    payload = ordered(method="PUT")
    url = f"{client.addresses.run}/{ECHO}/some/path"
    refused = client.send("POST", url, json=payload)
    assert (refused.status_code, refused.json()) == (405, {"detail": "Method Not Allowed"})
    assert (refused.headers["allow"], refused.headers["x-fal-billable-units"]) == ("PUT", "0")
    assert client.send("PUT", url, json=payload).status_code == 200
    assert client.send("PUT", f"{client.addresses.run}/{ECHO}/stream", json=payload).status_code == 200
    assert client.send("POST", f"{client.addresses.run}/{ECHO}/stream", json=payload).status_code == 405


def test_models_take_what_their_framework_takes(client: Client) -> None:
    payload = {"prompt": "x", "sandbox": QUICK}
    answer = client.send("PUT", f"{client.addresses.run}/fal-ai/flux/schnell", json=payload)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, GET")
    queued = client.send("PUT", f"{client.addresses.queue}/fal-ai/flux/schnell", json=payload)
    assert queued.status_code == 200  # the queue does not know what the app takes (§4.4)
    assert client.outcome("fal-ai/flux", queued.json()["request_id"]).status_code == 405


# -- a start deadline without a queue


@pytest.mark.parametrize("name", ["X-Fal-Request-Start-Timeout", "X-Fal-Request-Timeout"])
@pytest.mark.parametrize("path", ["", "/stream"])
def test_a_runner_that_comes_too_late(client: Client, name: str, path: str) -> None:
    payload = {"sandbox": {"queue": 60, "run": 0}}
    answer = client.run(f"{ECHO}{path}", payload, headers={name: "0.2"})
    assert answer.status_code == 504
    assert answer.headers["x-fal-request-timeout-type"] == "user"
    assert answer.json()["error_type"] == answer.headers["x-fal-error-type"] == "request_timeout"
    assert answer.headers["x-fal-billable-units"] == "0"


@pytest.mark.parametrize("path", ["", "/stream"])
def test_a_runner_that_comes_in_time(client: Client, path: str) -> None:
    payload = {"a": 1, "sandbox": {"queue": 0.3, "run": 0}}
    answer = client.run(f"{ECHO}{path}", payload, headers={"X-Fal-Request-Start-Timeout": "30"})
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.3
