"""Submit, status, result, cancel as §4 describes them."""

import re
from datetime import datetime

import pytest
import requests

from tests.support.sandbox_client import Client
from tests.support.sandbox_keys import LOCKED_KEY, SANDBOX_KEY

ECHO = "sandbox/echo"
FLUX = "fal-ai/flux"


def test_submit_answer(client: Client) -> None:
    answer = client.post("fal-ai/flux/dev", {"prompt": "x"})
    body = answer.json()
    home = f"{client.addresses.queue}/{FLUX}/requests/{body['request_id']}"
    assert answer.status_code == 200
    assert "application/json" in answer.headers["content-type"]
    assert body == {
        "status": "IN_QUEUE", "request_id": answer.headers["x-fal-request-id"], "queue_position": 2,
        "response_url": home, "status_url": f"{home}/status", "cancel_url": f"{home}/cancel",
    }  # fmt: skip


def test_urls_follow_the_host_header(client: Client) -> None:
    answer = client.post(ECHO, headers={"Host": "queue.fal.run"}).json()
    assert answer["status_url"].startswith("http://queue.fal.run/sandbox/echo/requests/")


def test_status_in_the_queue(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 60, "position": 3}})
    queued = client.ask(ECHO, request_id, "/status?logs=1")
    assert queued.status_code == 202
    assert set(queued.json()) == {
        "status", "request_id", "response_url", "status_url", "cancel_url", "queue_position",
    }  # fmt: skip
    assert queued.json()["queue_position"] == 3
    early = client.ask(ECHO, request_id)
    assert (early.status_code, early.json()) == (400, {"detail": "Request is still in progress"})


def test_status_while_running(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}})
    running = client.ask(ECHO, request_id, "/status")
    assert running.status_code == 202
    assert set(running.json()) == {
        "status", "request_id", "response_url", "status_url", "cancel_url", "logs",
    }  # fmt: skip
    assert client.ask(ECHO, request_id).status_code == 400


def test_life_of_a_request(client: Client) -> None:
    request_id = client.submit(ECHO, {"text": "hi", "sandbox": {"queue": 0.2, "run": 0.3}})
    completed = client.wait(ECHO, request_id)
    assert completed["metrics"] == {"inference_time": pytest.approx(0.3)}
    assert "error" not in completed
    assert client.ask(ECHO, request_id, "/status").status_code == 200
    result = client.ask(ECHO, request_id)
    assert (result.status_code, result.json()) == (200, {"text": "hi"})
    assert result.headers["x-fal-request-id"] == request_id
    assert result.headers["x-fal-served-from"] == "sandbox"
    assert float(result.headers["x-fal-billable-units"]) > 0


@pytest.mark.parametrize(
    ("query", "given"),
    [("", False), ("?logs=0", False), ("?logs=false", False), ("?logs=1", True), ("?logs=true", True)],
)
def test_logs_key_is_always_there(client: Client, query: str, given: bool) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0}})
    status = client.ask(ECHO, request_id, f"/status{query}").json()
    assert isinstance(status["logs"], list) == given
    assert "logs" in status


def test_log_lines(client: Client) -> None:
    lines = ["plain", "\x1b]0;title\x07 esc", "ünï"]
    orders = {"queue": 0, "run": 0.1, "logs": lines}
    request_id = client.submit("fal-ai/flux/schnell", {"prompt": "x", "sandbox": orders})
    logs = client.wait(FLUX, request_id)["logs"]
    for entry in logs:
        assert entry["source"] == "USER"
        assert entry["level"] in ("STDERR", "STDOUT", "ERROR", "INFO", "WARN", "DEBUG")
        assert datetime.fromisoformat(entry["timestamp"]).tzinfo is not None
    assert [entry["message"] for entry in logs if entry["level"] == "STDOUT"] == lines
    bars = [entry["message"] for entry in logs if entry["level"] == "STDERR"]
    assert re.fullmatch(r"  0%\|          \| 0/4 \[00:00<\?, \?it/s\]", bars[0])
    assert bars[-1].startswith("100%|██████████| 4/4 [")
    assert logs[-1]["level"] == "INFO"


