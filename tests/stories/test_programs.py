"""Every command as a program calls it: one JSON value a line that fits its schema, and a stderr that is short."""

import base64
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

from fal_cli.cli.contract import CONTRACTS
from fal_cli.cli.schemas import schemas
from tests.conftest import Program, Service
from tests.support.faulty_server import Server, Talk, http, read_request
from tests.support.in_process import Called, call

NOW = ("sandbox.queue=0", "sandbox.run=0")
SMALL = ("image_size.width=32", "image_size.height=24", "output_format=png", *NOW)
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in schemas().items()}
BY_PROCESS = {"webhook listen", "sandbox serve", "mcp"}
"""What ends when somebody ends it."""
ODD = b'{"a": 1.10, "b": [1e5, -0, 100000000000000000000001.0], "c": "x y"}'
NUMBERS = b'{"a":1.10,"b":[1e5,-0,100000000000000000000001.0],"c":"x y"}'


@dataclass
class Caller:
    """Calls the program here, and checks whatever it answers."""

    env: Mapping[str, str]
    seen: set[str]

    def __call__(
        self, words: str, *more: str, schema: str = "", stdin: bytes | None = None, code: int | None = 0
    ) -> Called:
        path = max((one for one in CONTRACTS if f"{words} ".startswith(f"{one} ")), key=len)
        self.seen.add(path)
        called = call(self.env, *words.split(), *more, stdin=stdin, code=code)
        check_stderr(called.stderr)
        for line in called.lines:
            VALIDATORS[schema or CONTRACTS[path].stdout.schema].validate(line)
        return called


def check_stderr(text: str) -> None:
    """Every line is an event of a kind that is known; the last one tells how it ended."""
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        VALIDATORS["event"].validate(event)
    assert events[-1]["event"] in ("result", "error")
    assert "result" not in [event["event"] for event in events[:-1]]


