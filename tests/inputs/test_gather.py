"""Words, files, texts and stdin into one object: every row of the design's table of forms, and which one wins."""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.errors import MalformedInput, UsageError
from fal_cli.files.attachment import Attachment
from fal_cli.inputs import stdin as stdin_module
from fal_cli.inputs.stdin import Stdin
from tests.support.inputs import gather

texts = st.text(st.characters(exclude_categories=["Cs"]))


class Unreadable(io.RawIOBase):
    """A stream that must be left alone."""

    def read(self, size: int = -1, /) -> bytes:
        raise AssertionError("stdin was read")


def no_words(text: str) -> None:
    raise AssertionError(f"said: {text}")


def standard(data: bytes = b"", *, is_terminal: bool = False) -> Stdin:
    return Stdin(io.BytesIO(data), is_terminal=is_terminal, say=no_words)


def untouched(*, is_terminal: bool = False) -> Stdin:
    return Stdin(Unreadable(), is_terminal=is_terminal, say=no_words)  # type: ignore[arg-type]


def gathered(*words: str, text: tuple[str, ...] = (), stdin: bytes | None = None) -> dict[str, Any]:
    return gather(words, text, untouched() if stdin is None else standard(stdin))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a few files in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_bytes(b'{"a": 1, "both": "a", "deep": {"x": 1}}')
    (tmp_path / "b.json").write_bytes(b'{"b": 2, "both": "b", "deep": {"y": 2}}')
    (tmp_path / "list.json").write_bytes(b"[1, 2]")
    (tmp_path / "bom.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    (tmp_path / "windows.json").write_bytes('{"prompt": "für"}'.encode("utf-16"))
    (tmp_path / "noext").write_bytes(b'{"a": 1}')
    return tmp_path


class TestForms:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            pytest.param(["prompt=a cat"], {"prompt": "a cat"}, id="key=value"),
            pytest.param(["prompt=a=b"], {"prompt": "a=b"}, id="split once"),
            pytest.param(["prompt=me@example.com"], {"prompt": "me@example.com"}, id="an @ inside"),
            pytest.param(["prompt="], {"prompt": ""}, id="an empty text"),
            pytest.param(["prompt=42"], {"prompt": "42"}, id="a text key is not guessed"),
            pytest.param(["seed=42"], {"seed": 42}, id="a plain number"),
            pytest.param(["seed=1234567890123456"], {"seed": "1234567890123456"}, id="16 digits are text"),
            pytest.param(["scale=3.5"], {"scale": 3.5}, id="a fraction"),
            pytest.param(["sync=true", "x=null"], {"sync": True, "x": None}, id="true and null"),
            pytest.param(["ratio=16:9"], {"ratio": "16:9"}, id="all else is text"),
            pytest.param(["size:=[1, 2]"], {"size": [1, 2]}, id="key:=json"),
            pytest.param(['prompt:="42"'], {"prompt": "42"}, id="a JSON text"),
            pytest.param(["prompt:=42"], {"prompt": 42}, id="JSON in a text key is JSON"),
            pytest.param(["seed:=12345678901234567890"], {"seed": 12345678901234567890}, id="a huge JSON integer"),
            pytest.param(["list:=@list.json"], {"list": [1, 2]}, id="key:=@path"),
            pytest.param(["a.json"], {"a": 1, "both": "a", "deep": {"x": 1}}, id="FILE.json"),
            pytest.param(["@a.json"], {"a": 1, "both": "a", "deep": {"x": 1}}, id="@FILE.json"),
            pytest.param(["@noext"], {"a": 1}, id="@FILE of any name"),
            pytest.param(["bom.json"], {"a": 1}, id="a file with a BOM"),
            pytest.param(["windows.json"], {"prompt": "für"}, id="a file in UTF-16"),
            pytest.param(['{"a": [1]}'], {"a": [1]}, id="an inline object"),
            pytest.param(["{}"], {}, id="an empty object"),
            pytest.param(["prompt=\\@story.txt"], {"prompt": "@story.txt"}, id="\\@ is a plain @"),
            pytest.param(["seed=\\@7"], {"seed": "@7"}, id="\\@ in any key"),
            pytest.param(["prompt=\\{{x}}"], {"prompt": "{{x}}"}, id="\\{{ is a plain {{"),
            pytest.param(["prompt=\\{{x}} {{y}}"], {"prompt": "{{x}} {{y}}"}, id="\\{{ makes all that follows plain"),
            pytest.param(["prompt={{ x }"], {"prompt": "{{ x }"}, id="braces that are never closed"),
            pytest.param(["prompt=[brackets] \\n"], {"prompt": "[brackets] \\n"}, id="other escapes stay"),
            pytest.param(["loras.0.path=p", "loras.0.scale=0.5"], {"loras": [{"path": "p", "scale": 0.5}]}, id="dots"),
            pytest.param(["loras[0][path]=p"], {"loras": [{"path": "p"}]}, id="brackets"),
            pytest.param(["tags[]=a", "tags[]=b"], {"tags": ["a", "b"]}, id="[] appends"),
            pytest.param(["a\\.b=c"], {"a.b": "c"}, id="\\. is a plain dot"),
            pytest.param(["a\\=b=c"], {"a=b": "c"}, id="\\= in a key"),
            pytest.param(["a.b:={}", "a.b.c=1"], {"a": {"b": {"c": 1}}}, id="a path into a JSON value"),
            pytest.param(["file=x.json"], {"file": "x.json"}, id="an item whose value ends with .json"),
        ],
    )
    def test_words(self, folder: Path, words: list[str], expected: dict[str, Any]) -> None:
        assert gathered(*words) == expected

    def test_types_stay_what_they_are(self) -> None:
        assert json.dumps(gathered("a=1", "b=1.0", "c=true", "d:=1e2")) == '{"a": 1, "b": 1.0, "c": true, "d": 100.0}'

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("prompt=@x", {"prompt": "@x"}, id="no file"),
            pytest.param("prompt={{x}}", {"prompt": "{{x}}"}, id="no expression"),
            pytest.param("seed=42", {"seed": "42"}, id="no guess"),
            pytest.param("x=null", {"x": "null"}, id="no null"),
            pytest.param("prompt=\\@x", {"prompt": "\\@x"}, id="no escape"),
            pytest.param("prompt==x", {"prompt": "=x"}, id="no second operator"),
            pytest.param("a.0.b=x", {"a": [{"b": "x"}]}, id="a nested key"),
            pytest.param("a\\.b=x", {"a.b": "x"}, id="an escaped dot in the key"),
            pytest.param("a\\=b=x", {"a=b": "x"}, id="an escaped = in the key"),
        ],
    )
    def test_raw_text(self, text: str, expected: dict[str, Any]) -> None:
        assert gathered(text=(text,)) == expected

    @pytest.mark.parametrize(
        ("word", "at"),
        [
            pytest.param("prompt=@", 8, id="=@ without a file"),
            pytest.param("image_url@", 10, id="key@ without a file"),
            pytest.param("prompt=x {{y}} z", 9, id="{{}} inside a text"),
            pytest.param("prompt={{x}} z", 7, id="{{}} at the beginning alone"),
            pytest.param("prompt={{}}", 9, id="empty {{}}"),
        ],
    )
    def test_what_names_nothing_is_never_sent_as_text(self, word: str, at: int) -> None:
        with pytest.raises(MalformedInput) as caught:
            gathered(word)
        assert (caught.value.word, caught.value.at) == (word, at)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            pytest.param(b"a cat\n", "a cat", id="one final newline goes"),
            pytest.param(b"a cat\n\n", "a cat\n", id="and only one"),
            pytest.param(b"\xef\xbb\xbfa cat\r\n", "a cat", id="a mark and a carriage return"),
            pytest.param("ein Bär".encode("utf-16"), "ein Bär", id="UTF-16"),
            pytest.param(b"@x {{y}} 42", "@x {{y}} 42", id="nothing in it is read again"),
        ],
    )
    def test_a_text_key_takes_the_files_text(self, tmp_path: Path, content: bytes, expected: str) -> None:
        story = tmp_path / "story.txt"
        story.write_bytes(content)
        told: list[str] = []
        words = (f"prompt=@{story}", f"a.negative_prompt=@{story}")
        assert gather(words, (), untouched(), tell=told.append) == {
            "prompt": expected,
            "a": {"negative_prompt": expected},
        }
        assert len(told) == 2

    def test_any_other_key_takes_the_file(self) -> None:
        photo = Attachment(key="image_url", path=Path("photo.jpg"))
        assert gathered("image_url=@photo.jpg") == {"image_url": photo}
        assert gathered("image_url@photo.jpg") == {"image_url": photo}
        assert gathered("prompt@story.txt") == {"prompt": Attachment(key="prompt", path=Path("story.txt"))}
        assert gathered("a[0].url@data.json") == {"a": [{"url": Attachment(key="a[0].url", path=Path("data.json"))}]}

    def test_stdin_can_be_the_file(self) -> None:
        (found,) = gather(("image_url@-",), (), standard(b"\x89PNG")).values()
        assert isinstance(found, Attachment)
        assert found.path.read_bytes() == b"\x89PNG"
        assert gather(("prompt=@-",), (), standard(b"a cat\n")) == {"prompt": "a cat"}
        with pytest.raises(UsageError, match="read once"):
            gather(("a@-", "b@-"), (), standard(b"x"))

    @pytest.mark.parametrize(
        ("word", "told"),
        [
            pytest.param("prompt=@missing.txt", "cannot read missing.txt", id="a missing text"),
            pytest.param("prompt=@/dev", "cannot read /dev", id="a folder as text"),
            pytest.param("seed:=", "the value of seed is not JSON", id="no JSON"),
            pytest.param("seed:=NaN", "the value of seed is not JSON", id="NaN"),
            pytest.param("seed:=1e999", "the value of seed is not JSON", id="1e999"),
            pytest.param("a:=@missing.json", "cannot read missing.json", id="a missing value file"),
            pytest.param("missing.json", "cannot read missing.json", id="a missing document"),
            pytest.param("@missing", "cannot read missing", id="a missing @document"),
            pytest.param("@", "cannot read", id="an @ alone"),
            pytest.param("@-", "a lone '-'", id="@- as a document"),
            pytest.param("list.json", "a list", id="a document that is a list"),
            pytest.param("{", "the inline JSON is not JSON", id="half an object"),
            pytest.param("{a: 1}", "the inline JSON is not JSON", id="an object without quotes"),
        ],
    )
    def test_unreadable_word(self, folder: Path, word: str, told: str) -> None:
        with pytest.raises(UsageError) as caught:
            gathered(word)
        assert told in caught.value.message

    @pytest.mark.parametrize("word", ["@home is sweet", "{x} on a board", "{{x}} here"])
    def test_what_may_have_been_meant_as_text(self, folder: Path, word: str) -> None:
        with pytest.raises(UsageError) as caught:
            gathered(word)
        assert caught.value.hint.endswith(f"To send it as text: -t 'KEY={word}'")
        for document in ("@missing", '{"a" 1}', "{a"):
            with pytest.raises(UsageError) as caught:
                gathered(document)
            assert "as text" not in caught.value.hint

    @pytest.mark.parametrize(
        ("text", "at"),
        [
            pytest.param("prompt", 6, id="no ="),
            pytest.param("", 0, id="nothing"),
            pytest.param("=x", 0, id="no key"),
            pytest.param("a..b=x", 2, id="a malformed path"),
        ],
    )
    def test_malformed_raw_text_points_at_the_character(self, text: str, at: int) -> None:
        with pytest.raises(MalformedInput) as caught:
            gathered(text=(text,))
        assert (caught.value.word, caught.value.at) == (text, at)

    def test_bytes_that_are_no_text_are_refused_where_they_begin(self) -> None:
        """The command line brings undecodable bytes as surrogates."""
        for words, text in ((("prompt=caf\udce9",), ()), ((), ("prompt=caf\udce9",))):
            with pytest.raises(MalformedInput) as caught:
                gathered(*words, text=text)
            assert caught.value.at == len("prompt=caf")


