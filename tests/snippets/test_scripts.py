"""Every printed script runs as it is printed, and does what `fal` itself does: the same call, the same result."""

import hashlib
import json
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from tests.conftest import Finished
from tests.snippets.conftest import Desk, RealNames
from tests.support.fault_proxy import Seen
from tests.support.faulty_server import Server
from tests.support.full_run import some

QUICK = ("sandbox.queue=0", "sandbox.run=0")
QUOTES = 'it\'s "quoted" `rm` $(rm) ${HOME} $HOME \\n \\\\ 100% !! <<JSON ${x}'
UNICODE = "ein Kätzchen 🐈‍⬛ 漢字 e\u0301 \u202e\u2028 \x1b[31m\x07"
WITHOUT_QUEUE = (
    "--hint", "größe 🐈", "--tag", "who=größe", "--start-timeout", "90s", "--expires", "1h", "-H", "X-Team: größe",
    "--no-server-retry", "--no-store",
)  # fmt: skip
# Five calls: nested inputs, files, unicode, quotes, priority and webhook.
CALLS = {
    "nested": (
        "fal-ai/flux/schnell", "prompt=a kite", "seed=7", "image_size.width=64", "image_size.height=32",
        'loras:=[{"path": "x", "scale": 0.5}]',
    ),
    "files": ("fal-ai/esrgan", "image_url=@my photo.png", "scale=3"),
    "unicode": (
        "fal-ai/flux/schnell", f"prompt={UNICODE}", "seed=7", "image_size=square", "negative_prompt=@story.txt",
    ),
    "quotes": (
        "sandbox/echo", f"prompt={QUOTES}", '{"__proto__": {"a b": [1e22, true, null]}, "it\'s": "$x"}',
        "-t", f"x={QUOTES}",
    ),
    "options": (
        "fal-ai/flux/schnell", "prompt=a kite", "seed=7", "--priority", "low", "--hint", "warm", "--tag", "team=kites",
        "--start-timeout", "90s", "--expires", "1h", "--max-queue", "50", "-H", "X-Team: größe", "--no-server-retry",
        "--webhook", "HOOK",
    ),
}  # fmt: skip


@pytest.fixture
def files(folder: Path) -> None:
    """What the calls name."""
    Image.effect_noise((8, 8), 90).save(folder / "my photo.png")
    (folder / "story.txt").write_text(
        'A story of\nseveral lines, "which" goes on and on and on, $1 by `$1`,\nto its end\n'
    )


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("call", some(list(CALLS), 3))
def test_the_same_result(desk: Desk, languages: list[str], hook: Server, call: str) -> None:
    words = [word.replace("HOOK", f"{hook.url}/?a=1&b=2") for word in ("run", *CALLS[call], *QUICK)]
    wanted = compared(desk, desk.fal(*words))
    for language in languages:
        assert compared(desk, desk.run(language, *words)) == wanted, language
    if call == "options":
        hook.settle(requests=1 + len(languages))
        assert [(seen.method, seen.target) for seen in hook.requests] == [("POST", "/?a=1&b=2")] * (1 + len(languages))
        assert {json.loads(seen.body)["status"] for seen in hook.requests} == {"OK"}


def compared(desk: Desk, done: Finished) -> Any:
    """A result without what differs each time: files are their bytes, and there is no time."""
    result = json.loads(done.stdout)
    result.pop("timings", None)
    return without_names(desk, result)


def without_names(desk: Desk, value: Any) -> Any:
    if isinstance(value, dict) and str(value.get("url", "")).startswith("https://127.0.0.1:"):
        return {**value, "url": fetched(desk, value["url"]), "file_name": None}
    if isinstance(value, dict):
        return {key: without_names(desk, inner) for key, inner in value.items()}
    return [without_names(desk, inner) for inner in value] if isinstance(value, list) else value


def fetched(desk: Desk, url: str) -> str:
    trust = ssl.create_default_context(cafile=desk.env["SSL_CERT_FILE"])
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    with opener.open(url, timeout=30) as answer:
        return hashlib.sha256(answer.read()).hexdigest()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(
            ("image_url=@my photo.png", "again@my photo.png", "prompt=$x", "--inline", *QUICK), id="embedded files"
        ),
        pytest.param(
            (f"prompt={QUOTES}", "a:=[1]", "--path", "deep/er", "--direct", "--tag", "a=b"), id="a direct call"
        ),
        pytest.param(("{}", "--direct", "--method", "get"), id="no input in a query"),
        pytest.param(("{}", *QUICK), id="no input"),
    ],
)
def test_the_same_answer(desk: Desk, languages: list[str], words: tuple[str, ...]) -> None:
    wanted = json.loads(desk.fal("run", "sandbox/echo", *words).stdout)
    for language in languages:
        assert json.loads(desk.run(language, "run", "sandbox/echo", *words).stdout) == wanted, language


@pytest.mark.parametrize("endpoint", ["fal-ai/any-llm", "fal-ai/any-llm/stream"])
def test_a_stream(desk: Desk, languages: list[str], endpoint: str) -> None:
    words = ("stream", endpoint, "prompt=a kite", "--hint", "warm")
    wanted = [json.loads(line) for line in desk.fal(*words).text.splitlines()]
    assert len(wanted) > 3
    for language in languages:
        told = desk.run(language, *words).text.replace("\r\n", "\n").split("\n")
        data = [line.removeprefix("data: ") for line in told if line and not line.startswith(":")]
        assert [json.loads(line) for line in data] == wanted, language


def test_a_submit_prints_the_id(desk: Desk, languages: list[str]) -> None:
    for language in languages:
        request_id = desk.run(language, "submit", "sandbox/echo", "prompt=a kite", *QUICK).text.strip()
        done = desk.fal("result", "sandbox/echo", request_id, "--wait")
        assert json.loads(done.stdout) == {"prompt": "a kite"}, language


