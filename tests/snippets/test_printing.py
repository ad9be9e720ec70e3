"""What `--as` prints, what it needs for that, and what it refuses."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Program, Service
from tests.snippets.conftest import Desk
from tests.support.fault_proxy import Proxy
from tests.support.faulty_server import refusing_port
from tests.support.place import rows_of

LANGUAGES = ("python", "js", "curl", "shell")
TEXT = ("sandbox/echo", "prompt=it's a cat", "seed=7", "size.width=640", "--priority", "low", "--tag", "team=kites")

PYTHON = """\
# Needs the client (pip install fal-client), and the key in FAL_KEY.
import json

import fal_client

result = fal_client.subscribe(
    "sandbox/echo",
    arguments={
        "prompt": "it's a cat",
        "seed": 7,
        "size": {"width": 640},
    },
    priority="low",
    headers={"X-Fal-Tags": "team=kites"},
)
print(json.dumps(result, indent=2))
"""

JAVASCRIPT = """\
// Needs the client (npm install @fal-ai/client), and the key in FAL_KEY.
// A module: save it as *.mjs.
import { fal } from "@fal-ai/client";

const { data } = await fal.subscribe("sandbox/echo", {
  input: {
    prompt: "it's a cat",
    seed: 7,
    size: { width: 640 },
  },
  priority: "low",
  headers: { "X-Fal-Tags": "team=kites" },
});
console.log(JSON.stringify(data, null, 2));
"""

CURL = r"""#!/bin/sh
# Needs curl 7.76, and the key in FAL_KEY.
set -eu

request() {
  curl --silent --show-error --fail-with-body --header "Authorization: Key $FAL_KEY" "$@"
}

# Prints a text of the JSON object on stdin. Those needed here hold no quotes, so that sed can read them.
member() {
  { tr -d '\n'; echo; } | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" | sed 's/\\u0026/\&/g'
}

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

input() {
  cat <<'JSON'
{
  "prompt": "it's a cat",
  "seed": 7,
  "size": {"width": 640}
}
JSON
}