@pytest.fixture
def caller(home: Path, service: Service) -> Caller:
    own = {"HOME": str(home), "FAL_CLI_HOME": str(home / "fal"), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    return Caller(own | service.env, set())


def test_every_command_keeps_its_contract(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: str
) -> None:
    monkeypatch.chdir(tmp_path)
    fal = caller
    picture = fal("run", "fal-ai/flux/dev", "prompt=a cat", *SMALL, "-o", "cat.png").value
    assert picture["images"][0]["width"] == 32
    _every_form_of_a_result(fal)
    _following(fal)
    _streams(fal)
    assert fal("upload", "cat.png").value["bytes"] == (tmp_path / "cat.png").stat().st_size
    _the_past(fal)
    _finding(fal)
    _batches(fal, tmp_path)
    _webhooks(fal, receiver)
    _settings(fal)
    _about_itself(fal)
    assert set(CONTRACTS) - fal.seen == {*BY_PROCESS, "subscribe"}


def _every_form_of_a_result(fal: Caller) -> None:
    words = ("fal-ai/flux/dev", "prompt=x", *SMALL)
    for form, schema in CONTRACTS["run"].stdout.options.items():
        if form.startswith("--print") and form != "--print text":
            assert fal("run", *words, *form.split(), schema=schema).lines
    assert fal("run", *words, "--print", "none").lines == []
    assert fal("run", "fal-ai/any-llm", "prompt=hi", *NOW, "--print", "text", schema="text").value
    assert fal("run", *words, "--query", "images[0].width", schema="any").value == 32
    assert fal("run", *words, "--query", "nothing", schema="any").value is None
    assert fal("run", *words, "--dry-run", schema="dry_run").value["input"]["prompt"] == "x"
    assert "curl" in fal("run", *words, "--as", "curl", schema="script").value["script"]
    assert fal("rerun", "last", "seed=3").value["seed"] == 3


def _following(fal: Caller) -> None:
    first = fal("submit", "sandbox/echo", "a=1", *NOW).value["request_id"]
    second = fal("submit", "sandbox/echo", "a=2", *NOW, "--print", "id", schema="text").value
    assert fal("submit", "sandbox/echo", "a=2", *NOW, "--print", "url", schema="text").value.startswith("http")
    assert [line["request_id"] for line in fal("status", first, second).lines] == [first, second]
    assert fal("status", first, "--print", "envelope", schema="status_envelope").value["status"]
    assert fal("status", first, "--follow").lines[-1]["status"] == "COMPLETED"
    assert {line["verdict"] for line in fal("wait", first, second).lines} == {"ok"}
    assert fal("result", first, second).lines == [{"a": 1}, {"a": 2}]
    assert fal("result", first, second, "--print", "id", schema="text").lines == [first, second]
    assert fal("resume", first, second).lines
    assert {line["outcome"] for line in fal("cancel", first, second).lines} == {"too_late"}
    pictured = fal("submit", "fal-ai/flux/dev", "prompt=x", *SMALL).value["request_id"]
    fal("wait", pictured)
    assert fal("logs", pictured).lines


def _streams(fal: Caller) -> None:
    assert len(fal("stream", "fal-ai/any-llm", "prompt=hi", schema="any").lines) > 1
    pieces = fal("stream", "fal-ai/any-llm", "prompt=hi", "--text", schema="text").lines
    assert "".join(pieces) == fal("run", "fal-ai/any-llm", "prompt=hi", *NOW, "--print", "text", schema="text").value
    assert fal("stream", "fal-ai/any-llm", "prompt=hi", "--final", schema="any").value
    assert fal("realtime", "sandbox/echo", stdin=b'{"a": 1}\n{"a": 2}\n').lines


def _the_past(fal: Caller) -> None:
    rows = fal("history").lines
    assert len(rows) > 10
    assert fal("history show", "last:2", "last").lines
    assert fal("show", rows[-1]["request_id"]).value["width"] == 32
    assert Path(fal("gallery", "--no-fetch", "-o", "page.html").value["path"]).exists()
    assert fal("cost").lines
    assert fal("open", "fal-ai/flux/dev").value["address"].startswith("https://fal.ai/")
    assert fal("history rm", "last").value["local_id"]
    assert fal("history clear", "--before", "1d").value == {"forgotten": 0, "left": 0}


def _finding(fal: Caller) -> None:
    assert "fal-ai/flux/dev" in [line["endpoint_id"] for line in fal("models", "flux").lines]
    assert "prompt" in [line["name"] for line in fal("schema", "fal-ai/flux/dev").lines]
    assert fal("schema", "fal-ai/flux/dev", "--openapi", schema="openapi").value["openapi"]
    assert fal("schema", "fal-ai/flux/dev", "--sample", schema="sample").value["prompt"]
    assert fal("pricing", "fal-ai/flux/dev", "--estimate", "4").value["total_cost"]


def _webhooks(fal: Caller, receiver: str) -> None:
    assert fal("webhook jwks").value["keys"]
    raw = fal("webhook send", "last", "--to", receiver, "--dry-run", schema="raw_request").value
    assert fal("webhook send", "last", "--to", receiver).value["delivery"] == 1
    keys = json.dumps(fal("webhook jwks").value)
    Path("jwks.json").write_text(keys)
    Path("raw").write_bytes(base64.b64decode(raw["base64"]))
    head, _, body = base64.b64decode(raw["base64"]).partition(b"\r\n\r\n")
    Path("head").write_bytes(head.partition(b"\r\n")[2])
    Path("body").write_bytes(body)
    assert fal("webhook verify", "--headers", "head", "--body", "body", "--jwks", "jwks.json").value


def _settings(fal: Caller) -> None:
    login = fal("auth login", "--with-key", "--no-check", stdin=b"id:secret\n").value
    assert login == {"profile": "default", "has_key": True}
    assert fal("auth list").value["profile"] == "default"
    assert fal("auth switch", "default").value["profile"] == "default"
    fal("auth status")
    assert fal("auth logout").value == {"profile": "default", "has_key": False}
    assert fal("config set", "private", "true").value["value"] is True
    assert fal("config get", "private").value["value"] is True
    assert fal("config unset", "private").value["value"] is False
    assert len(fal("config list").lines) == 9
    assert fal("alias set", "poster", "fal-ai/flux/dev", "seed=7").value["items"] == ["seed=7"]
    assert fal("alias list").value["name"] == "poster"
    assert fal("alias rm", "poster").value == {"name": "poster", "removed": True}
    assert fal("completion install", "bash").lines
    for shell in ("bash", "zsh", "fish", "powershell"):
        assert fal(f"completion {shell}").value["shell"] == shell
    assert fal("sandbox status", code=1).value == fal("sandbox stop").value == {"running": False}
    assert fal("sandbox start", "--port", "0").value["running"]
    variables = fal("sandbox status").value["variables"]
    assert {line["name"]: line["value"] for line in fal("sandbox env").lines} == variables
    assert fal("sandbox stop").value == {"running": False}
    for words in ("sandbox lock", "sandbox unlock", "sandbox stats", "sandbox reset"):
        fal(words)


def _batches(fal: Caller, folder: Path) -> None:
    (folder / "rows.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    words = ("sandbox/echo", "rows.jsonl", "n={{n}}", 'sandbox:={"queue": 0, "run": 0}', "--name", "two")
    assert fal("batch", *words, "--dry-run", schema="batch_plan").value["to_send"] == 2
    assert {line["state"] for line in fal("batch", *words, "--yes").lines} == {"done"}
    assert fal("batch status", "two").value["done"] == 2
    for verb in ("resume", "retry", "cancel"):
        fal(f"batch {verb}", "two")
    assert len(fal("batch export", "two").lines) == 2
    assert fal("batch", schema="batch").value["name"] == "two"
    fal("batch rm", "two")


def _about_itself(fal: Caller) -> None:
    assert "ledger" in [line["name"] for line in fal("doctor", code=None).lines]
    assert fal("help", "inputs").value["topic"] == "inputs"
    assert {line["kind"] for line in fal("help", "errors", schema="kind").lines} > {"usage", "network"}
    assert fal("help", schema="tree").value["format"] == 2
    assert fal("help", "run", schema="command").value["name"] == "run"
    assert "--max-cost" in fal("skill").value["text"]
    assert fal("skill install", "--dir", "skills").value["written"]


@pytest.fixture
def receiver() -> Iterator[str]:
    """Somebody who acknowledges webhooks."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *values: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


# -- processes: what ends when it is ended, and sizes


def test_what_serves_writes_lines_until_it_is_ended(served: Program) -> None:
    listening = served.start("webhook", "listen", "--port", "0", "--no-verify", "--count", "1", "--json")
    assert listening.stderr
    assert listening.stdout
    notice = json.loads(listening.stderr.readline())
    requests.post(notice["url"], json={"a": 1}, timeout=30)
    VALIDATORS["webhook_received"].validate(json.loads(listening.stdout.readline()))
    stdout, stderr = listening.communicate(timeout=30)
    assert (listening.returncode, stdout) == (0, b"")
    check_stderr(stderr.decode())
    serving = served.start("sandbox", "serve", "--port", "0", "--json")
    assert serving.stdout
    for _ in range(6):
        VALIDATORS["variable"].validate(json.loads(serving.stdout.readline()))
    serving.terminate()
    _, stderr = serving.communicate(timeout=30)
    check_stderr(stderr.decode())


def test_a_run_of_one_picture_is_quiet_and_its_result_is_its_own(served: Program) -> None:
    done = served("run", "fal-ai/flux/dev", "prompt=a cat", "sandbox.run=0.3", "--json")
    assert len(done.stderr.encode()) <= 400, done.stderr
    check_stderr(done.stderr)
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()][-1] == "result"
    plain = served("result", "last").stdout
    assert len(done.stdout) == len(plain) + 1
    assert json.loads(done.stdout) == json.loads(plain)


def test_the_version(fal: Program) -> None:
    done = fal("--version", "--json")
    VALIDATORS["version"].validate(json.loads(done.stdout))
    assert json.loads(done.stderr) == {"event": "result", "code": 0}


# -- results


def app(body: bytes, kind: str) -> Server:
    """An app on this machine that answers so."""

    def answer(talk: Talk) -> None:
        read_request(talk)
        if not talk.is_over:
            is_call = talk.request.method == "POST"
            talk.sock.sendall(http(200, body, {"Content-Type": kind}) if is_call else http(404, {"detail": "no"}))

    return Server([answer])


@pytest.mark.parametrize(
    ("words", "written"),
    [
        pytest.param((), NUMBERS, id="the result"),
        pytest.param(("--query", "b"), b"[1e5,-0,100000000000000000000001.0]", id="what is picked"),
        pytest.param(("--query", "{n: a}"), b'{"n":1.10}', id="what is made of it"),
        pytest.param(("--print", "envelope", "--query", "data.b[2]"), b"100000000000000000000001.0", id="an envelope"),
    ],
)
def test_numbers_are_as_they_came(caller: Caller, words: tuple[str, ...], written: bytes) -> None:
    with app(ODD, "application/json") as server:
        assert caller("run", server.url, "x=1", *words, schema="any").stdout == written + b"\n"


def test_numbers_of_a_status_are_as_they_came(caller: Caller) -> None:
    told = b'{"status": "COMPLETED", "metrics": {"inference_time": 2.50}}'

    def answer(talk: Talk) -> None:
        read_request(talk)
        talk.sock.sendall(http(200, told, {"Content-Type": "application/json"}))

    with Server([answer]) as queue:
        caller.env = {**caller.env, "FAL_QUEUE_RUN_HOST": queue.url}
        words = ("sandbox/echo", "6f0c2e0e-6d0b-4c4e-9a51-0123456789ab", "--print", "envelope")
        found = caller("status", *words, schema="status_envelope").stdout
    assert found == b'{"status":"COMPLETED","metrics":{"inference_time":2.50}}\n'


def test_an_envelope_has_the_data_as_it_came(caller: Caller) -> None:
    with app(ODD, "application/json") as server:
        found = caller("run", server.url, "x=1", "--print", "envelope", schema="envelope").stdout
    assert b'"data":' + NUMBERS + b"," in found


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(40), "image/png", id="a picture"),
        pytest.param(b"just words", "text/plain", id="a text"),
        pytest.param(b'{"a": NaN}', "application/json", id="no JSON at all"),
        pytest.param(b"", "application/json", id="nothing"),
    ],
)
def test_what_is_not_json_is_base64(caller: Caller, body: bytes, kind: str) -> None:
    with app(body, kind) as server:
        found = caller("run", server.url, "x=1").value
    assert (found["content_type"], base64.b64decode(found["base64"])) == (kind, body)


def test_a_result_that_is_a_file_is_named_where_it_is_saved(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    body = b"\x89PNG\r\n\x1a\n" + bytes(40)
    with app(body, "image/png") as server:
        called = caller("run", server.url, "x=1", "-o", "a.png")
        assert called.value == {"content_type": "image/png", "path": "a.png"}
        assert caller("run", server.url, "x=1", "-d", "-", code=2).stdout == b""
    assert (tmp_path / "a.png").read_bytes() == body
    assert called.end["files"] == ["a.png"]


# -- errors


def test_an_input_that_is_refused_says_where_and_what_was_meant(caller: Caller) -> None:
    called = caller("run", "fal-ai/flux/dev", "promt=x", "num_images=9", "image_size=squaree", code=4)
    end = called.end
    assert (end["kind"], end["again"], end["next"]) == ("input_refused", "fixed", ["fal", "schema", "fal-ai/flux/dev"])
    faults = {fault["path"]: fault for fault in end["fields"]}
    assert faults["promt"] | {"message": ""} == {
        "path": "promt", "kind": "unknown", "message": "", "got": "x", "expected": None, "nearest": "prompt",
    }  # fmt: skip
    assert (faults["num_images"]["got"], faults["num_images"]["nearest"]) == (9, 4)
    assert faults["num_images"]["expected"]["maximum"] == 4
    assert faults["image_size"]["nearest"] == "square"


def test_what_goes_on_is_named_with_a_command_that_goes_on(caller: Caller) -> None:
    called = caller("run", "sandbox/echo", "a=1", "sandbox.run=60", "--timeout", "0.3s", "-o", "x.json", code=7)
    assert (called.end["kind"], called.end["again"]) == ("still_running", "resume")
    assert called.end["next"] == ["fal", "resume", called.end["request_id"], "-o", "x.json"]
    assert call(caller.env, "cancel", called.end["request_id"]).value["outcome"] in ("cancelled", "asked")


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        pytest.param(["rnu"], 2, "unknown_command", id="a command"),
        pytest.param(["run", "--sede", "1"], 2, "unknown_option", id="an option"),
        pytest.param(["run", "fal-ai/flux/dev", "prompt"], 2, "malformed_input", id="an item"),
        pytest.param(["run", "fal-ai/flux/dve", "prompt=x"], 5, "endpoint_not_found", id="an endpoint"),
        pytest.param(["status", "0" * 36], 5, "request_not_found", id="a request"),
    ],
)
def test_a_slip_has_a_kind_of_its_own(caller: Caller, words: list[str], code: int, kind: str) -> None:
    called = call(caller.env, *words, code=code)
    check_stderr(called.stderr)
    assert (called.end["kind"], called.end["again"]) == (kind, "fixed")
    assert called.end["next"][0] == "fal" if called.end["next"] else kind == "malformed_input"