class TestAnyText:
    @settings(deadline=None)
    @given(texts)
    def test_raw_text_arrives_as_it_is(self, text: str) -> None:
        assert gathered(text=(f"prompt={text}",)) == {"prompt": text}
        assert gathered(text=(f"seed={text}",)) == {"seed": text}

    @settings(deadline=None)
    @given(texts | st.sampled_from(["@", "{{", "}}", "\\"]).flatmap(lambda lead: texts.map(lead.__add__)))
    def test_prompt_arrives_as_it_is_or_is_refused(self, text: str) -> None:
        if text.startswith(("\\@", "\\{{")):
            assert gathered(f"prompt={text}") == {"prompt": text[1:]}
        elif text.startswith("@") or "}}" in text.partition("{{")[2]:
            with pytest.raises(UsageError):
                gathered(f"prompt={text}" if text != "@-" else "prompt=@", stdin=b"")
        else:
            assert gathered(f"prompt={text}") == {"prompt": text}

    @settings(deadline=None)
    @given(texts)
    def test_escaped_text_arrives_without_the_escape(self, text: str) -> None:
        assert gathered(f"seed=\\@{text}") == {"seed": f"@{text}"}
        assert gathered(f"seed=\\{{{{{text}") == {"seed": f"{{{{{text}"}

    @settings(deadline=None)
    @given(st.lists(st.text(st.sampled_from("ab=:@\\[].{}-0 \n"), max_size=9), max_size=3))
    def test_any_words_make_an_object_or_a_usage_error_within_the_word(self, words: list[str]) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            refusal: UsageError | None = None
            try:
                assert isinstance(gather(words, (), standard()), dict)
            except UsageError as error:
                refusal = error
        if isinstance(refusal, MalformedInput):
            assert any(refusal.word in word for word in words)
            assert 0 <= refusal.at <= len(refusal.word)


