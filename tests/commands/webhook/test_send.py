"""`fal webhook send` and `jwks`: from a finished request of the sandbox to receivers that do as they like."""

import json
import shutil
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from fal_cli.api.hosts import Hosts
from fal_cli.api.wire import Wire
from fal_cli.commands.webhook import delivery
from fal_cli.commands.webhook.notice import NO_JSON, Ended
from fal_cli.errors import CliError, Exit
from tests.commands.webhook.conftest import Author, Listen, ended, raw
from tests.conftest import Program, Service
from tests.support.faulty_server import Server, Talk, answer, answering, close, read_request, refusing_port, reset, send

OK = [read_request, answer(200, b"thanks"), close]


@pytest.fixture
def done(served: Program) -> str:
    """A finished request's id."""
    return served("run", "sandbox/echo", "a=1", "-q", "--print", "id").text.strip()


def test_from_a_request_to_a_verified_webhook(served: Program, listen: Listen, done: str, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_bytes(served("webhook", "jwks").stdout)
    listener = listen("--jwks", str(keys), "--count", "3")
    sent = served("webhook", "send", done, "--to", listener.url, "--user-id", "me")
    assert sent.stdout == b""
    first, second = sent.stderr.splitlines()
    assert first == f"request {done}: OK, {len(_echo(done))} bytes to {listener.url}"
    assert second.startswith("HTTP/1.1 200 OK after 0.")
    line = listener.line()
    assert (line["valid"], line["duplicate"]) == (True, False)
    assert line["headers"]["X-Fal-Webhook-Request-Id"] == done
    assert line["headers"]["X-Fal-Webhook-User-Id"] == "me"
    assert line["body"] == json.loads(_echo(done))
    again = served("webhook", "send", "last", "--to", listener.url, "--repeat", "2").stderr
    assert "delivery 2 of 2: HTTP/1.1 200 OK" in again
    assert [listener.line()["duplicate"], listener.line()["duplicate"]] == [True, True]
    assert ended(listener.process) == 0


def _echo(request_id: str) -> str:
    return (
        f'{{"error": null, "gateway_request_id": "{request_id}", "payload": {{"a":1}}, '
        f'"request_id": "{request_id}", "status": "OK"}}'
    )


def test_what_goes_over_the_wire(served: Program, service: Service, done: str) -> None:
    with Server(OK) as receiver:
        (served.home / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
        served("webhook", "send", done, "--to", f"{receiver.url}/hook?a=b")
        (seen,) = receiver.requests
    assert (seen.method, seen.target) == ("POST", "/hook?a=b")
    assert seen.headers["content-type"] == "application/json"
    assert seen.body.decode() == _echo(done)
    assert not {"authorization", "cookie"} & set(seen.headers)
    assert service.env["FAL_KEY"].partition(":")[2] not in str(seen)


def test_a_failed_request_is_an_error_with_the_services_own_words(served: Program) -> None:
    detail = {"detail": [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing", "input": {"a": 1}}]}
    order = json.dumps({"status": 422, "body": detail})
    served("run", "sandbox/echo", f"sandbox.fail:={order}", code=4)
    with Server(OK) as receiver:
        told = served("webhook", "send", "last", "--to", receiver.url).stderr
        body = json.loads(receiver.requests[0].body)
    assert ": ERROR, " in told
    assert (body["status"], body["error"], body["payload"]) == ("ERROR", "Invalid status code: 422", detail)
    assert "payload_error" not in body


def test_a_failure_that_is_no_json(served: Program) -> None:
    served("run", "sandbox/echo", 'sandbox.fail:={"status": 500, "html": true}', code=1)
    body = _body(served("webhook", "send", "last", "--to", "http://127.0.0.1/", "--dry-run").stdout)
    assert (body["status"], body["payload"], body["payload_error"]) == ("ERROR", None, NO_JSON)
    assert body["error"].startswith("Invalid status code: 5")


def _body(request: bytes) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.partition(b"\r\n\r\n")[2])
    return body


@pytest.mark.parametrize(
    "output", ["1.50", "17454220438242315174", ' {"a": 1e5,\n"b": "\\ud83d"} ', '"é"', "[]", "null"]
)
def test_the_output_stands_in_the_body_as_it_came(output: str) -> None:
    body = Ended("r", output.encode()).body().decode()
    assert f'"payload": {output.strip()}, "request_id": "r"' in body
    assert "payload_error" not in json.loads(body)


@pytest.mark.parametrize("output", [b"", b"\xff", b"NaN", b"{", b"\x89PNG", b"[" * 100_000, b'{"a": Infinity}'])
def test_an_output_that_is_no_json(output: bytes) -> None:
    assert json.loads(Ended("r", output).body()) == {
        "error": None,
        "gateway_request_id": "r",
        "payload": None,
        "payload_error": NO_JSON,
        "request_id": "r",
        "status": "OK",
    }


def test_a_request_that_is_not_finished(served: Program) -> None:
    served("submit", "sandbox/echo", "a=1", "sandbox.queue=600")
    with Server(OK) as receiver:
        told = served("webhook", "send", "last", "--to", receiver.url, code=8).stderr
        assert "--wait" in told
        assert receiver.connections == 0
        served("submit", "sandbox/echo", "a=1", "sandbox.queue=1")
        served("webhook", "send", "last", "--to", receiver.url, "--wait")
        assert json.loads(receiver.requests[0].body)["status"] == "OK"
    assert (
        "--timeout limits --wait"
        in served("webhook", "send", "x", "--to", "http://a", "--timeout", "1s", code=2).stderr
    )


@pytest.mark.parametrize(
    "to", ["ftp://127.0.0.1/", "127.0.0.1:80", "http://", "http://a b/", "http://x\\y", "file:///etc/passwd"]
)
def test_where_nothing_can_go(served: Program, to: str) -> None:
    assert "--to takes an http:// or https:// URL" in served("webhook", "send", "last", "--to", to, code=2).stderr


def test_what_stands_in_no_header(served: Program) -> None:
    done = served("webhook", "send", "last", "--to", "http://127.0.0.1/", "--user-id", "a\nb", code=2)
    assert "--user-id" in done.stderr


# Acknowledging


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_any_2xx_acknowledges(served: Program, done: str, status: int) -> None:
    with Server([read_request, answer(status, None if status == 204 else b"x"), close]) as receiver:
        assert f"HTTP/1.1 {status} Told" in served("webhook", "send", done, "--to", receiver.url).stderr


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "HTTP/1.1 400 Told: no good"),
        (500, "HTTP/1.1 500 Told: no good"),
        (304, "HTTP/1.1 304 Told, a redirect to nowhere"),
        (307, "HTTP/1.1 307 Told, a redirect to http://127.0.0.1:1/, which is not followed"),
    ],
)
def test_anything_else_does_not(served: Program, done: str, status: int, told: str) -> None:
    headers = {"Location": "http://127.0.0.1:1/"} if status == 307 else {}
    with Server([read_request, answer(status, b"no \n good", headers), close]) as receiver:
        failed = served("webhook", "send", done, "--to", receiver.url, code=1)
        assert len(receiver.requests) == 1
    assert f"fal: the receiver did not acknowledge: {told}" in failed.stderr
    assert "any 2xx within 15 s" in failed.stderr
    assert "result" not in failed.stderr.rpartition("\n")[0]  # the result is not what failed


