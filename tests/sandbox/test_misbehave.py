"""Ordered faults, seen from the other end of the connection."""

import json
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
from requests.exceptions import ChunkedEncodingError, ConnectionError, ReadTimeout

from tests.support.sandbox_client import Client

ECHO = "sandbox/echo"
Start = Callable[..., Client]


def ordered(fault: Any, **orders: Any) -> dict[str, Any]:
    return {"sandbox": {"queue": 0, "run": 0, "fault": fault, **orders}}


def test_fails_twice_then_works_for_the_same_body(client: Client) -> None:
    payload = {**ordered("submit=429:retry-after=2*2"), "mark": "twice"}
    first, second, third = (client.post(ECHO, payload) for _ in range(3))
    assert [first.status_code, second.status_code, third.status_code] == [429, 429, 200]
    assert first.headers["retry-after"] == "2"
    assert first.headers["x-fal-needs-retry"] == "1"
    assert first.json()["detail"][0]["type"] == "concurrent_requests_limit"
    assert list(client.stats()["by_body"].values()).count(1) >= 1


def test_counts_per_request(client: Client) -> None:
    requests_made = [client.submit(ECHO, ordered("status=503*1")) for _ in range(2)]
    for request_id in requests_made:
        assert client.ask(ECHO, request_id, "/status").status_code == 503
        assert client.ask(ECHO, request_id, "/status").status_code == 200


def test_retry_after_as_a_date(client: Client) -> None:
    answer = client.run(ECHO, ordered("run=429:retry-after=date+30"))
    wait = parsedate_to_datetime(answer.headers["retry-after"]).timestamp() - time.time()
    assert 20 < wait <= 31


@pytest.mark.parametrize(
    ("fault", "status", "headers", "body"),
    [
        ("503", 503, {"x-fal-error-type": "runner_connection_error"}, "Service Unavailable"),
        ("503:type=startup_timeout", 503, {"x-fal-error-type": "startup_timeout"}, "startup_timeout"),
        ("504:user", 504, {"x-fal-request-timeout-type": "user"}, "request_timeout"),
        ("401", 401, {}, "No user found"),
        ("403", 403, {}, "User is locked"),
        ("307:location=http://127.0.0.1:9/", 307, {"location": "http://127.0.0.1:9/"}, "detail"),
    ],
)
def test_statuses(client: Client, fault: str, status: int, headers: dict[str, str], body: str) -> None:
    before = client.stats()["accepted"]
    answer = client.post(ECHO, ordered(f"submit={fault}"))
    assert answer.status_code == status
    assert body in answer.text
    assert answer.headers["x-fal-request-id"]
    assert {name: answer.headers[name] for name in headers} == headers
    assert client.stats()["accepted"] == before


@pytest.mark.parametrize("status", [502, 503, 504])
def test_ingress_page(client: Client, status: int) -> None:
    answer = client.post(ECHO, ordered(f"submit=html-{status}"))
    assert answer.status_code == status
    assert "nginx" in answer.text
    assert "text/html" in answer.headers["content-type"]
    assert "x-fal-request-id" not in answer.headers


@pytest.mark.parametrize(
    ("word", "recorded"), [("cut-before", 0), ("reset-before", 0), ("cut-after", 1), ("reset-after", 1)]
)
@pytest.mark.parametrize("route", ["submit", "run"])
def test_no_answer(client: Client, route: str, word: str, recorded: int) -> None:
    before = client.stats()["accepted"]
    call = client.post if route == "submit" else client.run
    with pytest.raises(ConnectionError) as caught:
        call(ECHO, ordered(f"{route}={word}"))
    assert ("reset" in str(caught.value).lower()) == word.startswith("reset")
    assert client.stats()["accepted"] == before + recorded


def test_truncated_answer_keeps_its_headers(client: Client) -> None:
    answer = client.post(ECHO, ordered("submit=truncate"), stream=True)
    assert answer.status_code == 200
    request_id = answer.headers["x-fal-request-id"]
    with pytest.raises(ChunkedEncodingError):
        _ = answer.content
    assert client.ask(ECHO, request_id, "/status").status_code == 200


def test_garbage(client: Client) -> None:
    answer = client.post(ECHO, ordered("submit=garbage"))
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert client.ask(ECHO, answer.headers["x-fal-request-id"], "/status").status_code == 200


