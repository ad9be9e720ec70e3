"""The vendor's Python client, sync and async, takes the sandbox for the service.

It runs unmodified in a process of its own (`python/client.py`) and knows of the sandbox only what the lines of
`fal sandbox serve` say. Each test looks at what one step reported.
"""

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from fal_cli.sandbox.state import logins
from fal_cli.sandbox.state.store import Store
from tests.interop.conftest import Once, Said, hear

SCRIPT = Path(__file__).with_name("python") / "client.py"
ORDER = ["Queued", "InProgress", "Completed"]
JPEG = "ffd8ff"


@pytest.fixture(scope="session", params=["sync", "async"])
def client(request: pytest.FixtureRequest, once: Once) -> Said:
    """What the client of either kind said; it is run by the first that asks."""
    pytest.importorskip("fal_client", reason="the vendor's Python client is not installed")

    def work() -> dict[str, Any]:
        served = request.getfixturevalue("tls_sandbox")
        env = served.env("SSL_CERT_FILE") | {"SANDBOX_REFRESH_TOKEN": logins.begin(Store(served.state))}
        steps = hear([sys.executable, str(SCRIPT), request.param], env, served.home)
        return {"steps": steps, "state": str(served.state)}

    outcome = once(f"python-{request.param}", work)
    return Said(outcome["steps"], Path(outcome["state"]))


def _assert_in_order(events: list[dict[str, Any]]) -> None:
    """States only advance, and the last is Completed; which of them a poll catches is chance."""
    places = [ORDER.index(event["kind"]) for event in events]
    assert places == sorted(places)
    assert events[-1]["kind"] == "Completed"


def _messages(event: dict[str, Any], level: str = "STDOUT") -> list[str]:
    return [entry["message"] for entry in event["logs"] if entry["level"] == level]


def _assert_field(detail: list[dict[str, Any]], *loc: str) -> None:
    assert list(loc) in [entry["loc"] for entry in detail]
    assert all(entry.keys() >= {"loc", "msg", "type"} for entry in detail)


def test_submit_status_events_result(client: Said) -> None:
    said = client["follow"]
    assert said["first"]["kind"] in ORDER
    _assert_in_order([said["first"], *said["events"]])
    last = said["events"][-1]
    assert _messages(last) == ["one", "two"]
    assert last["metrics"]["inference_time"] == pytest.approx(0.4)
    assert (last["error"], last["error_type"]) == (None, None)
    assert said["result"] == {"text": "a kite"}


def test_a_handle_has_urls_of_the_host_that_was_asked(client: Said) -> None:
    status_url, response_url = client["follow"]["urls"]
    assert response_url.startswith("https://127.0.0.1:")
    assert status_url == f"{response_url}/status"


def test_logs_are_null_when_not_asked_for(client: Said) -> None:
    assert client["without_logs"] == {"kind": "InProgress", "logs": None}


def test_subscribe_tells_the_id_and_each_state(client: Said) -> None:
    said = client["subscribe"]
    (request_id,) = said["enqueued"]
    assert str(UUID(request_id)) == request_id
    _assert_in_order(said["updates"])
    assert _messages(said["updates"][-1]) == ["drawing"]


def test_subscribe_returns_the_output_and_its_file_is_a_jpeg(client: Said) -> None:
    said = client["subscribe"]
    (image,) = said["result"]["images"]
    assert image["content_type"] == "image/jpeg"
    assert said["file"] == [200, "image/jpeg", JPEG]


def test_run(client: Said) -> None:
    assert client["run"] == {"text": "a kite ✓"}


def test_run_with_a_path(client: Said) -> None:
    assert client["run_path"] == {"deep": [1, {"er": None}]}


def test_run_refuses_with_the_fields(client: Said) -> None:
    said = client["run_refused"]
    assert said["code"] == 422
    _assert_field(said["message"], "body", "prompt")
    _assert_field(said["message"], "body", "num_images")


def test_cancel_of_a_queued_request(client: Said) -> None:
    said = client["cancel_queued"]
    assert said["before"] == {"kind": "Queued", "position": 1}
    assert said["after"]["kind"] == "Completed"
    assert said["after"]["error_type"] == "client_cancelled"
    assert said["after"]["metrics"] == {"inference_time": None}


def test_cancel_twice_is_an_error(client: Said) -> None:
    again = client["cancel_queued"]["again"]
    assert again["code"] == 400
    assert "ALREADY_COMPLETED" in again["message"]


@pytest.mark.parametrize("step", ["cancel_queued", "cancel_running"])
def test_the_result_of_a_cancelled_request_raises(client: Said, step: str) -> None:
    result = client[step]["result"]
    assert (result["code"], result["error_type"]) == (499, "client_cancelled")


def test_cancel_of_a_running_request(client: Said) -> None:
    said = client["cancel_running"]
    assert said["before"] == {"kind": "InProgress", "logs": None}
    assert (said["last"]["kind"], said["last"]["error_type"]) == ("Completed", "client_cancelled")