class TestWhatIsTold:
    """What looks like a slip of a script and may be none."""

    def told(self, *words: str, text: tuple[str, ...] = ()) -> list[str]:
        said: list[str] = []
        gather(words, text, untouched(), tell=said.append)
        return said

    @pytest.mark.parametrize(
        ("words", "text", "line"),
        [
            (["prompt="], (), "prompt is sent as an empty text"),
            (["seed=1", "a.b="], (), "a.b is sent as an empty text"),
            ([], ("prompt=",), "prompt is sent as an empty text"),
            (["prompt=x", "prompt=y"], (), "prompt is given twice; only the last one is sent"),
            (["prompt=x"], ("prompt=y",), "prompt is given twice; only the last one is sent"),
            (["a.b=1", "a[b]=2"], (), "a[b] is given twice; only the last one is sent"),
            (["a.b=1", "a=x"], (), "a.b is dropped, since a comes after it"),
        ],
    )
    def test_a_line(self, words: list[str], text: tuple[str, ...], line: str) -> None:
        assert self.told(*words, text=text) == [line]

    @pytest.mark.parametrize(
        "words",
        [
            ["a=1", "b=1"],
            ["tags[]=a", "tags[]=a"],
            ["a.b=1", "a.c=1"],
            ['a:=""'],
            ["a:={}", "a.b=1"],
            ['{"a": ""}', "a=1"],
        ],
    )
    def test_nothing(self, words: list[str]) -> None:
        assert self.told(*words) == []

    def test_an_empty_file(self, folder: Path) -> None:
        (folder / "empty").write_bytes(b"")
        assert self.told("image_url=@empty") == ["image_url: empty is an empty file"]
        assert self.told("prompt=@empty") == ["prompt: the text of empty", "prompt is sent as an empty text"]


