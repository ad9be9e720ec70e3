"""The vendor's JavaScript client takes the sandbox for the service, in polling and in streaming mode.

It is installed from the registry, once a session and outside of the checkout, and runs in a process of its own
(`javascript/client.mjs`) in which only the host of each URL is rewritten. Each test looks at what one step
reported. Without node, npm or the registry the tests are skipped, with that reason.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.interop.conftest import Once, Said, hear

FILES = Path(__file__).with_name("javascript")
OLDEST_NODE = 18
INSTALL = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
INSTALL_SECONDS = 90.0
# npm's words for a registry that is not there, as against one that has no such version.
UNREACHABLE = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|"
    r"ENOTCACHED|E401|E403|E407|E5\d\d|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY)\b"
)
ORDER = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
JPEG = "ffd8ff"


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest, once: Once) -> Said:
    """What the client said; it is installed and run by the first that asks."""

    def work() -> dict[str, Any]:
        folder = once.folder / "javascript"
        missing = _missing_node() or _install(folder)
        if missing:
            return {"skip": missing}
        served = request.getfixturevalue("tls_sandbox")
        steps = hear(["node", *_flags(), "client.mjs"], served.env("NODE_EXTRA_CA_CERTS"), folder)
        return {"steps": steps, "state": str(served.state)}

    outcome = once("javascript", work)
    if "skip" in outcome:
        pytest.skip(outcome["skip"])
    return Said(outcome["steps"], Path(outcome["state"]))


def _flags() -> list[str]:
    """Node 20 has a WebSocket behind a flag; older ones know no such flag, newer ones need none."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return ["--experimental-websocket"] if version.startswith("v20.") else []


