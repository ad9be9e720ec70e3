"""stdout: bytes untouched in a pipe, JSON laid out on a terminal, and the forms of `--print` and `--query`."""

import base64
import contextlib
import io
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.api.body import Body
from fal_cli.api.events import Result
from fal_cli.context import Context
from fal_cli.errors import CliError, UsageError
from fal_cli.options import GlobalFlags, PrintFlags
from fal_cli.results.outcome import Outcome
from fal_cli.results.printing import Selection
from fal_cli.terminal.output import NotShown, Output, Screen
from fal_cli.terminal.sanitize import visible_lines
from fal_cli.terminal.terminal import Streams

COLOR = re.compile(r"\x1b\[\d*m")
KINDS = ("", "image/png", "text/plain", "application/json", "TEXT/html; charset=utf-8", "application/problem+json")
URI = "data:image/png;base64," + "A" * 5000

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.sampled_from(['"', "\\", "\x1b[31m", "\u202e", "true", "-1", 'a": 1', "data:,x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def written(value: Any, *, is_terminal: bool = False, color: bool = False) -> str:
    """What `Output.json` writes."""
    stream = io.BytesIO()
    Output(stream, is_terminal=is_terminal, color=color).json(value)
    return stream.getvalue().decode()


class TestOutput:
    @settings(deadline=None)
    @given(st.lists(st.binary()), st.sampled_from(KINDS))
    def test_in_a_pipe_bytes_are_untouched(self, chunks: list[bytes], kind: str) -> None:
        stream = io.BytesIO()
        Output(stream, is_terminal=False, color=False).chunks(chunks, kind)
        assert stream.getvalue() == b"".join(chunks)

    @settings(deadline=None)
    @given(st.lists(st.binary()))
    def test_for_a_program_bytes_are_base64_however_they_come(self, chunks: list[bytes]) -> None:
        stream = io.BytesIO()
        Output(stream, is_terminal=False, color=False, machine=True).chunks(chunks, 'image/"png"')
        told = json.loads(stream.getvalue())
        assert stream.getvalue().count(b"\n") == 1
        assert (told["content_type"], base64.b64decode(told["base64"])) == ('image/"png"', b"".join(chunks))

    @settings(deadline=None)
    @given(st.lists(st.binary()), st.sampled_from(KINDS), st.booleans())
    def test_a_terminal_gets_none_that_it_obeys(self, chunks: list[bytes], kind: str, machine: bool) -> None:
        stream = io.BytesIO()
        output = Output(stream, is_terminal=not machine, color=False, reaches_terminal=True)
        with contextlib.suppress(NotShown):
            output.chunks(chunks, kind)
        shown = stream.getvalue().decode()
        assert visible_lines(shown) == shown.split("\n")

    @pytest.mark.parametrize(
        ("kind", "data"),
        [
            pytest.param("image/png", b"text", id="another kind"),
            pytest.param("", b"text", id="no kind"),
            pytest.param("text/plain", b"\x89PNG\x00", id="a false label"),
            pytest.param("application/json", b"\x00", id="not JSON at all"),
        ],
    )
    def test_binary_is_refused_on_a_terminal(self, kind: str, data: bytes) -> None:
        for is_terminal in (True, False):
            stream = io.BytesIO()
            output = Output(stream, is_terminal=is_terminal, color=False, reaches_terminal=True)
            with pytest.raises(NotShown, match="a terminal cannot show") as caught:
                output.chunks(iter([data, b"more"]), kind)
            assert stream.getvalue() == b""
            assert b"".join(caught.value.chunks) == data + b"more"

    @settings(deadline=None)
    @given(json_values, st.integers(1, 9))
    def test_json_for_programs_means_the_same_on_a_terminal(self, value: Any, size: int) -> None:
        """`--json` without a pipe: escapes are written as such, and nothing else changes."""
        data = json.dumps(value, ensure_ascii=False, indent=1).replace("\n", "\r\n").encode("utf-8", "surrogatepass")
        stream = io.BytesIO()
        output = Output(stream, is_terminal=False, color=False, reaches_terminal=True)
        output.chunks([data[at : at + size] for at in range(0, len(data), size)], "application/json; charset=utf-8")
        output.line("")
        output.json(value)
        shown = stream.getvalue().decode()
        assert visible_lines(shown) == shown.split("\n")
        found, end = json.JSONDecoder().raw_decode(shown)
        assert found == json.loads(shown[end:]) == value

    @settings(deadline=None)
    @given(json_values)
    def test_in_a_pipe_json_is_one_line(self, value: Any) -> None:
        text = written(value)
        assert text.count("\n") == 1
        assert text.endswith("\n")
        assert json.loads(text) == value

    @settings(deadline=None)
    @given(json_values)
    def test_on_a_terminal_json_still_parses(self, value: Any) -> None:
        plain = written(value, is_terminal=True)
        assert json.loads(plain) == value
        assert "\x1b" not in plain

    @settings(deadline=None)
    @given(json_values)
    def test_colour_is_all_that_colour_adds(self, value: Any) -> None:
        colored = written(value, is_terminal=True, color=True)
        assert COLOR.sub("", colored) == written(value, is_terminal=True)

    def test_layout_and_colour(self) -> None:
        value = {"prompt": "a [bold]cat[/bold]", "n": [1, -2.5e-7, True, None]}
        assert written(value, is_terminal=True, color=True) == (
            '{\n  \x1b[34m"prompt"\x1b[0m: \x1b[32m"a [bold]cat[/bold]"\x1b[0m,\n  \x1b[34m"n"\x1b[0m: [\n'
            "    \x1b[36m1\x1b[0m,\n    \x1b[36m-2.5e-07\x1b[0m,\n    \x1b[36mtrue\x1b[0m,\n    \x1b[36mnull\x1b[0m\n"
            "  ]\n}\n"
        )

    def test_a_long_text_is_never_wrapped(self) -> None:
        assert f'"{"x " * 5000}"' in written({"a": "x " * 5000}, is_terminal=True)

    def test_data_uris_are_shortened_on_a_terminal(self) -> None:
        value = {"images": [{"url": URI, "n": 1}], "prompt": "data: " + "x" * 500, "short": "data:,x"}
        shown = json.loads(written(value, is_terminal=True))
        assert len(shown["images"][0]["url"]) < 120
        assert shown["images"][0]["url"].startswith("data:image/png;base64,AAAA")
        assert f"({len(URI)} characters)" in shown["images"][0]["url"]
        assert shown["short"] == "data:,x"
        assert shown["images"][0]["n"] == 1

    def test_data_uris_are_whole_in_a_pipe(self) -> None:
        assert json.loads(written({"url": URI})) == {"url": URI}

    def test_data_uris_with_a_long_head_are_shortened(self) -> None:
        uri = f"data:image/png;name={'n' * 90};base64,{'A' * 5000}"
        assert len(written({"url": uri}, is_terminal=True)) < 500

    @pytest.mark.parametrize(
        ("text", "pipe", "terminal"),
        [
            pytest.param("für 猫", "für 猫\n", "für 猫\n", id="beyond ASCII"),
            pytest.param("a\nb", "a\nb\n", "a\nb\n", id="lines"),
            pytest.param("\x1b[31mx\u202e", "\x1b[31mx\u202e\n", "␛[31mx<U+202E>\n", id="control characters"),
            pytest.param("", "\n", "\n", id="nothing"),
        ],
    )
    def test_line(self, text: str, pipe: str, terminal: str) -> None:
        for is_terminal, expected in ((False, pipe), (True, terminal)):
            stream = io.BytesIO()
            Output(stream, is_terminal=is_terminal, color=False).line(text)
            assert stream.getvalue() == expected.encode()

    @pytest.mark.parametrize("is_terminal", [False, True], ids=["pipe", "terminal"])
    def test_half_a_character_ends_nothing(self, is_terminal: bool) -> None:
        """JSON can write a lone surrogate, and a model that cuts its text between two does."""
        value = json.loads('{"text": "cut \\ud83d"}')
        assert json.loads(written(value, is_terminal=is_terminal)) == value
        stream = io.BytesIO()
        Output(stream, is_terminal=is_terminal, color=False).line(value["text"])
        assert stream.getvalue().startswith(b"cut ")

    def test_a_reader_that_is_gone(self) -> None:
        script = """if True:
            import sys
            from fal_cli.terminal.output import Output, ReaderGone
            output = Output(sys.stdout.buffer, is_terminal=False, color=False)
            sys.stdin.read()
            try:
                output.line("x")
            except ReaderGone:
                sys.exit(42)
        """
        reading, writing = os.pipe()
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=writing, stderr=subprocess.PIPE
        ) as process:
            os.close(writing)
            os.close(reading)
            _, stderr = process.communicate(b"")
        assert (process.returncode, stderr) == (42, b"")


RESULT = {
    "images": [
        {"url": "https://v3.fal.media/files/a.png", "content_type": "image/png", "file_name": "a.png"},
        {"url": "https://v3.fal.media/files/b.png"},
    ],
    "seed": 9007199254740993,
    "output": "two\nlines",
    "flags": [True, None, 1.5, "x"],
    "nothing": None,
}
BODY = b'{"seed":   9007199254740993,\n"x": "\\u00fc"}'


class Desk:
    """A context with streams of its own, as far as a selection needs one."""

    def __init__(self, *, is_terminal: bool = False, json: bool = False) -> None:
        self.stdout, self.stderr = io.BytesIO(), io.StringIO()
        streams = Streams(None, self.stdout, self.stderr, False, is_terminal, False)
        self.context = Context(streams, {"NO_COLOR": "1"}, flags=GlobalFlags(json=json))

    def selection(self, flags: PrintFlags, default: str = "result") -> Selection:
        return Selection(self.context.output, self.context.talk.note, flags, default=default)

    def write(
        self,
        body: Any = RESULT,
        *,
        print_: Any = None,
        query: str = "",
        default: str = "result",
        content_type: str = "application/json",
    ) -> str:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        selection = self.selection(PrintFlags(print_=print_, query=query), default)
        result = Result(Body(data), content_type, "header-id", "2")
        selection.write(Outcome(result, "a/b", "r-1", self.context.journal.entry(None), "https://q/r-1", 1.5))
        return self.stdout.getvalue().decode()


class TestPrint:
    @pytest.mark.parametrize("body", [BODY, b"\x00\xff\n", b"", b"no JSON"])
    def test_the_result_is_the_bytes_of_the_service(self, body: bytes) -> None:
        desk = Desk()
        entry = desk.context.journal.entry(None)
        desk.selection(PrintFlags()).write(Outcome(Result(Body(body), "x/y", ""), "a/b", "r", entry))
        assert desk.stdout.getvalue() == body

    @pytest.mark.parametrize("is_terminal", [False, True], ids=["pipe", "terminal"])
    def test_the_machine_form_is_one_line(self, is_terminal: bool) -> None:
        written = Desk(is_terminal=is_terminal, json=True).write(BODY)
        assert json.loads(written) == json.loads(BODY)
        assert written.count("\n") == 1
        assert " " not in re.sub(r'"[^"]*"', "", written)

    @pytest.mark.parametrize(
        ("print_", "expected"),
        [
            pytest.param("id", "r-1\n", id="id"),
            pytest.param("url", "https://q/r-1\n", id="url"),
            pytest.param("none", "", id="none"),
            pytest.param("text", "two\nlines\n", id="text"),
            pytest.param("urls", "https://v3.fal.media/files/a.png\nhttps://v3.fal.media/files/b.png\n", id="urls"),
        ],
    )
    @pytest.mark.parametrize("is_terminal", [False, True], ids=["pipe", "terminal"])
    def test_bare_forms(self, print_: str, expected: str, is_terminal: bool) -> None:
        assert Desk(is_terminal=is_terminal).write(print_=print_) == expected

    def test_the_default_is_the_commands(self) -> None:
        assert Desk().write(default="id") == "r-1\n"
        assert Desk().write(BODY, default="id", print_="result") == BODY.decode()

    def test_no_media_are_no_lines(self) -> None:
        assert Desk().write({"a": 1}, print_="urls") == ""

    def test_envelope(self) -> None:
        text = Desk().write(print_="envelope")
        assert text.count("\n") == 1
        assert json.loads(text) == {
            "request_id": "r-1",
            "endpoint": "a/b",
            "data": RESULT,
            "files": [
                {"url": "https://v3.fal.media/files/a.png", "content_type": "image/png", "file_name": "a.png"},
                {"url": "https://v3.fal.media/files/b.png", "content_type": "", "file_name": ""},
            ],
            "metrics": {"inference_time": 1.5},
            "billable_units": 2,
            "cost": {"amount": None, "currency": None, "units": "2", "source": "not known"},
            "reused": False,
            "flagged": [],
        }

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ({"text": "t", "x": 1}, "t\n"),
            ({"transcription": "t"}, "t\n"),
            ({"response": "t"}, "t\n"),
            ({"output": ["no text"], "text": "t"}, "t\n"),
            ("t", "t\n"),
        ],
    )
    def test_text(self, body: Any, text: str) -> None:
        assert Desk().write(body, print_="text") == text

    @pytest.mark.parametrize("body", [{"images": []}, [], 7, None, {"output": 7}])
    def test_no_text(self, body: Any) -> None:
        desk = Desk()
        with pytest.raises(CliError, match="no text"):
            desk.write(body, print_="text")
        assert desk.stdout.getvalue() == b""

    @pytest.mark.parametrize("print_", ["envelope", "urls", "text"])
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"<html>", id="HTML"),
            pytest.param(b"", id="nothing"),
            pytest.param(b"\xff\xff", id="bytes"),
            pytest.param(b"[" * 100_000, id="nested deeply"),
        ],
    )
    def test_what_is_no_json(self, print_: str, body: bytes) -> None:
        desk = Desk()
        with pytest.raises(CliError, match="not JSON"):
            desk.write(body, print_=print_, content_type="text/html")
        assert desk.stdout.getvalue() == b""