class TestPrecedence:
    @pytest.mark.parametrize(
        ("words", "text", "both"),
        [
            pytest.param(["-"], (), "stdin", id="stdin alone"),
            pytest.param(["a.json", "-"], (), "a", id="a document over stdin, in any order"),
            pytest.param(["-", '{"both": "inline"}'], (), "inline", id="an inline document over stdin"),
            pytest.param(["b.json", "a.json"], (), "a", id="the later document"),
            pytest.param(["a.json", "@b.json"], (), "b", id="the later document, with @"),
            pytest.param(["both=item", "a.json", "-"], (), "item", id="an item over documents, in any order"),
            pytest.param(["both=1", "both=2"], (), 2, id="the later item"),
            pytest.param(["a.json", "both=item"], ("both=text",), "text", id="a raw text over items"),
            pytest.param([], ("both=x", "both=y"), "y", id="the later raw text"),
        ],
    )
    def test_who_wins(self, folder: Path, words: list[str], text: tuple[str, ...], both: object) -> None:
        result = gather(words, text, standard(b'{"both": "stdin", "only": 1}'))
        assert result["both"] == both
        assert ("only" in result) is ("-" in words)

    def test_documents_merge_at_the_top_level_alone(self, folder: Path) -> None:
        assert gathered("a.json", "b.json") == {"a": 1, "b": 2, "both": "b", "deep": {"y": 2}}

    def test_an_item_sets_into_what_was_merged(self, folder: Path) -> None:
        assert gathered("deep.z=3", "a.json")["deep"] == {"x": 1, "z": 3}
        assert gathered("a.json", text=("deep.x=t",))["deep"] == {"x": "t"}