def test_logs_are_a_window(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0.1, "logs": [f"{n}" for n in range(90)]}})
    messages = [entry["message"] for entry in client.wait(ECHO, request_id)["logs"]]
    assert len(messages) == 40
    assert "0" not in messages
    assert "89" in messages


@pytest.mark.parametrize("prefix", ["fal-ai/flux", "fal-ai/flux/schnell"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_both_prefixes_and_a_trailing_slash(client: Client, prefix: str, slash: str) -> None:
    orders = {"queue": 0, "run": 0}
    request_id = client.submit("fal-ai/flux/schnell", {"prompt": "x", "sandbox": orders})
    for tail, expected in (("/status", 200), ("", 200), ("/response", 200), ("/status/stream", 200)):
        assert client.ask(prefix, request_id, tail + slash).status_code == expected
    assert client.ask(prefix, request_id, "/cancel" + slash, "PUT").status_code == 400


@pytest.mark.parametrize("namespace", ["workflows", "comfy"])
def test_namespaces(client: Client, namespace: str) -> None:
    app = f"{namespace}/sandbox/echo"
    body = client.post(f"{app}/deep/path", {"n": 2**60}).json()
    assert f"/{app}/requests/" in body["status_url"]
    assert client.outcome(app, body["request_id"]).json() == {"n": 2**60}


def test_unknown_things(client: Client) -> None:
    request_id = client.submit(ECHO)
    app = client.post("acme/nothing")
    assert (app.status_code, app.json()) == (404, {"detail": 'Application "acme/nothing" not found'})
    for found in (
        client.ask(ECHO, "00000000-0000-0000-0000-000000000000", "/status"),
        client.ask(FLUX, request_id, "/status"),
        client.ask(FLUX, request_id),
        client.cancel(FLUX, request_id),
    ):
        assert (found.status_code, found.json()) == (404, {"status": "NOT_FOUND"})


def test_wrong_methods(client: Client) -> None:
    request_id = client.submit(ECHO)
    for tail, method, allowed in (
        ("/status", "POST", "GET"),
        ("/cancel", "GET", "PUT"),
        ("", "DELETE", "GET"),
    ):
        answer = client.ask(ECHO, request_id, tail, method)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert client.send("OPTIONS", f"{client.addresses.queue}/{ECHO}").status_code == 405


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        ("{}", "text/plain", 422),
        ("{}", None, 422),
        ("{", "application/json", 400),
        ('{"a": NaN}', "application/json", 400),
        ('{"a": 1e999}', "application/json", 400),
        ('{"a": "\\ud800"}', "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        ("", "application/json", 400),
        ("{}", "application/json; charset=utf-8", 200),
        ("{}", "application/merge-patch+json", 200),
    ],
)
def test_submit_body(client: Client, data: str, content_type: str | None, status: int) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    before = client.stats()["accepted"]
    answer = client.send("POST", f"{client.addresses.queue}/{ECHO}", data=data.encode(), headers=headers)
    assert answer.status_code == status
    assert client.stats()["accepted"] - before == (status == 200)


def test_get_submits_its_query(client: Client) -> None:
    url = f"{client.addresses.queue}/fal-ai/flux/schnell"
    query = {"prompt": "x", "num_images": "2", "sandbox": '{"queue":0,"run":0}'}
    request_id = client.send("GET", url, params=query).json()["request_id"]
    assert len(client.outcome(FLUX, request_id).json()["images"]) == 2


def test_bad_input_is_accepted_and_refused_at_the_result(client: Client) -> None:
    request_id = client.submit("fal-ai/flux/dev", {"num_images": 9})
    status = client.wait(FLUX, request_id)
    assert status["error"]
    assert "error_type" not in status  # the app's own refusal
    result = client.ask(FLUX, request_id)
    assert result.status_code == 422
    assert "x-fal-error-type" not in result.headers
    assert result.headers["x-fal-billable-units"] == "0"
    missing, too_many = result.json()["detail"]
    assert (missing["loc"], missing["type"]) == (["body", "prompt"], "missing")
    assert missing["url"] == "https://docs.fal.ai/errors/#missing"
    assert (too_many["type"], too_many["ctx"], too_many["input"]) == ("less_than_equal", {"le": 4}, 9)


def test_unknown_path_of_a_known_app(client: Client) -> None:
    result = client.outcome(FLUX, client.submit("fal-ai/flux/nope"))
    assert (result.status_code, result.json()) == (404, {"detail": "Path /nope not found"})
    assert result.headers["x-fal-billable-units"] == "0"


def test_malformed_order_is_named_at_submit(client: Client) -> None:
    answer = client.post(ECHO, {"sandbox": {"quueue": 1}})
    (entry,) = answer.json()["detail"]
    assert answer.status_code == 422
    assert entry["loc"] == ["body", "sandbox", "quueue"]
    assert "queue" in entry["msg"]


def test_cancel_in_the_queue(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 60}})
    answer = client.cancel(ECHO, request_id)
    assert (answer.status_code, answer.json()) == (200, {"status": "OK"})
    status = client.ask(ECHO, request_id, "/status").json()
    assert (status["status"], status["error_type"]) == ("COMPLETED", "client_cancelled")
    assert status["metrics"] == {"inference_time": None}
    result = client.ask(ECHO, request_id)
    assert (result.status_code, result.json()["error_type"]) == (499, "client_cancelled")
    assert result.headers["x-fal-error-type"] == "client_cancelled"
    again = client.cancel(ECHO, request_id)
    assert (again.status_code, again.json()) == (400, {"status": "ALREADY_COMPLETED"})