@pytest.mark.usefixtures("files")
def test_without_tls(plain_desk: Desk, languages: list[str]) -> None:
    for language in languages:
        done = plain_desk.run(language, "run", "fal-ai/esrgan", "image_url=@my photo.png", *QUICK)
        assert json.loads(done.stdout)["image"]["width"] == 16, language


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("shell", ["bash", "dash", "zsh"])
def test_the_script_for_curl_in_other_shells(desk: Desk, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    words = ("run", "sandbox/echo", f"prompt={QUOTES}{UNICODE}", "image_url=@my photo.png", *QUICK)
    done = desk.run("curl", *words, shell=shell)
    assert json.loads(done.stdout)["prompt"] == QUOTES + UNICODE


def test_an_integer_that_no_double_holds(desk: Desk, languages: list[str]) -> None:
    words = ("submit", "sandbox/echo", "n:=12345678901234567890", "m:=[-9007199254740993]", *QUICK)
    for language in languages:
        flags = ["--harmony-json-parse-with-source"] if language == "js" and node_version() < 22 else []
        request_id = desk.run(language, *words, node=flags).text.strip()
        answered = desk.fal("result", "sandbox/echo", request_id, "--wait").text
        assert "12345678901234567890" in answered, language
        assert "-9007199254740993" in answered, language


def node_version() -> int:
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.removeprefix("v").partition(".")[0])


class TestRealNames:
    """For the service's own hosts a script says nothing of hosts. It runs as it is, and what arrives is compared."""

    OPTIONS = (
        "--priority", "low", "--hint", "größe 🐈", "--tag", "team=kites", "--tag", "who=größe",
        "--start-timeout", "90s", "--expires", "never", "--max-queue", "50",
        "-H", "X-Team: größe", "-H", "X-Quotes: it's \"$x\" \\n",
        "--no-server-retry", "--no-store", "--webhook", "https://example.com/hook?a=1&b=ü",
    )  # fmt: skip
    OPTIONS_OF_A_STREAM = (*OPTIONS[2:12], *OPTIONS[14:-2])  # without those of the queue

    @pytest.mark.parametrize(
        "words",
        some([
            pytest.param(("submit", "sandbox/echo", *OPTIONS), id="queue"),
            pytest.param(("run", "sandbox/echo", "--direct", *WITHOUT_QUEUE), id="direct"),
            pytest.param(("stream", "sandbox/echo", *OPTIONS_OF_A_STREAM), id="stream"),
            pytest.param(("submit", "workflows/sandbox/echo/deep", "--expires", "1h", "--private"), id="few"),
            pytest.param(("submit", "sandbox/echo", "--max-queue", "0", "--method", "put"), id="put"),
            pytest.param(("submit", "sandbox/echo", "--max-queue", "0", "--method", "get"), id="get"),
            pytest.param(("run", "sandbox/echo", "--direct", "--method", "get", "--path", "a/b"), id="direct get"),
            pytest.param(("submit", "sandbox/echo", "--webhook", "https://example.com/?a=1"), id="webhook"),
            pytest.param(("stream", "sandbox/echo/stream", "--tag", "a=b"), id="stream path"),
        ], 4),
    )  # fmt: skip
    def test_what_arrives(self, real_names: RealNames, languages: list[str], words: tuple[str, ...]) -> None:
        verb, endpoint, *options = words
        call = (verb, endpoint, f"prompt={QUOTES}", "n=7", "deep.er=x", *options)
        desk, proxy = real_names.desk, real_names.proxy
        desk.fal(*call, code=None)
        for language in languages:
            if language == "python" and "--method" in options and verb == "submit":
                assert "cannot submit with --method" in desk.fal(*call, "--as", language, code=2).stderr
                continue
            own = len(proxy.seen)
            script = desk.printed(language, *call)
            assert len(proxy.seen) == own, f"printing it as {language} sends nothing"
            assert "127.0.0.1" not in script.read_text()
            desk.run(language, *call, code=None)
            (call_by_fal, *_), (call_by_script, *_) = of_calls(proxy.seen[:own]), of_calls(proxy.seen[own:])
            assert told(call_by_script, language) == told(call_by_fal, language), language

    @pytest.mark.usefixtures("files")
    def test_files(self, real_names: RealNames, languages: list[str]) -> None:
        words = ("run", "fal-ai/esrgan", "image_url=@my photo.png", "--direct")
        for language in languages:
            done = real_names.desk.run(language, *words)
            assert json.loads(done.stdout)["image"]["width"] == 16, language
            assert of_calls(real_names.proxy.seen)[-1].host == "run"


def of_calls(seen: Sequence[Seen]) -> list[Seen]:
    """The requests that call a model, among those that ask about it."""
    return [one for one in seen if one.host in ("queue", "run")]


def told(seen: Seen, language: str) -> dict[str, Any]:
    """All that a call says to the service, but for what a client says of itself."""
    request = seen.request
    headers = {
        name: value.encode("latin-1").decode()
        for name, value in request.headers.items()
        if name.startswith("x-") and name != "x-fal-request-start-timeout"
    }
    if "x-fal-request-timeout" in headers:  # the newer name is ours alone
        headers["x-fal-request-timeout"] = str(float(headers["x-fal-request-timeout"]))
    if language == "js":  # it always says so
        headers.setdefault("x-fal-queue-priority", "normal")
    target = urlsplit(request.target)
    return {
        "host": seen.host,
        "method": request.method,
        "path": target.path,
        "query": parse_qs(target.query),
        "body": json.loads(request.body) if request.body else None,
        "type": request.headers.get("content-type") if request.body else None,
        "headers": headers,
    }