class TestStdin:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            pytest.param(b'{"prompt": "x"}\n', {"prompt": "x"}, id="an object"),
            pytest.param(b'\xef\xbb\xbf{"a": 1}', {"a": 1}, id="a BOM"),
            pytest.param('{"a": "ü"}'.encode("utf-16"), {"a": "ü"}, id="UTF-16"),
        ],
    )
    def test_read_when_nothing_else_is_given(self, data: bytes, expected: dict[str, Any]) -> None:
        assert gathered(stdin=data) == expected
        assert gathered("-", stdin=data) == expected

    @pytest.mark.parametrize(
        ("data", "told"),
        [
            pytest.param(b"[1]", "the JSON on stdin is a list", id="a list"),
            pytest.param(b"a cat", "the JSON on stdin is not JSON", id="no JSON"),
            pytest.param(b'{"a": NaN}', "the JSON on stdin is not JSON", id="NaN"),
            pytest.param(b'{"a": "\xe9"}', "not UTF-8 or UTF-16", id="Latin-1"),
        ],
    )
    def test_malformed(self, data: bytes, told: str) -> None:
        with pytest.raises(UsageError, match=told):
            gathered(stdin=data)

    def test_left_alone_when_inputs_are_given(self) -> None:
        """A `while read` loop keeps its lines."""
        assert gathered("prompt=x") == {"prompt": "x"}
        assert gathered(text=("prompt=x",)) == {"prompt": "x"}
        assert gathered("{}") == {}

    def test_a_terminal_is_not_read(self) -> None:
        assert gather((), (), untouched(is_terminal=True)) == {}

    def test_a_terminal_is_read_when_asked_for(self) -> None:
        said: list[str] = []
        terminal = Stdin(io.BytesIO(b'{"a": 1}'), is_terminal=True, say=said.append)
        assert gather(("-",), (), terminal) == {"a": 1}
        assert said == ["reading JSON from the terminal; Ctrl-D ends it"]

    @pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\n"])
    @pytest.mark.parametrize("words", [(), ("-",), ("prompt=x", "-")])
    def test_a_pipe_that_brings_nothing_is_an_error(self, data: bytes, words: tuple[str, ...]) -> None:
        pipe = Pipe()
        pipe.write(data)
        pipe.close()
        with pytest.raises(UsageError, match="stdin is empty") as caught:
            gather(words, (), pipe.stdin)
        assert "The command before the pipe may have failed" in caught.value.hint

    def test_a_file_that_is_empty_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "empty").write_bytes(b"")
        with (tmp_path / "empty").open("rb") as stream, pytest.raises(UsageError, match="stdin is empty"):
            gather((), (), Stdin(stream, is_terminal=False, say=no_words))

    def test_a_device_is_no_input_unless_it_is_asked_for(self) -> None:
        """What cron and others give to a program that is to read nothing."""
        with open(os.devnull, "rb") as stream:
            assert gather((), (), Stdin(stream, is_terminal=False, say=no_words)) == {}
        with open(os.devnull, "rb") as stream, pytest.raises(UsageError, match="stdin is empty, and '-' asks for it"):
            gather(("-",), (), Stdin(stream, is_terminal=False, say=no_words))

    @pytest.mark.parametrize("word", ["prompt=@-", "image_url=@-", "x@-", "x:=@-"])
    def test_a_value_that_brings_nothing_is_an_error(self, word: str) -> None:
        with pytest.raises(UsageError, match="stdin is empty"):
            gathered(word, stdin=b"")

    def test_a_closed_stdin_is_empty(self) -> None:
        closed = Stdin(None, is_terminal=False, say=no_words)
        assert gather((), (), closed) == {}
        assert not closed.holds_unread_pipe_data()

    def test_the_value_of_a_key(self) -> None:
        assert gathered("list:=@-", stdin=b"[1, 2]") == {"list": [1, 2]}

    @pytest.mark.parametrize(
        "words",
        [
            pytest.param(["-", "-"], id="two lone hyphens"),
            pytest.param(["-", "a:=@-"], id="a hyphen and a value"),
            pytest.param(["a:=@-", "b:=@-"], id="two values"),
        ],
    )
    def test_two_claims(self, words: list[str]) -> None:
        with pytest.raises(UsageError, match="stdin can be read once"):
            gathered(*words, stdin=b"{}")

    def test_both_claims_are_named(self) -> None:
        with pytest.raises(UsageError) as caught:
            gathered("a:=@-", "b:=@-", stdin=b"1")
        assert "a:=@-" in caught.value.message
        assert "b:=@-" in caught.value.message

    def test_an_unreadable_stdin_is_a_usage_error(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "rb") as stream, pytest.raises(UsageError, match="cannot read stdin"):
            Stdin(stream, is_terminal=True, say=lambda text: None).read("'-'")


