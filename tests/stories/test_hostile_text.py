"""Strangers' text in a real terminal: it is shown as text, and of escape sequences there are only our own."""

import base64
import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.support.fault_proxy import answer, with_body
from tests.support.place import Place
from tests.support.pseudo_terminal import Screen

# Cursor moves, a cleared screen, OSC 8 (links) and 52 (the clipboard), a title, an APC, a DCS, C1 controls, bidi marks.
HOSTILE = (
    "up\x1b[2A\x1b[1;1H\x1b[2J"
    "\x1b]8;;https://evil.example\x07link\x1b]8;;\x07"
    "\x1b]52;c;b3duZWQ=\x07"
    "\x1b]0;title\x07\x1b]2;title\x1b\\"
    "\x1b_apc\x1b\\\x1bPdcs\x1b\\"
    "\x9b31m\x9d0;c1\x9c"
    "\u202egnp.exe\u202c\u2066x\u2069\u200f"
    "\r\x08\x08\x00\x7f end"
)
TYPED = HOSTILE.replace("\x00", "")
# What Rich and we draw with: colours, the cursor hidden and shown, to the line's start, up, and lines erased.
OWN = re.compile(rb"\x1b\[(?:[0-9;]*m|\?25[lh]|[0-9]*[AK]|2K)")
JOB = ("sandbox/echo", "n=1", "sandbox.queue=0.2", "sandbox.run=0.5")


@dataclass(frozen=True)
class Shown:
    """What a command left on a screen."""

    screen: Screen
    code: int

    @property
    def text(self) -> str:
        """What is on it, its wrapped lines joined."""
        return "".join(self.screen.lines)

    def is_harmless(self) -> None:
        """Only our own sequences, and no character that a terminal obeys or that turns text around."""
        rest = OWN.sub(b"", self.screen.raw)
        assert b"\x1b" not in rest, rest[max(0, rest.find(b"\x1b") - 40) :][:120]
        text = rest.decode()
        assert not [character for character in text if character not in "\r\n\t" and is_control(character)]
        assert self.screen.title == ""


def is_control(character: str) -> bool:
    return ord(character) < 32 or 0x7F <= ord(character) < 0xA0 or character in "\u200f\u202a\u202c\u202e\u2066\u2069"


@pytest.fixture
def show(place: Place) -> Callable[..., Shown]:
    def run(*words: str, columns: int = 400) -> Shown:
        screen = Screen([*place.program.argv, *words], place.program.env, columns=columns, cwd=place.folder)
        return Shown(screen, screen.finish())

    return run


@pytest.mark.parametrize("verb", ["run", "resume", "status --follow --logs", "logs --follow"])
def test_logs(place: Place, show: Callable[..., Shown], verb: str) -> None:
    words = verb.split()
    if verb == "run":
        shown = show("run", *JOB, f"sandbox.logs:={json.dumps([HOSTILE])}")
    else:
        place.queued(n=1, orders={"queue": 0.2, "run": 0.5, "logs": [HOSTILE]})
        shown = show(words[0], "last", *words[1:])
    assert shown.code == 0
    shown.is_harmless()
    if "logs --follow" not in verb:  # that is data, on stdout
        assert "␛[2A␛[1;1H␛[2J␛]8;;https://evil.example␇link" in shown.text
        assert "<U+202E>gnp.exe" in shown.text
    assert "end" in shown.text


@pytest.mark.parametrize("verb", ["run", "run --direct", "resume", "resume two", "wait", "result", "status"])
def test_error_texts(place: Place, show: Callable[..., Shown], verb: str) -> None:
    fail = {"status": 500, "body": {"detail": HOSTILE}}
    words = verb.split()
    if words[0] == "run":
        shown = show(*words, *JOB, f"sandbox.fail:={json.dumps(fail)}")
    else:
        ids = [place.queued(n=number, orders={"fail": fail}) for number in range(2 if "two" in words else 1)]
        shown = show(words[0], *ids)
    shown.is_harmless()
    if verb != "status":
        assert shown.code == 1
        assert "␛]52;c;b3duZWQ=␇" in shown.text
    if verb == "run":
        show("history").is_harmless()
        show("history", "show", "@1").is_harmless()


def test_error_texts_of_a_gateway(place: Place, show: Callable[..., Shown]) -> None:
    for status in (400, 404, 502):
        place.proxy.fail("submit", answer(status, f"<h1>{HOSTILE}</h1>", {"X-Fal-Error-Type": "bad"}))
        show("submit", *JOB).is_harmless()
    show("resume", "--timeout", "1s").is_harmless()