def test_a_receiver_that_breaks_off(served: Program, done: str) -> None:
    for steps in ([read_request, close], [read_request, reset], [read_request, send(b"HTT"), close]):
        with Server(steps) as receiver:
            failed = served("webhook", "send", done, "--to", receiver.url, code=1)
            assert receiver.connections == 1
        assert "did not acknowledge: 127.0.0.1" in failed.stderr


def test_one_that_is_not_reached_is_code_6(served: Program, done: str) -> None:
    with refusing_port() as port:
        failed = served("webhook", "send", done, "--to", f"http://127.0.0.1:{port}/", code=6)
    assert "the receiver was not reached: 127.0.0.1" in failed.stderr
    assert "name nowhere.invalid was not found" in served(
        "webhook", "send", done, "--to", "http://nowhere.invalid/", code=6
    ).stderr  # fmt: skip


def test_each_of_several_is_told(served: Program, done: str) -> None:
    good, bad = answer(200, b"x", {"Connection": "close"}), answer(503, b"busy", {"Connection": "close"})
    with Server([read_request, good, close], [read_request, bad, close], [read_request, good, close]) as receiver:
        told = served("webhook", "send", done, "--to", receiver.url, "--repeat", "3", code=1).stderr
        assert len({seen.body for seen in receiver.requests}) == 1
    assert "delivery 1 of 3: HTTP/1.1 200" in told
    assert "delivery 2 of 3: the receiver did not acknowledge: HTTP/1.1 503 Told: busy" in told
    assert "delivery 3 of 3: HTTP/1.1 200" in told


def _drip(talk: Talk) -> None:
    """A status line that never ends, a byte every now and then."""
    while not talk.server.stopping.wait(0.05):
        talk.sock.sendall(b"H")