def test_stalls(client: Client) -> None:
    for word, recorded in (("stall", 1), ("stall-before", 0)):
        before = client.stats()["accepted"]
        with pytest.raises(ReadTimeout):
            client.post(ECHO, ordered(f"submit={word}:3"), timeout=1)
        assert client.stats()["accepted"] == before + recorded


def test_result_and_cancel_faults(client: Client) -> None:
    request_id = client.submit(ECHO, ordered(["result=502*1", "cancel=html-503*1"]))
    assert client.ask(ECHO, request_id).status_code == 502
    assert client.ask(ECHO, request_id).status_code == 200
    assert client.cancel(ECHO, request_id).status_code == 503
    assert client.cancel(ECHO, request_id).status_code == 400


def test_file_faults(client: Client) -> None:
    payload = {"prompt": "x", **ordered(["file=truncate*1", "file=404*1"])}
    request_id = client.submit("fal-ai/flux/schnell", payload)
    url = client.outcome("fal-ai/flux", request_id).json()["images"][0]["url"]
    with pytest.raises(ChunkedEncodingError):
        requests.get(url, timeout=10)
    assert requests.get(url, timeout=10).status_code == 404
    assert requests.get(url, timeout=10).status_code == 200
    assert client.stats()["requests"][request_id]["http"]["file"] == 3


def test_server_wide_faults(start: Start) -> None:
    client = start(faults=["submit=503*2", "any=429*1"])
    assert [client.post(ECHO).status_code for _ in range(4)] == [503, 503, 429, 200]
    with pytest.raises(ValueError, match="unknown route"):
        start(faults=["nowhere=1"])


def follow(client: Client, fault: str, **orders: Any) -> requests.Response:
    request_id = client.submit(ECHO, ordered(fault, **orders))
    return client.ask(ECHO, request_id, "/status/stream?logs=1", stream=True)


def read_until_broken(answer: requests.Response) -> bytes:
    seen = bytearray()
    with pytest.raises((ChunkedEncodingError, ConnectionError)):
        collect(answer, seen)
    return bytes(seen)


def collect(answer: requests.Response, seen: bytearray) -> None:
    for piece in answer.iter_content(None):
        seen += piece


@pytest.mark.parametrize("word", ["silent", "cut", "close-after:1", "split"])
def test_stream_of_an_unknown_request_stays_not_found(start: Start, word: str) -> None:
    client = start(faults=[f"stream={word}"])
    assert client.ask(ECHO, "none", "/status/stream").json() == {"status": "NOT_FOUND"}


def test_stream_refused(client: Client) -> None:
    assert follow(client, "stream=refuse").status_code == 404
    assert follow(client, "stream=refuse:503").status_code == 503


@pytest.mark.parametrize(("fault", "events"), [("cut", 1), ("cut-after:0", 0), ("cut-after:3", 3)])
def test_stream_cut_mid_chunk(client: Client, fault: str, events: int) -> None:
    answer = follow(client, f"stream={fault}", queue=0.1, run=1.0)
    assert answer.status_code == 200
    assert read_until_broken(answer).count(b"\n\n") == events


@pytest.mark.parametrize(("fault", "events"), [("silent", 0), ("silent-after:2", 2)])
def test_stream_silent(client: Client, fault: str, events: int) -> None:
    request_id = client.submit(ECHO, ordered(f"stream={fault}", queue=0.1, run=1.0))
    answer = client.ask(ECHO, request_id, "/status/stream?logs=1", stream=True, timeout=1)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert read_until_broken(answer).count(b"\n\n") == events


def test_stream_closed_early(client: Client) -> None:
    body = follow(client, "stream=close-after:2", queue=0.1, run=1.0).content
    assert body.count(b"\n\n") == 2
    assert b"COMPLETED" not in body


def test_stream_split(client: Client) -> None:
    answer = follow(client, "stream=split", run=0.2, logs=["ünï — çödé 日本語 " * 9])
    chunks = list(answer.raw.read_chunked())
    assert max(map(len, chunks)) <= 61
    assert not all(is_text(chunk) for chunk in chunks)
    assert b"".join(chunks).decode().count("COMPLETED") == 1


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("word", ["503", "html-502", "cut-before", "truncate", "garbage", "cut-after"])
def test_any_reaches_the_stream(start: Start, word: str) -> None:
    client = start()
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0}})
    spoilt = start(faults=[f"any={word}"])
    try:
        answer = spoilt.ask(ECHO, request_id, "/status/stream")
    except (ConnectionError, ChunkedEncodingError):
        return
    assert answer.status_code >= 500 or b"garbled" in answer.content