@pytest.mark.parametrize("words", [("-d", "out/"), ("-d", "out/", "--print", "files"), ("--print", "urls")])
def test_file_names(place: Place, show: Callable[..., Shown], words: tuple[str, ...]) -> None:
    (place.folder / "a.bin").write_bytes(b"x")
    url = place("upload", "a.bin").text.strip()
    for name in (HOSTILE, "../../../etc/passwd", "\x1b]0;t\x07.png", "a\u202egnp.exe"):
        place.queued(file={"url": url, "file_name": name, "content_type": "image/png"})
    shown = show("resume", *words)
    assert shown.code == 0
    shown.is_harmless()
    for path in place.folder.rglob("*"):
        assert not any(is_control(character) for character in path.name), path
    show("history").is_harmless()
    show("history", "show", "@1").is_harmless()


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param(("endpoint", "error"), id="endpoint"),
        pytest.param(("request_id", "error"), id="request id"),
        pytest.param(("profile", "host", "billable_units", "error"), id="others"),
    ],
)
def test_whatever_stands_in_the_ledger(place: Place, show: Callable[..., Shown], columns: tuple[str, ...]) -> None:
    """It may have been written by anyone who can write here; a terminal is no place to obey them."""
    place.queued(n=1, orders={"queue": 60})
    with closing(sqlite3.connect(place.ledger)) as db, db:
        assignments = ", ".join(f"{column} = :text" for column in columns)
        files = json.dumps([HOSTILE])
        db.execute(f"UPDATE requests SET {assignments}, files = :files", {"text": TYPED, "files": files})
    for words in (
        ("history",),
        ("history", "show", "@1"),
        ("resume", "--timeout", "1s"),
        ("rerun", "@1", "--timeout", "1s"),
    ):
        show(*words).is_harmless()


@pytest.mark.parametrize("name", ["request_id", "queue_position"])
def test_a_submit_answer(place: Place, show: Callable[..., Shown], name: str) -> None:
    def hostile(body: bytes) -> bytes:
        return json.dumps({**json.loads(body), name: HOSTILE}).encode()

    place.proxy.fail("submit", with_body(hostile))
    show("run", *JOB, "--timeout", "5s").is_harmless()
    show("history").is_harmless()


def test_a_result_on_a_terminal(place: Place, show: Callable[..., Shown]) -> None:
    place.queued(text=HOSTILE)
    shown = show("resume")
    assert shown.code == 0
    shown.is_harmless()
    assert "\\u001b[2A" in shown.text


BINARY = b"\x89PNG\r\n" + HOSTILE.encode() + bytes(range(256))
KINDS = [
    pytest.param("image/png", id="picture"),
    pytest.param("application/octet-stream", id="bytes"),
    pytest.param("text/plain", id="a false label"),
]


class TestBytes:
    """They are saved or refused, and never written to a terminal, not even in the form for programs."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_of_a_direct_call(self, place: Place, show: Callable[..., Shown], kind: str) -> None:
        """Nothing can fetch them again, so they are saved."""
        place.proxy.fail("run", answer(200, BINARY, {"Content-Type": kind}))
        shown = show("run", "--direct", "sandbox/echo", "n=1")
        shown.is_harmless()
        assert shown.code == 1
        (saved,) = place.folder.iterdir()
        assert saved.read_bytes() == BINARY
        assert saved.name in shown.text
        assert "a terminal cannot show" in shown.text

    @pytest.mark.parametrize("kind", KINDS)
    def test_of_a_request(self, place: Place, show: Callable[..., Shown], kind: str) -> None:
        place.queued(n=1)
        place.proxy.fail("result", answer(200, BINARY, {"Content-Type": kind}), times=2)
        shown = show("result", "last")
        shown.is_harmless()
        assert shown.code == 1
        assert "> FILE" in shown.text

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("words", [("run", "--direct", "sandbox/echo", "n=1"), ("result", "last")], ids="-".join)
    def test_for_a_program_they_are_base64(
        self, place: Place, show: Callable[..., Shown], kind: str, words: tuple[str, ...]
    ) -> None:
        place.queued(n=1)
        for route in ("run", "result"):
            place.proxy.fail(route, answer(200, BINARY, {"Content-Type": kind}))
        shown = show(*words, "--json")
        shown.is_harmless()
        assert shown.code == 0
        assert base64.b64encode(BINARY[:60]).decode()[:70] in "".join(shown.text.split())

    @pytest.mark.parametrize("kind", KINDS)
    def test_of_files(self, place: Place, show: Callable[..., Shown], kind: str) -> None:
        url = f"data:{kind};base64,{base64.b64encode(BINARY).decode()}"
        place.queued(file={"url": url, "content_type": kind})
        shown = show("result", "last", "-d", "-")
        shown.is_harmless()
        assert shown.code == 11
        assert "-d FOLDER/" in shown.text

    def test_a_text_file_is_shown(self, place: Place, show: Callable[..., Shown]) -> None:
        place.queued(file={"url": f"data:text/plain;base64,{base64.b64encode(TYPED.encode()).decode()}"})
        shown = show("result", "last", "-d", "-")
        shown.is_harmless()
        assert shown.code == 0
        assert "␛]52;c;b3duZWQ=␇" in shown.text

    @pytest.mark.parametrize("words", ["result last", "status last --print envelope", "history show last"])
    def test_the_form_for_programs(self, place: Place, show: Callable[..., Shown], words: str) -> None:
        place.queued(text=HOSTILE, orders={"logs": [HOSTILE]})
        place("resume")
        shown = show(*words.split(), "--json")
        shown.is_harmless()
        assert shown.code == 0

    def test_events_for_programs(self, place: Place, show: Callable[..., Shown]) -> None:
        shown = show("stream", "sandbox/echo", f"a={TYPED}", "--json")
        shown.is_harmless()
        assert shown.code == 0


@pytest.mark.parametrize("verb", ["run", "history"])
def test_what_the_user_types_is_no_exception(place: Place, show: Callable[..., Shown], verb: str) -> None:
    """It may have been pasted."""
    shutil.rmtree(place.folder / "x", ignore_errors=True)
    show(verb, TYPED).is_harmless()
    show(verb, "sandbox/echo", TYPED).is_harmless()
