"""Each exit code of the table that these commands can have, reached by the real process."""

import json
import signal
import socket
from pathlib import Path

import pytest

from tests.conftest import Program, Service
from tests.support.sandbox_keys import LOCKED_KEY

ECHO = ("sandbox/echo", "sandbox.queue=0", "sandbox.run=0")


def test_0_done(served: Program) -> None:
    assert json.loads(served("run", *ECHO, "a=1").stdout) == {"a": 1}


def test_0_when_the_reader_closes_the_pipe(served: Program) -> None:
    process = served.start("run", *ECHO, "a=1")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    talk = process.stderr.read().decode()
    assert process.wait(30) == 0
    assert "Traceback" not in talk
    assert "fal:" not in talk


@pytest.mark.parametrize(
    ("failure", "shown"),
    [
        pytest.param('{"status":500,"body":{"detail":"the model broke"}}', "the model broke", id="500"),
        pytest.param('{"status":404,"body":{"detail":"Path /x not found"}}', "Path /x not found", id="own-404"),
        pytest.param('{"status":500,"traceback":"ValueError: no cats\\n app.py"}', "ValueError: no cats", id="tb"),
    ],
)
def test_1_the_request_ran_and_failed(served: Program, failure: str, shown: str) -> None:
    done = served("run", *ECHO, f"sandbox.fail:={failure}", code=1)
    assert shown in done.stderr
    assert done.stdout == b""
    assert '{"traceback"' not in done.stderr


def test_1_failed_without_an_error_in_the_status(served: Program) -> None:
    served("run", *ECHO, "sandbox.fail=500", "sandbox.silent_error=true", code=1)


def test_1_start_deadline_missed(served: Program) -> None:
    done = served("run", "sandbox/echo", "sandbox.queue=30", "--start-timeout", "1.2", code=1)
    assert "--start-timeout" in done.stderr


def test_1_cancelled_while_waiting(served: Program) -> None:
    waiting = served.start("run", "sandbox/echo", "sandbox.queue=60", "--json")
    assert waiting.stderr is not None
    request_id = json.loads(waiting.stderr.readline())["request_id"]
    served("cancel", request_id)
    assert waiting.wait(30) == 1
    assert "cancelled" in waiting.stderr.read().decode()


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(("run", "fal-ai/flux/dev", "--seed=7"), "inputs are written seed=7", id="option-for-input"),
        pytest.param(("run", "fal-ai/flux/dev", "--promt", "x"), "inputs are written promt=x", id="option-and-value"),
        pytest.param(("run", "fal-ai/flux/dev", "--quer", "x"), "--query", id="near-option"),
        pytest.param(("rnu", "fal-ai/flux/dev"), "run", id="near-command"),
        pytest.param(("run", "flux", "a=1"), "owner/name", id="endpoint"),
        pytest.param(("run", "fal-ai//dev", "a=1"), "empty part", id="endpoint-part"),
        pytest.param(("run", "fal-ai/esrgan", "a cat"), "expected key=value", id="item"),
        pytest.param(("run", "fal-ai/flux/dev", "a", "cat"), "several words: 'a cat'", id="items"),
        pytest.param(("run", "fal-ai/flux/dev", "a:=[1,"), "not JSON", id="json-value"),
        pytest.param(("run", "sandbox/echo", "image_url=@gone.jpg"), "cannot read gone.jpg", id="file"),
        pytest.param(("run", "sandbox/echo", "image_url@/etc"), "is a folder", id="upload"),
        pytest.param(("run", "fal-ai/flux/dev", "prompt={{x}}"), "stdin is empty", id="template"),
        pytest.param(("run", "fal-ai/flux/dev", "-i", "missing.json"), "missing.json", id="file-missing"),
        pytest.param(("run", "fal-ai/flux/dev", "a=1", "--query", "images["), "--query", id="query"),
        pytest.param(("run", "fal-ai/flux/dev", "a=1", "--timeout", "soon"), "soon", id="duration"),
        pytest.param(("run", "fal-ai/flux/dev", "a=1", "-o", "cat"), ".json", id="output"),
        pytest.param(("run", "fal-ai/flux/dev", "a=1", "--direct", "--webhook", "http://x"), "--webhook", id="direct"),
        pytest.param(("submit", "fal-ai/flux/dev", "a=1", "--tag", "A=b"), "--tag", id="tag"),
        pytest.param(("submit", "fal-ai/flux/dev", "a=1", "-H", "Authorization: Key x"), "Authorization", id="header"),
        pytest.param(("status", "no such id"), "not a request id", id="request-id"),
        pytest.param(("status", "https://evil.example/a/b/requests/1"), "is not on the host in use", id="foreign-url"),
        pytest.param(("result", "1", "fal-ai/flux", "--timeout", "3"), "--wait", id="timeout-without-wait"),
    ],
)
def test_2_usage_and_nothing_was_sent(served: Program, service: Service, words: tuple[str, ...], shown: str) -> None:
    done = served(*words, code=2)
    assert shown in done.stderr
    assert done.stdout == b""
    assert service.accepted == 0
    assert not service.stats["http"].get("submit")