@pytest.mark.parametrize(
    "answering_late", [[read_request, lambda talk: talk.server.stopping.wait(5)], [read_request, _drip]]
)
def test_an_answer_has_15_seconds_in_all(monkeypatch: pytest.MonkeyPatch, answering_late: list[Any]) -> None:
    monkeypatch.setattr(delivery, "ACKNOWLEDGE_SECONDS", 0.4)
    with Server(answering_late) as receiver:
        started = time.monotonic()
        with pytest.raises(CliError, match=r"no answer within 0\.4 s") as error:
            delivery.deliver(Wire(Hosts(), ""), receiver.url, {}, b"{}")
        assert time.monotonic() - started < 3
    assert error.value.code is Exit.FAILED


def test_what_a_receiver_says_is_not_obeyed(served: Program, done: str) -> None:
    with Server(
        [read_request, send(b"HTTP/1.1 400 \x1b[31mred\r\nContent-Length: 4\r\n\r\n\x1b]0;"), close]
    ) as receiver:
        failed = served("webhook", "send", done, "--to", receiver.url, code=1)
    assert "\x1b" not in failed.stderr


# Keys


def test_the_key_is_made_once_and_its_owners_alone(fal: Program) -> None:
    first, second = fal("webhook", "jwks").stdout, fal("webhook", "jwks").stdout
    assert first == second
    (entry,) = json.loads(first)["keys"]
    assert (entry["kty"], entry["crv"], len(entry["x"])) == ("OKP", "Ed25519", 43)
    path = fal.home / "fal" / "state" / "webhook-key.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_many_at_once_make_one_key(fal: Program) -> None:
    processes = [fal.start("webhook", "jwks") for _ in range(6)]
    assert len({process.communicate()[0] for process in processes}) == 1


def test_a_key_of_ones_own(served: Program, done: str, author: Author, tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    pem.write_bytes(author.pem)
    assert json.loads(served("webhook", "jwks", "--key", str(pem)).stdout)["keys"][0]["x"] == author.jwk["x"]
    keys = tmp_path / "jwks"
    keys.write_text(json.dumps(author.jwks))
    request = served(
        "webhook", "send", done, "--to", "http://127.0.0.1:3000/a?b", "--key", str(pem), "--dry-run"
    ).stdout
    assert request.startswith(b"POST /a?b HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n")
    assert served("webhook", "verify", "--jwks", str(keys), stdin=request).text == _echo(done)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("printf nonsense", "is not a private key in PEM format"),
        ("openssl genpkey -algorithm rsa", "is not an Ed25519 key"),
        ("openssl genpkey -algorithm ed25519 -aes256 -pass pass:secret", "is encrypted"),
        ("openssl genpkey -algorithm ed25519 | openssl pkey -pubout", "is not a private key in PEM format"),
    ],
)
def test_keys_that_cannot_sign(fal: Program, tmp_path: Path, command: str, told: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    pem = tmp_path / "key.pem"
    pem.write_bytes(subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout)
    assert told in fal("webhook", "jwks", "--key", str(pem), code=2).stderr


def test_a_key_file_that_is_spoilt_says_where_it_is(fal: Program) -> None:
    fal("webhook", "jwks")
    path = fal.home / "fal" / "state" / "webhook-key.pem"
    path.write_text("")
    assert str(path) in fal("webhook", "jwks", code=2).stderr


def test_the_key_is_served_while_delivering(served: Program, done: str, fal: Program, listen: Listen) -> None:
    """The receiver fetches the keys when the first webhook comes, as any receiver does."""
    with refusing_port() as port:
        pass
    url = f"http://127.0.0.1:{port}/.well-known/jwks.json"
    listener = listen("--jwks", url)
    told = served("webhook", "send", done, "--to", listener.url, "--serve-jwks", str(port)).stderr
    assert f"the public key is at {url}" in told
    assert "the keys were fetched" in told
    assert listener.line()["valid"] is True
    assert "refused the connection" in fal(
        "webhook", "verify", "--jwks", url, "--tolerance", "none", stdin=raw(Author().sign(b""), b"{}"), code=6
    ).stderr  # fmt: skip


def test_the_key_is_served_until_ctrl_c(listen: Listen, served: Program, done: str) -> None:
    process = served.start("webhook", "jwks", "--serve", "0")
    assert process.stdout is not None
    url = process.stdout.readline().decode().strip()
    listener = listen("--jwks", url)
    served("webhook", "send", done, "--to", listener.url)
    assert listener.line()["valid"] is True
    process.send_signal(2)
    assert ended(process) == 130
    process.communicate()


def test_a_port_that_is_taken(served: Program, done: str) -> None:
    with Server(answering(answer(200))) as other:
        words = ("webhook", "send", done, "--to", other.url, "--serve-jwks", str(other.port))
        assert "Choose another with --serve-jwks" in served(*words, code=1).stderr
        assert other.connections == 0