def _missing_node() -> str | None:
    """Why there can be no client on this machine, if so."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        return f"node {version} is too old for the client, which needs {OLDEST_NODE}"
    return None


def _install(folder: Path) -> str | None:
    """Installs the client into a copy of the folder; the reason if the registry cannot be reached."""
    shutil.copytree(FILES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    env = os.environ | {"npm_config_fetch_retries": "1", "npm_config_fetch_retry_mintimeout": "1000"}
    try:
        done = subprocess.run(
            INSTALL, cwd=folder, env=env, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the npm registry cannot be reached: no end of npm install within {INSTALL_SECONDS:.0f} s"
    found = UNREACHABLE.search(done.stderr)
    if done.returncode and found:
        return f"the npm registry cannot be reached: {found[0]}"
    assert done.returncode == 0, done.stderr
    return None


def _assert_in_order(events: list[dict[str, Any]]) -> None:
    """States only advance, and the last is COMPLETED; which of them a poll catches is chance."""
    places = [ORDER.index(event["status"]) for event in events]
    assert places == sorted(places)
    assert events[-1]["status"] == "COMPLETED"


def _ordered(event: dict[str, Any]) -> list[str]:
    """The ordered log messages of an event, as often as it has them."""
    return [entry["message"] for entry in event.get("logs") or [] if entry["level"] == "STDOUT"]


def test_submit(client: Said) -> None:
    said = client["submit"]
    assert said.keys() == {"status", "request_id", "response_url", "status_url", "cancel_url", "queue_position"}
    assert (said["status"], said["queue_position"]) == ("IN_QUEUE", 1)
    assert str(UUID(said["request_id"])) == said["request_id"]


def test_status_with_logs(client: Said) -> None:
    said = client["follow"]
    assert said["first"]["status"] in ORDER
    assert said["last"]["status"] == "COMPLETED"
    assert _ordered(said["last"]) == ["drawing"]
    assert said["last"]["metrics"]["inference_time"] == pytest.approx(0.2)


def test_result_is_data_and_the_id_of_the_request(client: Said) -> None:
    said = client["follow"]
    assert said["result"]["data"]["prompt"] == "a kite"
    assert said["result"]["requestId"] == said["requestId"]


def test_the_file_of_a_result_is_a_jpeg(client: Said) -> None:
    assert client["follow"]["file"] == [200, "image/jpeg", JPEG]


def test_logs_are_null_when_not_asked_for(client: Said) -> None:
    said = client["withoutLogs"]
    assert said["status"] == "IN_PROGRESS"
    assert said["logs"] is None


def test_stream_status(client: Said) -> None:
    said = client["streamStatus"]
    _assert_in_order(said["events"])
    assert said["done"] == said["events"][-1]
    assert [message for event in said["events"] for message in _ordered(event)] == ["one", "two"]
    assert said["streamId"] == said["requestId"]


@pytest.mark.parametrize(
    ("step", "before"), [("cancelWhileStreamingTheQueue", "IN_QUEUE"), ("cancelWhileStreamingTheRun", "IN_PROGRESS")]
)
def test_stream_status_sees_a_cancel(client: Said, step: str, before: str) -> None:
    first, last = client[step]
    assert first["status"] == before
    assert (last["status"], last["error_type"]) == ("COMPLETED", "client_cancelled")


def test_stream_status_of_an_unknown_id(client: Said) -> None:
    said = client["streamOfUnknownId"]
    assert (said["kind"], said["status"], said["body"]) == ("ApiError", 404, {"status": "NOT_FOUND"})


@pytest.mark.parametrize("step", ["subscribePolling", "subscribeStreaming"])
def test_subscribe(client: Said, step: str) -> None:
    said = client[step]
    (request_id,) = said["enqueued"]
    assert said["result"] == {"data": {"text": "a kite"}, "requestId": request_id}
    _assert_in_order(said["updates"])
    # In streaming mode the client strings the logs of all events together: each event has only new ones (§4.6).
    assert _ordered(said["updates"][-1]) == ["one", "two"]


def test_run(client: Said) -> None:
    said = client["run"]
    assert said["data"] == {"text": "a kite ✓"}
    assert str(UUID(said["requestId"])) == said["requestId"]


def test_run_with_get_sends_the_input_as_the_query(client: Said) -> None:
    assert client["runWithGet"]["data"] == {"text": "a kite", "more": "1"}


def test_run_refuses_with_the_fields(client: Said) -> None:
    said = client["runRefused"]
    assert (said["kind"], said["status"], said["validation"]) == ("ValidationError", 422, True)
    assert {tuple(entry["loc"]) for entry in said["body"]["detail"]} == {("body", "prompt"), ("body", "num_images")}


def test_a_bad_input_is_accepted_and_its_result_raises_with_the_field(client: Said) -> None:
    said = client["invalidInput"]
    assert said["last"]["status"] == "COMPLETED"
    assert said["last"]["error"]
    assert (said["result"]["kind"], said["result"]["status"]) == ("ValidationError", 422)
    (field,) = said["result"]["fields"]
    assert said["result"]["body"]["detail"] == [field]
    assert field["loc"] == ["body", "num_images"]


def test_cancel_of_a_queued_request(client: Said) -> None:
    said = client["cancelQueued"]
    assert (said["status"]["status"], said["status"]["error_type"]) == ("COMPLETED", "client_cancelled")
    assert said["result"]["status"] == 499
    assert (said["again"]["status"], said["again"]["body"]) == (400, {"status": "ALREADY_COMPLETED"})


def test_cancel_of_a_running_request(client: Said) -> None:
    said = client["cancelRunning"]
    assert (said["last"]["status"], said["last"]["error_type"]) == ("COMPLETED", "client_cancelled")
    assert said["result"]["status"] == 499


def test_a_failure_of_the_model(client: Said) -> None:
    said = client["failed"]
    assert (said["last"]["status"], said["last"]["error"]) == ("COMPLETED", "Invalid status code: 500")
    assert "error_type" not in said["last"]  # it is the app's own failure
    assert (said["result"]["kind"], said["result"]["status"]) == ("ApiError", 500)
    assert said["result"]["body"] == {"detail": "out of kites"}


def test_a_page_of_the_ingress_is_tried_again(client: Said) -> None:
    said = client["ingress"]
    assert said["data"] == {"text": "a kite"}
    assert client.exchanges(said["id"])["result"] == 2


def test_a_missed_start_deadline_is_a_timeout_of_the_user(client: Said) -> None:
    said = client["startDeadline"]
    assert (said["status"], said["isUserTimeout"]) == (504, True)


def test_a_result_asked_for_too_early(client: Said) -> None:
    said = client["tooEarly"]
    assert (said["status"], said["body"]) == (400, {"detail": "Request is still in progress"})


def test_options_arrive(client: Said) -> None:
    said = client["options"]
    assert said["queue_position"] > client["submit"]["queue_position"]
    understood = client.options(said["request_id"])
    assert (understood["priority"], understood["runner_hint"], understood["store_io"]) == ("low", "warm-7", "0")
    assert "3600" in understood["lifecycle"]


def test_the_client_always_names_a_priority(client: Said) -> None:
    assert client.options(client["submit"]["request_id"])["priority"] == "normal"


def test_an_unknown_app(client: Said) -> None:
    for refusal in client["unknownApp"]:
        assert refusal["status"] == 404
        assert refusal["body"] == {"detail": 'Application "no-one/nothing" not found'}


def test_an_unknown_id(client: Said) -> None:
    for refusal in client["unknownId"]:
        assert (refusal["status"], refusal["body"]) == (404, {"status": "NOT_FOUND"})


def test_a_wrong_key(client: Said) -> None:
    said = client["wrongKey"]
    assert (said["status"], said["body"]) == (401, {"detail": "No user found for Key ID and Secret"})


def test_a_webhook_is_refused_with_the_reason(client: Said) -> None:
    said = client["webhook"]
    assert said["status"] == 400
    assert "webhook" in said["body"]["detail"]


def test_every_error_carries_a_request_id(client: Said) -> None:
    refusals = (client["runRefused"], client["webhook"], client["wrongKey"], *client["unknownId"])
    assert all(refusal["requestId"] for refusal in refusals)


def test_uploads_are_served_back_byte_for_byte(client: Said) -> None:
    seen = client["uploads"]
    assert seen == {"small": {"size": 5, "same": True}, "large": {"size": 91 * 1024 * 1024, "same": True}}


def test_a_models_stream_grows_to_its_last_event(client: Said) -> None:
    said = client["modelStream"]
    assert len(said["events"]) > 3
    assert said["events"][-1] == said["done"]
    assert said["done"]["partial"] is False


def test_a_realtime_conversation(client: Said) -> None:
    answers = client["realtime"]
    if answers is None:
        pytest.skip("this node has no WebSocket")
    assert [answer["text"] for answer in answers] == ["one", "two"]