submitted=$(input | request \
  --header 'Content-Type: application/json' \
  --header 'X-Fal-Queue-Priority: low' \
  --header 'X-Fal-Tags: team=kites' \
  --data-binary @- \
  https://queue.fal.run/sandbox/echo) || fail "$submitted"
printf '%s' "$submitted" | member request_id >&2
status_url=$(printf '%s' "$submitted" | member status_url)
response_url=$(printf '%s' "$submitted" | member response_url)

state=IN_QUEUE
until [ "$state" = COMPLETED ]; do
  sleep 1
  answer=$(request --retry 5 "$status_url") || fail "$answer"
  state=$(printf '%s' "$answer" | member status)
done
request "$response_url"
"""

SHELL = """\
fal run sandbox/echo prompt="it's a cat" seed=7 size.width=640 --priority low --tag team=kites
"""


@pytest.fixture
def lonely(home: Path) -> Iterator[Program]:
    """The program without a key, where no network is."""
    with refusing_port() as port:
        yield Program(home, {"HTTPS_PROXY": f"http://127.0.0.1:{port}"})


@pytest.mark.parametrize(
    ("language", "text"), [("python", PYTHON), ("js", JAVASCRIPT), ("curl", CURL), ("shell", SHELL)]
)
def test_without_key_or_network_and_nothing_is_remembered(lonely: Program, language: str, text: str) -> None:
    done = lonely("run", *TEXT, "--as", language)
    assert done.text == text
    assert done.stderr == ""
    assert rows_of(lonely) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_sent_to_the_service_but_questions_about_the_endpoint(
    home: Path, service: Service, tmp_path: Path, language: str
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff")
    with Proxy(service.sandbox.addresses) as proxy:
        fal = Program(home, proxy.env)
        for words in (("run",), ("run", "--direct"), ("submit",), ("stream",), ("run", "--inline")):
            fal(words[0], "fal-ai/esrgan", f"image_url=@{photo}", *words[1:], "--as", language)
        assert {(seen.host, seen.request.method) for seen in proxy.seen} <= {("api", "GET")}
    assert rows_of(fal) == []


def test_an_earlier_call_with_changes(home: Path, service: Service) -> None:
    """Its input and options are in the ledger, so no key is needed for that either."""
    with Proxy(service.sandbox.addresses, key="some:body") as proxy:
        Program(home, proxy.env)("submit", *TEXT, "x=1")
    fal = Program(home)
    for language in LANGUAGES:
        again = fal("rerun", "last", "x=2", "y=3", "--hint", "warm", "--as", language)
        assert again.text == fal("run", *TEXT, "x=2", "y=3", "--hint", "warm", "--as", language).text
    assert len(rows_of(fal)) == 1


def test_a_direct_call_is_made_directly_again(served: Program) -> None:
    served("run", "sandbox/echo", "a=1", "--direct")
    assert served("rerun", "last", "--as", "shell").text == "fal run sandbox/echo a=1 --direct\n"
    assert "fal_client.run(" in served("rerun", "last", "--as", "python").text


def test_a_stream_is_a_stream_again(served: Program) -> None:
    served("stream", "sandbox/echo", "a=1")
    assert served("rerun", "last", "--as", "shell").text == "fal stream sandbox/echo a=1\n"


def test_what_an_expression_finds_is_written(served: Program) -> None:
    served("run", "sandbox/echo", "a.b=7", "sandbox.queue=0", "sandbox.run=0")
    done = served("run", "sandbox/echo", "x={{a.b}}", "y={{a}}", "--from", "last", "--as", "shell")
    assert done.text == "fal run sandbox/echo x=7 y.b=7\n"
    done = served("run", "sandbox/echo", "x={{c}}", "--as", "shell", stdin=b'{"c": "{{d}}"}')
    assert done.text == "fal run sandbox/echo x='\\{{d}}'\n"


def test_the_same_schema_types_and_checks(served: Program) -> None:
    refused = served("run", "fal-ai/flux/dev", "prompt=x", "num_images=9", "--as", "python", code=4)
    assert "num_images" in refused.stderr
    assert refused.stdout == b""
    typed = served("run", "fal-ai/flux/dev", "prompt=x", "seed=1e3", "--as", "shell")
    assert typed.text == "fal run fal-ai/flux/dev prompt=x seed=1000\n"
    done = served("run", "fal-ai/flux/dev", "prompt=x", "num_images=9", "--no-validate", "--as", "shell")
    assert done.text == "fal run fal-ai/flux/dev prompt=x num_images=9 --no-validate\n"


def test_the_sandbox_is_for_fal_alone(fal: Program) -> None:
    """A private one ends with its command, so that a script could not reach it."""
    words = ("--sandbox", "run", "sandbox/echo", "a=1")
    assert fal(*words, "--as", "shell").text == "fal --sandbox run sandbox/echo a=1\n"
    for language in ("python", "js", "curl"):
        assert "127.0.0.1" not in fal(*words, "--as", language).text


def test_what_is_done_with_the_result_is_left_out_and_told(fal: Program) -> None:
    done = fal("run", *TEXT, "-d", "out/", "--query", "a", "--as", "shell")
    assert done.text == SHELL
    assert "it leaves out --query, -d" in done.stderr
    assert fal("run", *TEXT, "-d", "out/", "--as", "shell", "-q").stderr == ""


class TestFiles:
    @pytest.fixture(autouse=True)
    def files(self, folder: Path) -> None:
        (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff")
        (folder / "-odd.jpg").write_bytes(b"\xff\xd8\xff\x00")
        (folder / "~odd.jpg").write_bytes(b"\xff\xd8\xff\x00\x00")
        (folder / "same.jpg").hardlink_to(folder / "photo.jpg")
        (folder / "noext").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
        (folder / "response.jpg").write_bytes(b"\xff\xd8\xff")
        (folder / "2 Ü's.JPG").write_bytes(b"\xff\xd8\xff")

    @pytest.mark.parametrize(
        ("item", "line"),
        [
            ("u=@photo.jpg", 'photo_url = fal_client.upload_file("photo.jpg")'),
            ("u=@./photo.jpg", 'photo_url = fal_client.upload_file("photo.jpg")'),
            ("u=@-odd.jpg", 'odd_url = fal_client.upload_file("./-odd.jpg")'),
            ("u=@./~odd.jpg", 'odd_url = fal_client.upload_file("./~odd.jpg")'),
            ("u=@response.jpg", 'file_response_url = fal_client.upload_file("response.jpg")'),
            ("u=@2 Ü's.JPG", """file_2_s_url = fal_client.upload_file("2 Ü's.JPG")"""),
            ("u=@noext", 'noext_url = fal_client.upload(Path("noext").read_bytes(), "image/png", "noext")'),
        ],
    )
    def test_names(self, plain_desk: Desk, item: str, line: str) -> None:
        assert line in plain_desk.fal("run", "sandbox/echo", item, "--as", "python").text.splitlines()

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_file_is_sent_once_and_others_of_its_name_have_their_own(self, plain_desk: Desk, language: str) -> None:
        (plain_desk.folder / "more").mkdir()
        (plain_desk.folder / "more" / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        words = ("a=@photo.jpg", "b=@same.jpg", "c.d=@photo.jpg", "e=@more/photo.png")
        text = plain_desk.fal("run", "sandbox/echo", *words, "--as", language).text
        if language == "shell":
            assert text == "fal run sandbox/echo a=@photo.jpg b=@photo.jpg c.d=@photo.jpg e=@more/photo.png\n"
        else:
            assert text.count("photo.jpg") == (2 if language == "curl" else 1)
            assert ("photo2Url" if language == "js" else "photo_2_url") in text

    def test_no_two_files_have_a_variable_in_common(self, plain_desk: Desk) -> None:
        names = ("photo.jpg", "more/photo.jpg", "photo2.jpg", "photo 2.jpg", "Photo_2.png", "ä.jpg", "ö.jpg", "2.jpg")
        (plain_desk.folder / "more").mkdir()
        for number, name in enumerate(names[1:], start=1):
            (plain_desk.folder / name).write_bytes(b"x" * number)
        items = [f"f{number}@{name}" for number, name in enumerate(names)]
        text = plain_desk.fal("run", "sandbox/echo", *items, "--as", "js").text
        variables = re.findall(r"^const (\w+Url) =", text, re.MULTILINE)
        assert len({name.lower() for name in variables}) == len(names)

    @pytest.mark.parametrize(
        ("words", "code", "told"),
        [
            (("u=@missing.jpg",), 2, "cannot read missing.jpg"),
            (("u=@.",), 2, "is a folder"),
            (("u@-",), 2, "cannot be part of a script"),
            (("u@/dev/null",), 2, "cannot be part of a script"),
            (("u.0@photo.jpg", "--method", "get"), 2, "cannot be part of a query"),
        ],
    )
    @pytest.mark.parametrize("language", ["python", "js", "curl"])
    def test_what_no_script_can_have(
        self, plain_desk: Desk, language: str, words: tuple[str, ...], code: int, told: str
    ) -> None:
        done = plain_desk.fal("run", "sandbox/echo", "--direct", *words, "--as", language, code=code, stdin=b"x")
        assert told in done.stderr
        assert done.stdout == b""

    def test_what_is_too_large_to_embed(self, plain_desk: Desk) -> None:
        with (plain_desk.folder / "large.png").open("wb") as large:
            large.truncate(11 * 1024 * 1024)
        done = plain_desk.fal("run", "sandbox/echo", "u=@large.png", "--inline", "--as", "js", code=2)
        assert "too large for --inline" in done.stderr


class TestLocalApp:
    APP = ("http://localhost:8080/x", "a=1", "--no-validate")

    @pytest.mark.parametrize("language", ["python", "js"])
    def test_no_client_can_call_it(self, fal: Program, language: str) -> None:
        done = fal("run", *self.APP, "--as", language, code=2)
        assert "cannot call an app on this machine" in done.stderr

    def test_curl_sends_it_no_key(self, fal: Program) -> None:
        text = fal("run", *self.APP, "--as", "curl").text
        assert "FAL_KEY" not in text
        assert "\n  http://localhost:8080/x <<'JSON'\n" in text

    def test_fal(self, fal: Program) -> None:
        assert fal("run", *self.APP, "--as", "shell").text == "fal run http://localhost:8080/x a=1 --no-validate\n"


class TestFailures:
    """A script ends as failed where the call does, says why, and does not go on from what did not work."""

    @pytest.mark.parametrize("words", [("run",), ("submit",), ("run", "--direct"), ("stream",)])
    def test_a_refused_key(self, plain_desk: Desk, languages: list[str], words: tuple[str, ...]) -> None:
        desk = Desk(plain_desk.folder, plain_desk.program, {**plain_desk.env, "FAL_KEY": "no:body"})
        for language in set(languages) - {"shell"}:
            done = desk.run(language, words[0], "sandbox/echo", "a=1", *words[1:], code=None)
            assert done.code != 0, language
            hides_it = language == "python" and words == ("stream",)  # the client looks at nothing but the type
            assert hides_it or "No user found" in done.stderr + done.text or "Unauthorized" in done.stderr, language

    def test_a_failed_request(self, plain_desk: Desk, languages: list[str]) -> None:
        for language in languages:
            words = ("sandbox.fail=500", "sandbox.queue=0", "sandbox.run=0")
            assert plain_desk.run(language, "run", "sandbox/echo", *words, code=None).code != 0, language

    @pytest.mark.parametrize("shell", ["sh", "bash"])
    def test_an_upload_that_is_refused_keeps_a_paid_call_from_being_made(
        self, home: Path, folder: Path, service: Service, shell: str
    ) -> None:
        (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff")
        with Proxy(service.sandbox.addresses) as proxy:
            desk = Desk(folder, Program(home, proxy.env), {"PATH": "/usr/bin:/bin", "FAL_KEY": proxy.keys[0]})
            script = desk.printed("curl", "run", "sandbox/echo", "u=@photo.jpg")
            (folder / "photo.jpg").unlink()
            done = desk.run_file(script, shell)
            assert done.code != 0
        assert service.accepted == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_nested_deeply(fal: Program, language: str) -> None:
    """Up to some depth it is written; then it is refused, and not with a traceback."""
    for depth in (50, 900):
        deep = '{"a":' * depth + "1" + "}" * depth
        done = fal("run", "sandbox/echo", deep, "--no-validate", "--as", language, code=None)
        assert done.code == 0 or "nested too deeply" in done.stderr
        assert done.code == 0 or depth == 900


def test_the_machine_form_is_an_object(fal: Program) -> None:
    done = fal("run", *TEXT, "--as", "shell", "--json", "-o", "x.json")
    assert json.loads(done.stdout) == {"language": "shell", "script": SHELL}
    assert json.loads(done.stderr) == {"event": "result", "code": 0}