def test_cancel_while_running(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 60}})
    client.wait(ECHO, request_id, "IN_PROGRESS")
    answer = client.cancel(ECHO, request_id)
    assert (answer.status_code, answer.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    assert client.outcome(ECHO, request_id).status_code == 499


def test_cancel_too_late(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0}})
    assert client.cancel(ECHO, request_id).json() == {"status": "ALREADY_COMPLETED"}
    assert client.ask(ECHO, request_id).status_code == 200


def test_cancel_touches_its_own_request_only(client: Client) -> None:
    cancelled = client.submit(ECHO, {"sandbox": {"queue": 60}})
    other = client.submit(ECHO, {"sandbox": {"queue": 0.3, "run": 0}})
    client.cancel(ECHO, cancelled)
    assert client.outcome(ECHO, other).status_code == 200
    assert client.ask(ECHO, cancelled).status_code == 499


def test_queue_length_limit(client: Client) -> None:
    before = client.stats()["accepted"]
    orders = {"sandbox": {"position": 5}}
    refused = client.post(ECHO, orders, "?fal_max_queue_length=4")
    assert refused.status_code == 429
    assert isinstance(refused.json()["detail"], str)
    assert client.post(ECHO, orders, "?fal_max_queue_length=5").status_code == 200
    assert client.post(ECHO, orders, "?fal_max_queue_length=some").status_code == 400
    assert client.stats()["accepted"] == before + 1


def test_low_priority_waits_behind(client: Client) -> None:
    low = client.post(ECHO, headers={"X-Fal-Queue-Priority": "low"}).json()
    odd = client.post(ECHO, headers={"X-Fal-Queue-Priority": "whatever"}).json()
    assert low["queue_position"] > odd["queue_position"]


def test_webhook_of_a_private_sandbox(client: Client) -> None:
    answer = client.post(ECHO, {}, "?fal_webhook=http%3A%2F%2F127.0.0.1%2Fhook")
    assert answer.status_code == 400
    assert "delivers no webhooks" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["X-Fal-Request-Start-Timeout", "X-Fal-Request-Timeout"])
def test_missed_start_deadline(client: Client, name: str) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 60}}, headers={name: "0.2"})
    status = client.wait(ECHO, request_id)
    assert status["error_type"] == "request_timeout"
    result = client.ask(ECHO, request_id)
    assert result.status_code == 504
    assert result.headers["x-fal-request-timeout-type"] == "user"
    assert result.json()["error_type"] == "request_timeout"