class TestTerminal:
    def test_json_is_laid_out(self) -> None:
        assert Desk(is_terminal=True).write(BODY) == '{\n  "seed": 9007199254740993,\n  "x": "ü"\n}\n'

    def test_text_is_made_visible(self) -> None:
        shown = Desk(is_terminal=True).write(b"a\x1b[2J\nb\xff", content_type="text/plain; charset=utf-8")
        assert shown == "a␛[2J\nb\ufffd\n"

    @pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", ""])
    def test_other_bytes_are_refused(self, content_type: str) -> None:
        desk = Desk(is_terminal=True)
        with pytest.raises(CliError, match="a terminal cannot show"):
            desk.write(b"\x89PNG", content_type=content_type)
        assert desk.stdout.getvalue() == b""


class TestQuery:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            pytest.param("output", "two\nlines\n", id="a text comes bare"),
            pytest.param("seed", "9007199254740993\n", id="a number keeps its digits"),
            pytest.param("images[0].url", "https://v3.fal.media/files/a.png\n", id="a path"),
            pytest.param("images[].file_name", "a.png\n", id="a list of texts, one a line"),
            pytest.param("flags", "true\nnull\n1.5\nx\n", id="a mixed list, one a line"),
            pytest.param("images[0]", json.dumps(RESULT["images"][0]) + "\n", id="an object is JSON"),  # type: ignore[index]
            pytest.param(
                "images[].[url]",
                '["https://v3.fal.media/files/a.png"]\n["https://v3.fal.media/files/b.png"]\n',
                id="rows",
            ),
            pytest.param("images[9:]", "", id="an empty list"),
            pytest.param("length(images)", "2\n", id="a function"),
            pytest.param("flags[0]", "true\n", id="true"),
        ],
    )
    def test_picks(self, query: str, expected: str) -> None:
        desk = Desk()
        assert desk.write(query=query) == expected
        assert desk.stderr.getvalue() == ""

    def test_from_the_envelope(self) -> None:
        assert Desk().write(print_="envelope", query="join('/', [endpoint, request_id])") == "a/b/r-1\n"

    @pytest.mark.parametrize("query", ["nothing", "no.such.key"])
    def test_nothing_found_is_said(self, query: str) -> None:
        desk = Desk()
        assert desk.write(query=query) == ""
        assert "matches nothing" in desk.stderr.getvalue()

    @pytest.mark.parametrize("query", ["images[", "a b", "]", "'x", "foo(", "a..b", f"a[{'9' * 5000}]"])
    def test_malformed(self, query: str) -> None:
        with pytest.raises(UsageError, match="--query: ") as caught:
            Desk().selection(PrintFlags(query=query))
        assert "\n" not in caught.value.message

    @pytest.mark.parametrize(
        "query",
        [
            pytest.param("length(seed)", id="a function on a value that it does not take"),
            pytest.param("nosuch(@)", id="an unknown function"),
            pytest.param("sort(images)", id="objects cannot be sorted"),
            pytest.param("join(',')", id="an argument too few"),
        ],
    )
    def test_an_expression_that_fails_on_the_result_is_an_error_of_ours(self, query: str) -> None:
        desk = Desk()
        with pytest.raises(CliError):
            desk.write(query=query)
        assert desk.stdout.getvalue() == b""

    def test_an_unknown_function_is_refused_before_anything_is_sent(self) -> None:
        with pytest.raises(UsageError):
            Desk().selection(PrintFlags(query="nosuch(@)"))

    def test_on_a_terminal_objects_of_a_list_are_harmless_json(self) -> None:
        shown = Desk(is_terminal=True).write({"l": [{"a": "x\u202e\x7f"}]}, query="l")
        assert json.loads(shown) == {"a": "x\u202e\x7f"}
        assert "\u202e" not in shown

    def test_on_a_terminal_data_uris_in_a_list_are_shortened(self) -> None:
        assert len(Desk(is_terminal=True).write({"images": [{"url": URI}]}, query="images")) < 500

    def test_pick(self) -> None:
        desk = Desk()
        selection = desk.selection(PrintFlags(query="status"))
        selection.pick({"status": "COMPLETED"})
        assert desk.stdout.getvalue() == b"COMPLETED\n"


def test_a_sentence_for_people_breaks_between_its_words_and_nothing_in_it_is_obeyed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    stream = io.BytesIO()
    Screen(Output(stream, is_terminal=True, color=False)).tell(
        ["zoo: three rows to send", "  of \x1b[31mred ones, all"]
    )
    assert stream.getvalue().decode().splitlines() == ["zoo: three rows to", "send", "  of ␛[31mred ones,", "  all"]