def test_a_bad_input_is_accepted_and_its_result_raises_with_the_field(client: Said) -> None:
    said = client["invalid_input"]
    assert said["last"]["kind"] == "Completed"
    assert said["last"]["error"]
    assert said["result"]["code"] == 422
    _assert_field(said["result"]["message"], "body", "num_images")


def test_a_failure_of_the_model(client: Said) -> None:
    said = client["failed"]
    assert (said["last"]["error"], said["last"]["error_type"]) == ("Invalid status code: 500", None)
    assert _messages(said["last"], "ERROR") == ['{"traceback": "ValueError: no"}']
    assert (said["result"]["code"], said["result"]["error_type"]) == (500, None)


def test_a_failure_of_the_gateway(client: Said) -> None:
    said = client["failed_by_gateway"]
    assert (said["last"]["kind"], said["last"]["error_type"]) == ("Completed", "startup_timeout")
    assert (said["result"]["code"], said["result"]["error_type"]) == (504, "startup_timeout")


def test_a_page_of_the_ingress_is_known_as_such_and_tried_again(client: Said) -> None:
    said = client["ingress"]
    assert said["result"].keys() == {"unique"}
    exchanges = client.exchanges(said["id"])
    assert (exchanges["status"], exchanges["result"]) == (2, 2)


def test_a_missed_start_deadline_is_a_timeout_of_the_user(client: Said) -> None:
    said = client["start_deadline"]
    assert (said["result"]["code"], said["result"]["error_type"]) == (504, "request_timeout")
    # This header is what keeps the client from trying ten times.
    assert said["result"]["headers"]["x-fal-request-timeout-type"] == "user"


def test_a_result_asked_for_too_early(client: Said) -> None:
    assert client["too_early"] == {"code": 400, "body": {"detail": "Request is still in progress"}}


def test_options_arrive(client: Said) -> None:
    low, normal = (client.options(request_id) for request_id in client["options"]["ids"])
    assert (low["priority"], normal["priority"]) == ("low", "normal")
    assert (low["runner_hint"], low["store_io"], low["tags"]) == ("warm-7", "0", {"team": "kites"})


def test_low_priority_waits_further_behind(client: Said) -> None:
    low, normal = client["options"]["places"]
    assert low > normal


def test_status_and_result_by_request_id(client: Said) -> None:
    said = client["by_request_id"]
    assert said["status"]["kind"] == "Completed"
    assert said["status"]["logs"]
    assert said["result"]["prompt"] == "a kite"


def test_a_namespaced_endpoint(client: Said) -> None:
    said = client["namespace"]
    assert "/workflows/sandbox/echo/requests/" in said["url"]
    assert said["result"] == {"text": "a kite"}


def test_an_unknown_app(client: Said) -> None:
    for refusal in client["unknown_app"]:
        assert (refusal["code"], refusal["message"]) == (404, 'Application "no-one/nothing" not found')


def test_an_unknown_id(client: Said) -> None:
    for refusal in client["unknown_id"]:
        assert refusal["code"] == 404
        assert "NOT_FOUND" in refusal["message"]


def test_a_wrong_key(client: Said) -> None:
    said = client["wrong_key"]
    assert (said["code"], said["message"]) == (401, "No user found for Key ID and Secret")


def test_a_webhook_is_refused_with_the_reason(client: Said) -> None:
    said = client["webhook"]
    assert said["code"] == 400
    assert "webhook" in said["message"]


def test_every_error_carries_a_request_id(client: Said) -> None:
    for refusal in (client["run_refused"], client["webhook"], client["wrong_key"], client["failed"]["result"]):
        assert refusal["headers"]["x-fal-request-id"]


def test_the_status_stream(client: Said) -> None:
    events = client["status_stream"]
    states = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    places = [states.index(event["status"]) for event in events]
    assert places == sorted(places)
    assert events[-1]["status"] == "COMPLETED"
    told = [message for event in events if event["status"] != "IN_QUEUE" for message in _messages(event)]
    assert told == ["one", "two"]  # each event has what is new (§4.6)


@pytest.mark.parametrize("name", ["empty", "small", "signed", "large"])
def test_uploads_are_served_back_byte_for_byte(client: Said, name: str) -> None:
    file = client["uploads"][name]
    assert file["got"] == file["sent"]


def test_a_models_stream_grows_to_its_last_event(client: Said) -> None:
    events = client["stream"]
    assert len(events) > 3
    assert [event["partial"] for event in events] == [True] * (len(events) - 1) + [False]
    assert all(after["output"].startswith(before["output"]) for before, after in pairwise(events))


def test_a_realtime_conversation_by_token_and_by_key(client: Said) -> None:
    assert client["realtime"] == [{"text": "one"}, {"text": "two"}] * 2


def test_a_login_that_has_to_be_refreshed(client: Said) -> None:
    assert client["login"] == {"answers": [{"text": "a kite"}] * 2, "rotated": True, "kept": 2}


def test_a_bare_socket_by_token_and_by_key(client: Said) -> None:
    assert client["bare_socket"] == ["'not JSON'", repr(b"\xc1")] * 2