def test_newer_deadline_wins_and_bad_ones_are_refused(client: Client) -> None:
    both = {"X-Fal-Request-Start-Timeout": "30.0", "X-Fal-Request-Timeout": "0.2"}
    orders = {"sandbox": {"queue": 0.4, "run": 0}}
    assert client.outcome(ECHO, client.submit(ECHO, orders, headers=both)).status_code == 200
    for text in ("0.1", "soon", "nan", "-1"):
        assert client.post(ECHO, headers={"X-Fal-Request-Timeout": text}).status_code == 400


def test_silent_error(client: Client) -> None:
    orders = {"queue": 0, "run": 0, "fail": 500, "silent_error": True}
    request_id = client.submit(ECHO, {"sandbox": orders})
    status = client.ask(ECHO, request_id, "/status").json()
    assert status["status"] == "COMPLETED"
    assert not {"error", "error_type"} & set(status)
    assert client.ask(ECHO, request_id).status_code == 500


def test_late(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0, "late": 60}})
    for tail in ("/status", "", "/status/stream"):
        assert client.ask(ECHO, request_id, tail).json() == {"status": "NOT_FOUND"}
    assert client.cancel(ECHO, request_id).status_code == 404
    soon = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0, "late": 0.2}})
    assert client.outcome(ECHO, soon).status_code == 200


def test_expire(client: Client) -> None:
    request_id = client.submit(ECHO, {"sandbox": {"queue": 0, "run": 0, "expire": 0}})
    assert client.ask(ECHO, request_id).json() == {"status": "NOT_FOUND"}
    assert client.ask(ECHO, request_id, "/status").status_code == 200


def test_requeue_and_no_retry(client: Client) -> None:
    payload = {"sandbox": {"queue": 0.2, "run": 1, "requeue": 1}}
    request_id = client.submit(ECHO, payload)
    states = [event["status"] for event in client.events(ECHO, request_id, "/status/stream?logs=0")]
    assert states[states.index("IN_PROGRESS") :] == [
        "IN_PROGRESS", "IN_QUEUE", "IN_QUEUE", "IN_PROGRESS", "COMPLETED",
    ]  # fmt: skip
    once = client.submit(ECHO, payload, headers={"X-Fal-No-Retry": "1"})
    assert client.outcome(ECHO, once).status_code == 503


def test_recorded_options(client: Client) -> None:
    headers = {
        "X-Fal-Tags": "team=red,fal.x=1,Bad=2,empty=,no-equals",
        "X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds":60}',
    }
    request_id = client.submit(ECHO, headers=headers)
    found = client.sandbox.store.request(request_id)
    assert found is not None
    assert found[0]["options"]["tags"] == {"team": "red", "empty": ""}
    assert found[0]["options"]["lifecycle"] == '{"expiration_duration_seconds":60}'


def test_keys(client: Client) -> None:
    url = f"{client.addresses.queue}/{ECHO}"
    for header, words in (
        ({}, "Authentication is required"),
        ({"Authorization": f"Bearer {SANDBOX_KEY}"}, "invalid key credentials"),
        ({"Authorization": "Key nocolon"}, "invalid key credentials"),
        ({"Authorization": "Key some:other"}, "No user found for Key ID and Secret"),
    ):
        answer = requests.post(url, json={}, headers=header, timeout=10)
        assert answer.status_code == 401
        assert words in answer.json()["detail"]
        unknown = requests.get(f"{url}/requests/none/status", headers=header, timeout=10)
        assert unknown.status_code == 401


def test_locked_account(client: Client) -> None:
    locked = Client(client.sandbox, LOCKED_KEY)
    before = client.stats()["accepted"]
    for answer in (locked.post(ECHO), locked.run(ECHO)):
        assert answer.status_code == 403
        assert answer.json()["detail"].startswith("User is locked. Reason: Exhausted balance.")
    assert client.stats()["accepted"] == before
    request_id = client.submit(ECHO, {"sandbox": {"queue": 60}})
    assert locked.ask(ECHO, request_id, "/status").status_code == 202
    assert locked.cancel(ECHO, request_id).status_code == 200
    assert locked.ask(ECHO, request_id).status_code == 499