def test_2_a_file_that_is_not_json(served: Program, service: Service, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"a": ')
    for word in (str(broken), f"@{broken}", f"a:=@{broken}"):
        assert "broken.json is not JSON" in served("submit", "sandbox/echo", word, code=2).stderr
    assert "cannot read" in served("submit", "sandbox/echo", f"@{tmp_path}", code=2).stderr
    assert service.accepted == 0


def test_2_a_missing_extra_names_the_line_that_installs_it(fal: Program, tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError('gone', name='uvicorn')")
    for words in (("--sandbox", "run", "sandbox/echo", "a=1"), ("sandbox", "serve")):
        done = fal(*words, env={"PYTHONPATH": str(tmp_path)}, code=2)
        assert "pip install 'fal-cli[sandbox]'" in done.stderr
        assert "uvicorn" in done.stderr


@pytest.mark.parametrize(
    ("stdin", "shown"),
    [
        pytest.param(b"[1,2]", "is a list", id="list"),
        pytest.param(b"{'a': 1}", "is not JSON", id="not-json"),
        pytest.param(b'{"a": NaN}', "NaN", id="nan"),
        pytest.param(b"\xff\xfe\x00", "is not UTF-8", id="bytes"),
    ],
)
def test_2_bad_json_on_stdin(served: Program, service: Service, stdin: bytes, shown: str) -> None:
    assert shown in served("submit", "sandbox/echo", stdin=stdin, code=2).stderr
    assert service.accepted == 0


@pytest.mark.parametrize("words", [(), ("-",), ("prompt=x", "-"), ("prompt=@-",), ("image_url=@-",)])
def test_2_a_pipe_that_was_asked_for_and_brings_nothing(
    served: Program, service: Service, words: tuple[str, ...]
) -> None:
    done = served("submit", "sandbox/echo", *words, stdin=b"", code=2)
    assert "stdin is empty" in done.stderr
    assert service.accepted == 0


def test_3_no_key(fal: Program) -> None:
    done = fal("run", "fal-ai/flux/dev", "prompt=x", code=3)
    assert "FAL_KEY" in done.stderr
    assert "--sandbox" in done.stderr


def test_3_refused_key(served: Program) -> None:
    done = served("submit", "fal-ai/flux/dev", "prompt=x", env={"FAL_KEY": "wrong:key"}, code=3)
    assert "refused" in done.stderr


def test_4_refused_input_with_a_line_per_field(served: Program) -> None:
    words = ("seed=x", "num_images=99", "sandbox.queue=0", "sandbox.run=0")
    done = served("run", "fal-ai/flux/dev", *words, "--no-validate", code=4)
    for field in ("prompt", "seed", "num_images"):
        assert f"\n  {field}: " in done.stderr


def test_4_refused_input_directly(served: Program) -> None:
    assert "\n  prompt: " in served("run", "--direct", "fal-ai/flux/dev", "seed=1", "--no-validate", code=4).stderr


def test_4_what_cannot_be_right_is_not_sent(served: Program, service: Service) -> None:
    done = served("run", "fal-ai/flux/dev", "promt=a cat", "num_images=99", code=4)
    assert "did you mean prompt?" in done.stderr
    assert "num_images: 99 is too large: at most 4" in done.stderr
    assert done.stdout == b""
    assert service.accepted == 0


def test_4_a_local_path_is_not_sent(served: Program, service: Service, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    done = served("run", "fal-ai/esrgan", f"image_url={tmp_path}/a.png", code=4)
    assert f"image_url: {tmp_path}/a.png is a file here: image_url=@{tmp_path}/a.png" in done.stderr
    assert service.accepted == 0


def test_5_no_such_endpoint(served: Program) -> None:
    served("submit", "nobody/nothing", "a=1", code=5)


def test_5_a_misspelt_endpoint_before_anything_leaves(served: Program, service: Service, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    done = served("run", "fal-ai/flux/dve", f"image_url=@{tmp_path}/a.png", code=5)
    assert "no endpoint fal-ai/flux/dve, so nothing was sent" in done.stderr
    assert "Did you mean fal-ai/flux/dev?" in done.stderr
    assert {route for route, count in service.stats["http"].items() if count} == {"models"}


def test_5_no_such_request(served: Program) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    for verb in ("status", "result", "cancel", "logs"):
        served(verb, "sandbox/echo", unknown, code=5)
    assert "in your history" in served("status", unknown, code=5).stderr


def test_6_nothing_listens(served: Program, service: Service) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    done = served("submit", "sandbox/echo", "a=1", env={"FAL_QUEUE_RUN_HOST": f"http://127.0.0.1:{port}"}, code=6)
    assert "refused the connection" in done.stderr
    assert "Nothing was accepted" in done.stderr
    assert service.accepted == 0


def test_7_we_stopped_waiting_and_the_request_lives_on(served: Program) -> None:
    done = served("run", "sandbox/echo", "a=1", "sandbox.run=4", "--timeout", "1s", "--json", code=7)
    error = json.loads(done.stderr.splitlines()[-1])
    assert error["code"] == 7
    assert f"resume {error['request_id']}" in error["hint"]
    assert json.loads(served("result", error["request_id"], "--wait").stdout) == {"a": 1}


def test_7_on_timeout_cancel(served: Program) -> None:
    done = served("run", "sandbox/echo", "sandbox.queue=60", "--timeout", "1s", "--on-timeout", "cancel", code=7)
    assert "was cancelled" in done.stderr
    served("result", "last", code=1)


def test_8_not_finished(served: Program) -> None:
    request_id = served("submit", "sandbox/echo", "sandbox.queue=60").text.strip()
    assert served("result", request_id, code=8).stdout == b""
    assert served("status", request_id, "--exit-status", code=8).text == "IN_QUEUE\n"
    assert served("status", request_id).text == "IN_QUEUE\n"
    served("cancel", request_id)
    served("status", request_id, "--exit-status", code=1)


def test_9_locked_account(served: Program) -> None:
    done = served("submit", "fal-ai/flux/dev", "prompt=x", env={"FAL_KEY": LOCKED_KEY}, code=9)
    assert "locked" in done.stderr


def test_9_the_line_is_longer_than_asked(served: Program, service: Service) -> None:
    served("submit", "sandbox/echo", "sandbox.position=5", "--max-queue", "1", code=9)
    assert service.accepted == 0
    assert service.stats["http"]["submit"] == 1


def test_10_the_answer_was_lost(served: Program, service: Service) -> None:
    done = served("submit", "sandbox/echo", "a=1", "sandbox.fault=submit=cut-after", code=10)
    assert "its answer was lost" in done.stderr
    assert "not sent again" in done.stderr
    assert service.accepted == 1


def test_11_the_result_is_printed_but_not_saved(served: Program, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    process = served.start("run", "sandbox/echo", "a=1", "sandbox.run=1.5", "-o", str(folder / "x.json"), "--json")
    assert process.stderr is not None
    process.stderr.readline()
    folder.rmdir()
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 11
    assert json.loads(stdout) == {"a": 1}
    assert "cannot save" in stderr.decode()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_130_143_interrupted(served: Program, number: signal.Signals, code: int) -> None:
    process = served.start("run", "sandbox/echo", "sandbox.run=60")
    assert process.stderr is not None
    request_id = process.stderr.readline().split()[-1].decode()
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert stdout == b""
    assert f"resume {request_id}" in stderr.decode()
    assert f"cancel {request_id}" in stderr.decode()
    served("cancel", request_id)


def test_the_table_is_printed(fal: Program) -> None:
    table = fal("help", "exit-codes").text
    for code in ("0", "10", "130, 143"):
        assert f"\n  {code} " in table