class Pipe:
    """A pipe and the Stdin at its end."""

    def __init__(self, say: Callable[[str], None] = no_words, *, is_watched: bool = False) -> None:
        reading, self.writing = os.pipe()
        self.reader = os.fdopen(reading, "rb")
        self.stdin = Stdin(self.reader, is_terminal=False, say=say, is_watched=is_watched)

    def write(self, data: bytes) -> None:
        os.write(self.writing, data)

    def close(self) -> None:
        os.close(self.writing)


class TestPipe:
    def test_waiting_data_is_noticed(self) -> None:
        pipe = Pipe()
        assert not pipe.stdin.holds_unread_pipe_data()
        pipe.write(b"{}")
        assert pipe.stdin.holds_unread_pipe_data()
        pipe.close()
        assert pipe.stdin.holds_unread_pipe_data()
        assert pipe.reader.read() == b"{}", "noticing it must leave it to others"

    def test_claimed_data_is_not_unread(self) -> None:
        pipe = Pipe()
        pipe.write(b"{}")
        pipe.close()
        assert gather(("-",), (), pipe.stdin) == {}
        assert not pipe.stdin.holds_unread_pipe_data()

    def test_a_file_is_never_waiting(self, tmp_path: Path) -> None:
        (tmp_path / "lines").write_bytes(b"one\ntwo\n")
        for path in (tmp_path / "lines", Path(os.devnull)):
            with path.open("rb") as stream:
                assert not Stdin(stream, is_terminal=False, say=no_words).holds_unread_pipe_data()

    def test_a_stream_without_a_descriptor_is_never_waiting(self) -> None:
        assert not standard(b"{}").holds_unread_pipe_data()

    def test_silence_is_explained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No data within the patience (here none): one line, and the data that comes then is read."""
        monkeypatch.setattr(stdin_module, "PATIENCE_SECONDS", 0.0)
        said: list[str] = []

        def say(text: str) -> None:
            said.append(text)
            pipe.write(b'{"a": 1}')
            pipe.close()

        pipe = Pipe(say)
        assert gather((), (), pipe.stdin) == {"a": 1}
        assert len(said) == 1
        assert "stdin" in said[0]

    @pytest.mark.parametrize("words", [(), ("-",), ("a:=@-",), ("prompt=@-",)], ids=" ".join)
    def test_two_programs_do_not_write_one_line(self, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        """Where a pipe was asked for, or a person typed it, the terminal is that of the program before it."""
        monkeypatch.setattr(stdin_module, "PATIENCE_SECONDS", 0.0)
        pipe = Pipe(no_words, is_watched=not words)
        pipe.write(b"{}")
        pipe.close()
        monkeypatch.setattr(stdin_module.Stdin, "_ready", lambda self, seconds: False)
        gather(words, (), pipe.stdin)

    @pytest.mark.parametrize(
        ("word", "what"),
        [
            pytest.param("-", "JSON", id="an object"),
            pytest.param("a:=@-", "the text of a", id="a value"),
            pytest.param("prompt=@-", "the text of prompt", id="a text"),
            pytest.param("image_url=@-", "the file for image_url", id="a file"),
            pytest.param("image_url@-", "the file for image_url", id="a file in any case"),
        ],
    )
    def test_a_terminal_is_told_what_is_awaited_and_how_to_end_it(self, word: str, what: str) -> None:
        said: list[str] = []
        terminal = Stdin(io.BytesIO(b"{}"), is_terminal=True, say=said.append)
        gather((word,), (), terminal)
        assert said == [f"reading {what} from the terminal; Ctrl-D ends it"]

    def test_data_that_is_there_needs_no_words(self) -> None:
        pipe = Pipe()
        pipe.write(b'{"a": 1}')
        pipe.close()
        assert gather((), (), pipe.stdin) == {"a": 1}
