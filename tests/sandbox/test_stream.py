"""The status stream of §4.6."""

import json
import threading
import time
from collections.abc import Callable

import pytest

from fal_cli.sandbox.services import stream
from tests.support.sandbox_client import Client

ECHO = "sandbox/echo"


def test_every_change_is_an_event(client: Client) -> None:
    orders = {"queue": 0.6, "run": 0.5, "position": 2, "logs": ["one", "two"]}
    request_id = client.submit(ECHO, {"sandbox": orders})
    events = client.events(ECHO, request_id)
    positions = [event["queue_position"] for event in events if event["status"] == "IN_QUEUE"]
    assert positions == [2, 1, 0][-len(positions) :]
    running = [event for event in events if event["status"] == "IN_PROGRESS"]
    assert len(running) >= 4
    assert events[-1]["status"] == "COMPLETED"
    assert sum(event["status"] == "COMPLETED" for event in events) == 1


def test_each_event_has_the_new_log_lines_only(client: Client) -> None:
    lines = [f"line {number}" for number in range(60)]
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0.1, "run": 0.6, "logs": lines}})
    events = client.events(ECHO, request_id)
    told = [entry["message"] for event in events for entry in event.get("logs", [])]
    ordered = [message for message in told if message.startswith("line")]
    assert ordered == lines  # each once, also those that have left the moving window
    assert len({(entry["timestamp"], entry["message"]) for event in events for entry in event.get("logs", [])}) == len(
        told
    )
    window = client.ask(ECHO, request_id, "/status?logs=1").json()["logs"]
    assert len(window) == 40  # the plain status still has its window


def test_a_stream_that_is_opened_again_begins_with_the_window(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0.2, "logs": ["one", "two"]}})
    first, again = client.events(ECHO, request_id), client.events(ECHO, request_id)
    (last,) = again
    assert [entry["message"] for event in first for entry in event["logs"]] == [
        entry["message"] for entry in last["logs"]
    ]


def test_without_logs(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0.1, "run": 0.2, "position": 0}})
    events = client.events(ECHO, request_id, "/status/stream")
    assert [event["status"] for event in events] == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert all(event["logs"] is None for event in events[1:])


def test_of_a_finished_request(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0}})
    answer = client.ask(ECHO, request_id, "/status/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content.startswith(b'data: {"status":"COMPLETED"')
    assert answer.content.endswith(b"}\n\n")
    assert answer.content.count(b"data:") == 1


def test_completion_is_told_at_once(client: Client) -> None:
    # The best of several, for a busy machine: a server that polled would be late by chance each time.
    assert min(completion_delay(client) for _ in range(4)) < 0.03


def completion_delay(client: Client) -> float:
    """Seconds from the recorded end of a request to the arrival of its last event."""
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0.33}})
    answer = client.ask(ECHO, request_id, "/status/stream", stream=True)
    next(line for line in answer.iter_lines(chunk_size=1) if b"COMPLETED" in line)
    seen = time.time()
    found = client.sandbox.store.request(request_id)
    assert found is not None
    delay = seen - (found[0]["accepted"] + found[0]["timeline"]["changes"][-1][0])
    assert delay >= 0
    return float(delay)


def test_notices_a_cancel_by_another_process(start: Callable[..., Client]) -> None:
    following, cancelling = start(), start()
    request_id = following.submit(ECHO, {"sandbox": {"queue": 60}})
    answer = following.ask(ECHO, request_id, "/status/stream", stream=True)
    threading.Timer(0.3, cancelling.cancel, (ECHO, request_id)).start()
    last = answer.content.decode().rstrip().rpartition("data: ")[2]
    assert json.loads(last)["error_type"] == "client_cancelled"


def test_pings_in_the_silence(start: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PING_SECONDS", 0.1)
    client = start()
    request_id = client.submit(ECHO, {"sandbox": {"queue": 1, "position": 0, "run": 0}})
    body = client.ask(ECHO, request_id, "/status/stream").content
    assert b"\n\n: ping\n\n" in body
