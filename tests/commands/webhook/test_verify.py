"""`fal webhook verify` as a real process."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.webhook.conftest import BODY, REQUEST_ID, USER_ID, Author, raw
from tests.conftest import Program
from tests.support.faulty_server import Server, answer, answering, close, read_request, refusing_port
from tests.support.pseudo_terminal import Screen


@pytest.fixture
def files(tmp_path: Path, author: Author) -> tuple[str, str]:
    """A good webhook in two files."""
    (tmp_path / "headers").write_bytes(raw(author.sign(BODY), b""))
    (tmp_path / "body").write_bytes(BODY)
    return str(tmp_path / "headers"), str(tmp_path / "body")


def test_a_good_one_prints_its_body_and_says_so(fal: Program, author: Author, jwks: str) -> None:
    done = fal("webhook", "verify", "--jwks", jwks, stdin=raw(author.sign(BODY), BODY))
    assert done.stdout == BODY
    assert done.stderr.startswith(f"valid: request {REQUEST_ID} of user {USER_ID}, signed ")


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"], ids=["crlf", "lf"])
def test_newlines_of_a_raw_request(fal: Program, author: Author, jwks: str, newline: bytes) -> None:
    body = b'{\r\n  "status": "OK"\n}\n'
    done = fal("webhook", "verify", "--jwks", jwks, stdin=raw(author.sign(body), body, newline=newline))
    assert done.stdout == body


def test_every_way_to_give_the_parts(fal: Program, author: Author, jwks: str, files: tuple[str, str]) -> None:
    headers, body = files
    whole = Path(headers).with_name("whole")
    whole.write_bytes(raw(author.sign(BODY), BODY))
    lines = Path(headers).read_bytes()
    as_json = json.dumps({name.upper(): value for name, value in author.sign(BODY).items()}).encode()

    def verify(*words: str, stdin: bytes | None = None) -> bytes:
        return fal("webhook", "verify", "--jwks", jwks, *words, stdin=stdin).stdout

    assert verify("--headers", headers, "--body", body) == BODY
    assert verify("--headers", headers, stdin=BODY) == BODY
    assert verify("--headers", headers, "--body", "-", stdin=BODY) == BODY
    assert verify("--body", body, stdin=lines) == BODY
    assert verify("--headers", "-", "--body", body, stdin=as_json) == BODY
    assert verify("--headers", str(whole)) == BODY


@pytest.mark.parametrize(
    ("words", "stdin", "told"),
    [
        (
            ("--headers", "-", "--body", "-"),
            b"A: 1",
            "stdin can be read once, but both --headers and --body ask for it",
        ),
        (("--jwks", "-"), b"A: 1", "stdin can be read once"),
        ((), b"A: 1\r\n\r\n", "stdin has headers but no body"),
        ((), b"", "stdin has no headers"),
        ((), b'{"request_id": "x", "payload": {}}', "'payload' is not text"),
        (("--body", "BODY"), b"A: 1\r\n\r\n{}", "stdin has a body already; leave out --body"),
        (("--headers", "nowhere"), b"", "cannot read nowhere"),
        (("--jwks", "BODY", "--body", "BODY"), b"A: 1", "is not a key set"),
        (("--jwks", "http://example.com/k", "--body", "BODY"), b"A: 1", "anyone could forge keys over http://"),
        (("--jwks", "ftp://x/k", "--body", "BODY"), b"A: 1", "--jwks takes a file or a URL"),
        (("--tolerance", "soon"), b"", "is not a duration"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(
    fal: Program, jwks: str, files: tuple[str, str], words: tuple[str, ...], stdin: bytes, told: str
) -> None:
    given = [files[1] if word == "BODY" else word for word in words]
    keys = () if "--jwks" in given else ("--jwks", jwks)
    done = fal("webhook", "verify", *keys, *given, stdin=stdin, code=2)
    assert told in done.stderr
    assert done.stdout == b""


def test_each_failed_check_has_its_sentence(fal: Program, author: Author, jwks: str) -> None:
    def refused(headers: dict[str, str], body: bytes = BODY, *words: str) -> str:
        done = fal("webhook", "verify", "--jwks", jwks, *words, stdin=raw(headers, body), code=1)
        assert done.stdout == b""
        (sentence,) = done.stderr.splitlines()
        assert sentence.startswith("fal: the webhook is not valid: ")
        return sentence.partition("valid: ")[2]

    good = author.sign(BODY)
    assert refused({**good, "X-Fal-Webhook-Signature": ""}) == "the header X-Fal-Webhook-Signature is missing"
    assert "no key of" in refused(good, BODY.replace(b"OK", b"Ok"))
    assert "no key of" in refused(good, BODY + b"\n")
    reordered = json.dumps(dict(reversed(json.loads(BODY).items())), ensure_ascii=False).encode()
    assert json.loads(reordered) == json.loads(BODY)
    assert "no key of" in refused(good, reordered)
    assert "no key of" in refused(Author().sign(BODY))
    assert "is not a number of seconds" in refused({**good, "X-Fal-Webhook-Timestamp": "soon"})
    assert "ahead of this machine's clock" in refused(author.sign(BODY, age=-400))
    old = author.sign(BODY, age=4000)
    assert "s old, more than the 300 s allowed" in refused(old)
    assert "s old, more than the 3600 s allowed" in refused(old, BODY, "--tolerance", "1h")


@pytest.mark.parametrize("tolerance", ["2h", "none"])
def test_a_recorded_one(fal: Program, author: Author, jwks: str, tolerance: str) -> None:
    stdin = raw(author.sign(BODY, age=4000), BODY)
    assert fal("webhook", "verify", "--jwks", jwks, "--tolerance", tolerance, stdin=stdin).stdout == BODY


def test_what_stdout_carries(fal: Program, author: Author, jwks: str) -> None:
    stdin = raw(author.sign(BODY), BODY)
    assert fal("webhook", "verify", "--jwks", jwks, "--print", "request_id", stdin=stdin).text == f"{REQUEST_ID}\n"
    assert fal("webhook", "verify", "--jwks", jwks, "--print", "none", stdin=stdin).text == ""


def test_a_huge_body(fal: Program, author: Author, jwks: str) -> None:
    body = b'{"payload": "' + b"x" * 40_000_000 + b'"}'
    assert fal("webhook", "verify", "--jwks", jwks, stdin=raw(author.sign(body), body)).stdout == body


def test_bytes_that_are_no_json(fal: Program, author: Author, jwks: str) -> None:
    body = bytes(range(256)) * 3
    assert fal("webhook", "verify", "--jwks", jwks, stdin=raw(author.sign(body), body)).stdout == body


# The service's own keys


def test_the_services_keys_are_asked_for_once_a_day_and_without_a_key(fal: Program, author: Author) -> None:
    with Server(answering(answer(200, author.jwks))) as service:
        (fal.home / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
        env = {"FAL_REST_HOST": service.url, "FAL_KEY": "id:secret"}
        for _ in range(2):
            fal("webhook", "verify", stdin=raw(author.sign(BODY), BODY), env=env)
        (seen,) = service.requests
    assert (seen.method, seen.target) == ("GET", "/.well-known/jwks.json")
    assert "authorization" not in seen.headers
    assert "secret" not in str(seen)
    kept = list((fal.home / "fal" / "cache").rglob("*jwks*"))
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]


def test_new_keys_are_fetched_once_where_none_fits(fal: Program, author: Author) -> None:
    later = Author()
    with Server(answering(answer(200, author.jwks), answer(200, later.jwks))) as service:
        env = {"FAL_REST_HOST": service.url}
        fal("webhook", "verify", stdin=raw(author.sign(BODY), BODY), env=env)
        fal("webhook", "verify", stdin=raw(later.sign(BODY), BODY), env=env)
        assert len(service.requests) == 2
        fal("webhook", "verify", stdin=raw(author.sign(BODY), BODY), env=env, code=1)
        assert len(service.requests) == 3


def test_a_forged_one_of_another_kind_asks_for_no_keys(fal: Program, author: Author) -> None:
    with Server(answering(answer(200, author.jwks))) as service:
        env = {"FAL_REST_HOST": service.url}
        fal("webhook", "verify", stdin=raw(author.sign(BODY, age=999), BODY), env=env, code=1)
        assert service.requests == []


def test_old_keys_are_not_used(fal: Program, author: Author) -> None:
    with Server(answering(answer(200, author.jwks))) as service:
        env = {"FAL_REST_HOST": service.url}
        fal("webhook", "verify", stdin=raw(author.sign(BODY), BODY), env=env)
        (kept,) = (fal.home / "fal" / "cache").rglob("*jwks*")
        head, _, body = kept.read_bytes().partition(b"\n")
        facts = json.loads(head)
        assert 86_390 < facts["until"] - facts["kept_at"] <= 86_400
        facts["until"] -= 86_401
        kept.write_bytes(json.dumps(facts).encode() + b"\n" + body)
        fal("webhook", "verify", stdin=raw(author.sign(BODY), BODY), env=env)
        assert len(service.requests) == 2


@pytest.mark.parametrize("kept", [b"", b"{}\n{}", b"\xff", b"[]\n", b'{"name": 5}\n'])
def test_a_broken_cache_is_none(fal: Program, author: Author, kept: bytes) -> None:
    with Server(answering(answer(200, author.jwks))) as service:
        env = {"FAL_REST_HOST": service.url}
        fal("webhook", "verify", stdin=raw(author.sign(BODY), BODY), env=env)
        (path,) = (fal.home / "fal" / "cache").rglob("*jwks*")
        path.write_bytes(kept)
        fal("webhook", "verify", stdin=raw(author.sign(BODY), BODY), env=env)
        assert len(service.requests) == 2


def test_keys_that_cannot_be_had_are_code_6(fal: Program, author: Author) -> None:
    stdin = raw(author.sign(BODY), BODY)
    with refusing_port() as port:
        done = fal("webhook", "verify", stdin=stdin, env={"FAL_REST_HOST": f"http://127.0.0.1:{port}"}, code=6)
    assert "cannot be fetched: 127.0.0.1" in done.stderr
    assert "--jwks FILE" in done.stderr
    replies = [
        (answer(404, {}), "HTTP 404"),
        (answer(301, b"x", {"Location": "http://x/"}), "HTTP 301"),
        (answer(200, {"keys": []}), "has no Ed25519 key"),
        (answer(200, b"hello"), "does not answer with JSON"),
    ]
    for reply, told in replies:
        with Server([read_request, reply, close]) as service:
            done = fal("webhook", "verify", stdin=stdin, env={"FAL_REST_HOST": service.url}, code=6)
            assert told in done.stderr
            assert done.stdout == b""


def test_a_url_of_ones_own(fal: Program, author: Author) -> None:
    with Server(answering(answer(200, author.jwks))) as service:
        fal("webhook", "verify", "--jwks", f"{service.url}/k.json", stdin=raw(author.sign(BODY), BODY))
        assert service.requests[0].target == "/k.json"


# What is around it


def test_without_the_extra_it_says_how_to_install_it(fal: Program, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "cryptography"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ModuleNotFoundError('no', name='cryptography')")
    env = {"PYTHONPATH": str(hidden.parent)}
    for words in (("verify",), ("jwks",), ("listen",), ("send", "last", "--to", "http://127.0.0.1/")):
        done = fal("webhook", *words, stdin=b"A: 1\n\n{}", env=env, code=2)
        assert "(cryptography)" in done.stderr
        assert "pip install 'fal-cli[webhook]'" in done.stderr


_PROBE = "import sys; from fal_cli.__main__ import _dispatch; _dispatch({!r}); print(*sys.modules, file=sys.stderr)"


@pytest.mark.parametrize("words", [["--help"], ["webhook", "--help"], ["webhook", "verify", "--help"]])
def test_help_imports_nothing_heavy(fal: Program, words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", _PROBE.format(words)], capture_output=True, env=fal.env, check=True)
    assert not {"cryptography", "http.server", "requests", "rich"} & set(done.stderr.decode().split())


def test_on_a_terminal_the_body_is_laid_out_and_not_obeyed(
    fal: Program, author: Author, jwks: str, tmp_path: Path
) -> None:
    body = '{"payload": {"text": "\x1b[31mred\\u001b[0m\u202e"}, "status": "OK"}'.replace("\x1b[31m", "[b]").encode()
    (tmp_path / "headers").write_bytes(raw(author.sign(body), b""))
    (tmp_path / "body").write_bytes(body)
    words = [
        "webhook",
        "verify",
        "--jwks",
        jwks,
        "--headers",
        str(tmp_path / "headers"),
        "--body",
        str(tmp_path / "body"),
    ]
    screen = Screen([*fal.argv, *words, "--no-color"], fal.env, columns=100)
    assert screen.finish() == 0
    assert '    "text": "[b]red\\u001b[0m\\u202e"' in screen.lines
    assert screen.lines[0].startswith("valid: request")


def test_on_a_terminal_it_says_what_it_waits_for(fal: Program, author: Author, jwks: str) -> None:
    screen = Screen([*fal.argv, "webhook", "verify", "--jwks", jwks, "--print", "request_id"], fal.env, columns=120)
    screen.until(lambda text: "waiting for the webhook on stdin" in text)
    screen.press(raw(author.sign(b"{}"), b"{}", newline=b"\r") + b"\x04\x04")
    assert screen.finish() == 0
    assert REQUEST_ID in screen.lines


def test_json_lines_for_programs(fal: Program, author: Author, jwks: str) -> None:
    done = fal("webhook", "verify", "--json", "--jwks", jwks, stdin=raw(Author().sign(BODY), BODY), code=1)
    said = json.loads(done.stderr)
    assert (said["event"], said["code"]) == ("error", 1)
    assert "no key" in said["message"]


def test_strangers_headers_do_not_reach_the_terminal_as_they_are(fal: Program, author: Author, jwks: str) -> None:
    headers = author.sign(BODY, request_id="a\x1b[31mb")
    done = fal("webhook", "verify", "--jwks", jwks, stdin=raw(headers, BODY))
    assert "\x1b" not in done.stderr


def test_stdin_that_is_closed(fal: Program) -> None:
    argv = f"{' '.join(fal.argv)} webhook verify <&-"
    done = subprocess.run(
        ["sh", "-c", argv], capture_output=True, env=fal.env | {"PATH": os.environ["PATH"]}, check=False
    )
    assert done.returncode == 2
    assert b"stdin has no headers" in done.stderr
