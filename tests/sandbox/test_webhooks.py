"""Webhooks: what is delivered where, how it is signed, how often it is tried (§10)."""

import os
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests

from fal_cli.sandbox.services import webhooks
from fal_cli.sandbox.state import signing
from fal_cli.sandbox.state.store import Store
from tests.support.sandbox_client import Client, until
from tests.support.sandbox_keys import SANDBOX_KEY, sandbox_at
from tests.support.webhook_receiver import Delivery, Receiver, is_signed

ECHO, DEV = "sandbox/echo", "fal-ai/flux/dev"
DONE = {"queue": 0, "run": 0}
NO_MORE_SECONDS = 0.3
Start = Callable[..., Client]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a sandbox that delivers webhooks."""
    sandbox = sandbox_at(tmp_path_factory.mktemp("sandbox") / "state", webhooks=True)
    sandbox.start()
    yield Client(sandbox)
    sandbox.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def short_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "GAPS", (0.01, 0.02, 0.03))


def submit(client: Client, url: str, payload: Any = None, endpoint: str = ECHO) -> requests.Response:
    return client.post(endpoint, payload or {"sandbox": DONE}, params={"fal_webhook": url})


def deliver(client: Client, receiver: Receiver, payload: Any = None, endpoint: str = ECHO, count: int = 1) -> str:
    """Submit, wait for so many deliveries, and return the request id."""
    answer = submit(client, receiver.url, payload, endpoint)
    assert answer.status_code == 200, answer.text
    until(lambda: len(receiver.deliveries) >= count)
    return str(answer.json()["request_id"])


def jwks(client: Client) -> Any:
    answer = requests.get(f"{client.addresses.rest}/.well-known/jwks.json", timeout=10)
    assert answer.status_code == 200
    return answer.json()


def one(receiver: Receiver) -> Delivery:
    (found,) = receiver.deliveries
    return found


# -- what is delivered


def test_delivery(client: Client, receiver: Receiver) -> None:
    request_id = deliver(client, receiver, {"prompt": "ünï", "n": 2**60, "sandbox": {"queue": 0.1, "run": 0.1}})
    delivery = one(receiver)
    assert delivery.path == "/hook"
    assert delivery.told == {
        "request_id": request_id, "gateway_request_id": request_id,
        "status": "OK", "payload": {"prompt": "ünï", "n": 2**60},
    }  # fmt: skip
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.headers["x-fal-webhook-request-id"] == request_id
    assert is_signed(delivery, jwks(client))
    assert client.ask(ECHO, request_id).json() == delivery.told["payload"]


def test_it_comes_at_the_end(client: Client, receiver: Receiver) -> None:
    before = time.time()
    deliver(client, receiver, {"sandbox": {"queue": 0.2, "run": 0.2}})
    assert 0.4 <= time.time() - before < 5


def test_no_key_goes_along(client: Client, receiver: Receiver) -> None:
    deliver(client, receiver)
    told = repr(one(receiver).headers).lower()
    assert "authorization" not in told
    assert "cookie" not in told
    assert SANDBOX_KEY not in told
    assert SANDBOX_KEY.encode() not in one(receiver).body


def test_refused_input(client: Client, receiver: Receiver) -> None:
    request_id = deliver(client, receiver, {"num_images": 9, "sandbox": DONE}, DEV)
    told = one(receiver).told
    assert set(told) == {"request_id", "gateway_request_id", "status", "error", "payload"}
    assert (told["status"], told["error"]) == ("ERROR", "Invalid status code: 422")
    assert told["payload"] == client.ask("fal-ai/flux", request_id).json()
    assert [entry["loc"] for entry in told["payload"]["detail"]] == [["body", "prompt"], ["body", "num_images"]]
    assert is_signed(one(receiver), jwks(client))


def test_failure_that_is_no_json(client: Client, receiver: Receiver) -> None:
    deliver(client, receiver, {"sandbox": {**DONE, "fail": {"status": 502, "html": True}}})
    told = one(receiver).told
    assert (told["status"], told["error"], told["payload"]) == ("ERROR", "Invalid status code: 502", None)
    assert "not JSON" in told["payload_error"]


def test_cancelled(client: Client, receiver: Receiver) -> None:
    request_id = submit(client, receiver.url, {"sandbox": {"queue": 60}}).json()["request_id"]
    assert client.cancel(ECHO, request_id).status_code == 200
    until(lambda: receiver.deliveries)
    told = one(receiver).told
    assert (told["status"], told["payload"]["error_type"]) == ("ERROR", "client_cancelled")


def test_another_gateway_id_after_a_requeue(client: Client, receiver: Receiver) -> None:
    request_id = deliver(client, receiver, {"sandbox": {"queue": 0.05, "run": 0.05, "requeue": 1}})
    told = one(receiver).told
    assert told["request_id"] == request_id != told["gateway_request_id"]


def test_files_are_filled_in(client: Client, receiver: Receiver) -> None:
    payload = {"prompt": "x", "image_size": "square", "sandbox": DONE}
    deliver(client, receiver, payload, DEV)
    url = one(receiver).told["payload"]["images"][0]["url"]
    assert requests.get(url, timeout=10).headers["content-type"] == "image/jpeg"
    deliver(client, receiver, {**payload, "sync_mode": True}, DEV, count=2)
    assert receiver.deliveries[1].told["payload"]["images"][0]["url"].startswith("data:image/jpeg;base64,")


def test_lost_answer_to_a_submit_that_was_accepted(client: Client, receiver: Receiver) -> None:
    with pytest.raises(requests.ConnectionError):
        submit(client, receiver.url, {"sandbox": {**DONE, "fault": "submit=cut-after"}})
    until(lambda: receiver.deliveries)


def test_a_get_submits_with_a_webhook_too(client: Client, receiver: Receiver) -> None:
    query = {"a": "1", "sandbox": '{"queue":0,"run":0}', "fal_webhook": receiver.url}
    assert client.send("GET", f"{client.addresses.queue}/{ECHO}", params=query).status_code == 200
    until(lambda: receiver.deliveries)
    assert one(receiver).told["payload"] == {"a": "1"}


def test_counters(client: Client, receiver: Receiver) -> None:
    before = client.stats()["http"]["webhook"]
    receiver.answers = [500]
    request_id = deliver(client, receiver, count=2)
    stats = client.stats()
    assert stats["http"]["webhook"] - before == stats["requests"][request_id]["http"]["webhook"] == 2


# -- where it may go


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://example.com/hook", "to this machine only (localhost, 127.0.0.1 or [::1]), not to 'example.com'"),
        ("http://10.0.0.1/hook", "not to '10.0.0.1'"),
        ("http://192.168.1.1:8080/", "not to '192.168.1.1'"),
        ("http://169.254.169.254/latest/meta-data", "not to '169.254.169.254'"),
        ("http://0.0.0.0/", "not to '0.0.0.0'"),
        ("http://[::]/", "not to '::'"),
        ("http://[fe80::1]/", "not to 'fe80::1'"),
        ("http://2130706433/", "not to '2130706433'"),
        ("http://127.1/", "not to '127.1'"),
        ("http://localhost.example.com/", "not to 'localhost.example.com'"),
        ("http://127.0.0.1.example.com/", "not to '127.0.0.1.example.com'"),
        ("http://127.0.0.1@example.com/", "expected an absolute http:// or https:// URL"),
        ("http://user:word@127.0.0.1/", "expected an absolute http:// or https:// URL"),
        ("ftp://127.0.0.1/", "expected an absolute http:// or https:// URL"),
        ("127.0.0.1:80/hook", "expected an absolute http:// or https:// URL"),
        ("//127.0.0.1/hook", "expected an absolute http:// or https:// URL"),
        ("http:///hook", "expected an absolute http:// or https:// URL"),
        ("http://[::1/hook", "expected an absolute http:// or https:// URL"),
        ("http://127.0.0.1:99999/", "expected an absolute http:// or https:// URL"),
        ("http://127.0.0.1:0/", "expected an absolute http:// or https:// URL"),
        ("http://127.0.0.1/a b", "expected an absolute http:// or https:// URL"),
        ("http://127.0.0.1/ü", "expected an absolute http:// or https:// URL"),
        ("http://127.0.0.1/\r\nX: y", "expected an absolute http:// or https:// URL"),
        ("", "expected an absolute http:// or https:// URL"),
    ],
)
def test_refused_targets(client: Client, url: str, named: str) -> None:
    before = client.stats()["accepted"]
    answer = submit(client, url)
    detail = answer.json()["detail"]
    assert answer.status_code == 400
    assert detail.startswith("fal_webhook: ")
    assert named in detail
    assert client.stats()["accepted"] == before


def test_two_targets(client: Client, receiver: Receiver) -> None:
    answer = client.post(ECHO, {}, params=[("fal_webhook", receiver.url)] * 2)
    assert (answer.status_code, answer.json()) == (400, {"detail": "fal_webhook: given more than once"})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST", "[::1]"])
def test_names_of_this_machine(client: Client, host: str) -> None:
    try:
        receiver = Receiver("127.0.0.2" if host == "127.0.0.2" else "::1" if host == "[::1]" else "127.0.0.1")
    except OSError:
        pytest.skip(f"there is no {host} here")
    submit(client, f"http://{host}:{receiver.port}/a%20b/c?d=e&f#g")
    until(lambda: receiver.deliveries)
    receiver.close()
    assert one(receiver).path == "/a%20b/c?d=e&f"
    assert one(receiver).headers["host"] == f"{host}:{receiver.port}"


def test_localhost_may_be_the_other_one(client: Client) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen, so that nobody else does there either
        try:
            receiver = Receiver("::1", closed.getsockname()[1])
        except OSError:
            pytest.skip("there is no IPv6 here")
        submit(client, f"http://localhost:{receiver.port}/")
        until(lambda: receiver.deliveries)
        receiver.close()


def test_over_tls(client: Client, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    receiver.wrap(context)
    url = receiver.url.replace("http://127.0.0.1", "https://localhost")
    request_id = submit(client, url).json()["request_id"]
    until(lambda: client.stats()["requests"][request_id]["http"]["webhook"] == len(webhooks.GAPS) + 1)
    assert receiver.deliveries == []  # nobody vouches for the certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    submit(client, url)
    until(lambda: receiver.deliveries)


# -- how often


def test_tried_again_until_acknowledged(client: Client, receiver: Receiver) -> None:
    receiver.answers = [500, 404, 204]
    deliver(client, receiver, {"sandbox": {**DONE, "fault": "webhook=old*1"}}, count=3)
    time.sleep(NO_MORE_SECONDS)
    first, *others = receiver.deliveries
    assert len(others) == 2
    assert all(other.body == first.body for other in others)
    keys = jwks(client)
    assert [is_signed(each, keys) for each in (first, *others)] == [False, True, True]  # each signed anew


def test_given_up_in_the_end(client: Client, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.answers = [503] * 9
    request_id = deliver(client, receiver, count=4)
    time.sleep(NO_MORE_SECONDS)
    assert len(receiver.deliveries) == len(webhooks.GAPS) + 1
    warned = [record.getMessage() for record in caplog.records if request_id in record.getMessage()]
    assert warned[0] == f"sandbox: the webhook of {request_id} was answered with 503 and is sent again in 0.01 s"
    assert warned[-1] == f"sandbox: the webhook of {request_id} was answered with 503 and is not sent again"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(client: Client, receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    deliver(client, receiver)
    time.sleep(NO_MORE_SECONDS)
    assert [each.path for each in receiver.deliveries] == ["/hook"]


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def talk_nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"what?\r\n\r\n")
    handler.close_connection = True


def dawdle(handler: BaseHTTPRequestHandler) -> None:
    """Each byte comes in time, but all of them do not."""
    handler.close_connection = True
    for byte in b"HTTP/1.1 200 OK\r\n\r\n":
        try:
            handler.wfile.write(bytes([byte]))
        except OSError:
            return
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [hang_up, talk_nonsense, dawdle])
def test_bad_answers(
    client: Client, receiver: Receiver, answer: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "FIRST_SECONDS", 0.3)
    receiver.answers = [answer]
    deliver(client, receiver, count=2)


def test_a_body_without_end_does_not_matter(client: Client, receiver: Receiver) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "99")
        handler.end_headers()
        hang_up(handler)

    receiver.answers = [answer]
    deliver(client, receiver)
    time.sleep(NO_MORE_SECONDS)
    assert len(receiver.deliveries) == 1


def test_early_hints_are_no_answer(client: Client, receiver: Receiver) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")

    receiver.answers = [answer]
    deliver(client, receiver, count=2)


def test_receiver_that_comes_up_late(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "GAPS", (0.2,) * 20)
    early = Receiver()
    early.close()
    request_id = submit(client, early.url).json()["request_id"]
    until(lambda: client.stats()["requests"][request_id]["http"]["webhook"])
    late = Receiver(port=early.port)
    until(lambda: late.deliveries)
    late.close()


def test_forgotten_request(start: Start, receiver: Receiver) -> None:
    client = start(webhooks=True)
    submit(client, receiver.url, {"sandbox": {"queue": 0, "run": 0.3}})
    client.sandbox.store.reset()
    time.sleep(0.3 + NO_MORE_SECONDS)
    assert receiver.deliveries == []


def test_stopping_does_not_wait(start: Start, receiver: Receiver) -> None:
    client = start(webhooks=True)
    receiver.answers = [500] * 9
    deliver(client, receiver)
    submit(client, receiver.url, {"sandbox": {"queue": 60}})
    before = time.monotonic()
    client.sandbox.stop()
    assert time.monotonic() - before < 5


# -- faults


def test_redelivered(client: Client, receiver: Receiver) -> None:
    deliver(client, receiver, {"sandbox": {**DONE, "fault": "webhook=redeliver"}}, count=2)
    time.sleep(NO_MORE_SECONDS)
    first, second = receiver.deliveries
    keys = jwks(client)
    assert first.body == second.body
    assert is_signed(first, keys)
    assert is_signed(second, keys)


@pytest.mark.parametrize("word", ["bad-signature", "old"])
def test_spoilt_signatures(client: Client, receiver: Receiver, word: str) -> None:
    receiver.answers = [401]
    deliver(client, receiver, {"sandbox": {**DONE, "fault": f"webhook={word}*1"}}, count=2)
    keys = jwks(client)
    bad, good = receiver.deliveries
    assert (is_signed(bad, keys), is_signed(good, keys)) == (False, True)
    assert len(bad.headers["x-fal-webhook-signature"]) == 128
    age = time.time() - int(bad.headers["x-fal-webhook-timestamp"])
    assert (age > 300) == (word == "old")


def test_faults_of_the_server(start: Start, receiver: Receiver) -> None:
    client = start(webhooks=True, faults=["webhook=bad-signature*1", "any=503*1", "jwks=500*1"])
    assert submit(client, receiver.url).status_code == 503
    deliver(client, receiver)
    deliver(client, receiver, count=2)
    assert requests.get(f"{client.addresses.rest}/.well-known/jwks.json", timeout=10).status_code == 500
    keys = jwks(client)
    assert [is_signed(each, keys) for each in receiver.deliveries] == [False, True]
    assert client.stats()["http"]["jwks"] == 2


# -- the key


def test_key_is_kept_and_private(start: Start, receiver: Receiver, tmp_path: Path) -> None:
    first = start(webhooks=True)
    deliver(first, receiver)
    path = tmp_path / "state" / signing.KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made = path.read_bytes()
    keys = jwks(first)
    first.sandbox.store.reset()
    first.sandbox.stop()
    private = start()  # one that delivers none serves the same key
    assert jwks(private) == keys
    assert path.read_bytes() == made
    assert is_signed(one(receiver), jwks(private))


def test_jwks_is_for_everybody(client: Client) -> None:
    document = jwks(client)
    (key,) = document["keys"]
    assert (key["kty"], key["crv"], len(key["x"])) == ("OKP", "Ed25519", 43)
    assert client.send("POST", f"{client.addresses.rest}/.well-known/jwks.json").status_code == 405


def test_one_key_however_many_begin(tmp_path: Path) -> None:
    stores = [Store(tmp_path) for _ in range(8)]
    umask = os.umask(0)
    try:
        with ThreadPoolExecutor(8) as pool:
            keys = list(pool.map(signing.jwks, stores))
    finally:
        os.umask(umask)
    assert all(key == keys[0] for key in keys)
    assert stat.S_IMODE((tmp_path / signing.KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*.part")] == []


# -- the command


def test_served_by_the_command(tmp_path: Path, receiver: Receiver) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "FAL_CLI_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "fal_cli", "sandbox", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        printed = [process.stdout.readline().removeprefix("export ").strip() for _ in range(6)]
        hosts = dict(line.split("=", 1) for line in printed)
        query, headers = {"fal_webhook": receiver.url}, {"Authorization": f"Key {hosts['FAL_KEY']}"}
        receiver.answers = [302]
        url = f"{hosts['FAL_QUEUE_RUN_HOST']}/{ECHO}"
        answer = requests.post(url, params=query, json={"sandbox": DONE}, headers=headers, timeout=10)
        until(lambda: receiver.deliveries)
        keys = requests.get(f"{hosts['FAL_REST_HOST']}/.well-known/jwks.json", timeout=10).json()
        process.terminate()
        said = process.stderr.read()
    assert is_signed(one(receiver), keys)
    assert f"the webhook of {answer.json()['request_id']} was answered with 302 and is not sent again" in said


def test_refused_by_a_private_one(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "FAL_CLI_HOME": str(tmp_path)}
    words = ["--sandbox", "submit", ECHO, "--webhook", "http://127.0.0.1:9/hook"]
    command = [sys.executable, "-m", "fal_cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert "this sandbox delivers no webhooks, for it ends with its command" in done.stderr
