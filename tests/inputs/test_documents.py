"""Strict JSON: what is read goes onto the wire unchanged in meaning, and nothing else is read."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.errors import UsageError, report
from fal_cli.inputs.documents import loads, loads_object, read_file

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(values, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]))
def test_any_value_in_any_encoding(value: Any, encoding: str) -> None:
    assert loads(json.dumps(value, ensure_ascii=False).encode(encoding), "x") == value


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b'"\\ud83d\\ude00"', "😀", id="a surrogate pair"),
        pytest.param("12345678901234567890", 12345678901234567890, id="an integer beyond 2^63"),
        pytest.param("9007199254740993", 9007199254740993, id="an integer beyond 2^53 is no float"),
        pytest.param("1.0", 1.0, id="a float"),
        pytest.param(" \r\n[1, 2]\t", [1, 2], id="white space around"),
    ],
)
def test_read(data: str | bytes, expected: object) -> None:
    found = loads(data, "x")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param("NaN", "JSON has no NaN", id="NaN"),
        pytest.param("Infinity", "JSON has no Infinity", id="Infinity"),
        pytest.param('{"a": -Infinity}', "JSON has no -Infinity", id="minus Infinity"),
        pytest.param("1e999", "is not JSON: a number is too large to be sent", id="a number beyond all numbers"),
        pytest.param('["\\ud800"]', "lone surrogate", id="half a character, escaped"),
        pytest.param('{"\\udc00": 1}', "lone surrogate", id="half a character in a key"),
        pytest.param(b'"\xed\xa0\x80"', "lone surrogate", id="half a character in bytes"),
        pytest.param(b'"\xff\xfe\xfa"', "not UTF-8 or UTF-16", id="invalid UTF-8"),
        pytest.param(b'"caf\xe9"', "not UTF-8 or UTF-16", id="Latin-1"),
        pytest.param("[" * 100_000 + "]" * 100_000, "nested too deeply", id="lists nested deeply"),
        pytest.param('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply", id="objects nested deeply"),
        pytest.param("9" * 5000, "is not JSON: a number has thousands of digits", id="an integer of 5000 digits"),
        pytest.param("", "it is empty", id="nothing"),
        pytest.param(b"\xef\xbb\xbf", "it is empty", id="a BOM alone"),
        pytest.param('{"a": 1,\n "b": }', "line 2, column 7", id="the place of the fault"),
        pytest.param("{'a': 1}", "is not JSON", id="single quotes"),
        pytest.param('{"a": 1,}', "is not JSON", id="a comma at the end"),
        pytest.param('{"a": 1} // x', "is not JSON", id="a comment"),
        pytest.param('{"a": 1} {"b": 2}', "is not JSON", id="two values"),
        pytest.param('"a\nb"', "is not JSON", id="a line break in a text"),
        pytest.param("True", "is not JSON", id="Python's true"),
    ],
)
def test_refused(data: str | bytes, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        loads(data, "loras.json")
    assert caught.value.message.startswith("loras.json ")
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('{"a": 1,}', "a comma before } (line 1, column 8)", "Leave the comma out."),
        ('{"a": [1,\n 2,\n]}', "a comma before ] (line 2, column 3)", "Leave the comma out."),
        ('{"a": 1,, "b": 2}', "a comma too many (line 1, column 9)", "Leave it out."),
        ("{'a': 1}", "single quotes (line 1, column 2)", "JSON has double quotes: \"a\", not 'a'."),
        ('{"a": \'x\'}', "single quotes (line 1, column 7)", "JSON has double quotes: \"a\", not 'a'."),
        ("{a: 1}", "a key without quotes (line 1, column 2)", 'Write it as "a".'),
        ('{"a": cat}', "a text without quotes (line 1, column 7)", 'Write it as "cat".'),
        ('{"a": True}', "True is not JSON's spelling (line 1, column 7)", "Write it as true."),
        ("[None]", "None is not JSON's spelling (line 1, column 2)", "Write it as null."),
        ('{"a": 1} // x', "a comment (line 1, column 10)", "JSON has no comments: leave it out."),
        ('{"a": 1, # x\n"b": 2}', "a comment (line 1, column 10)", "JSON has no comments: leave it out."),
        ('{"a" 1}', "a colon is missing before this (line 1, column 6)", "Put a colon between a key and its value."),
        ('{"a"= 1}', "a colon is missing before this (line 1, column 5)", "Write : rather than =."),
        ("[1 2]", "a comma is missing before this (line 1, column 4)", "Put a comma between two values."),
        ('"a"b"', "something follows the end of the JSON (line 1, column 4)", "Give one JSON value."),
        ('["a"b"]', "a comma is missing before this (line 1, column 5)", 'A " inside a text is written \\".'),
        ("[007]", "not how JSON writes a number (line 1, column 3)",
         "Leave the zero before it out, or put it in double quotes."),
        ("[.5]", "not how JSON writes a number (line 1, column 2)",
         "Write it like 0.5 or -3: no +, no zero before it, none left out."),
        ('{"a": 1', "it ends too early (line 1, column 8)", "A }, ] or \" is missing at the end."),
        ('{"a": "x', "a text begins here and does not end (line 1, column 7)",
         'A text ends with ", and a " inside is written \\".'),
        ('"a\nb"', "a line break inside a text (line 1, column 3)", "Write it as \\n."),
        ('"C:\\new\\doc"', "\\d is not one of JSON's escapes (line 1, column 8)", "A plain backslash is written \\\\."),
        ("{“a”: 1}", "typographic quotes (line 1, column 2)", 'JSON has straight quotes: "a".'),
        ("{,}", "a comma before } (line 1, column 2)", "Leave the comma out."),
        ("{5: 1}", 'a key in double quotes is missing here, such as "prompt" (line 1, column 2)', ""),
    ],
)  # fmt: skip
def test_a_fault_is_told_in_words_with_the_right_spelling(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        loads(text, "x")
    assert (caught.value.message, caught.value.hint) == (f"x is not JSON: {message}", hint)


def test_the_line_is_shown_with_a_caret() -> None:
    with pytest.raises(UsageError) as caught:
        loads('{\n  "a": True,\n  "b": 2\n}', "x.json")
    assert report(caught.value).lines == ('  "a": True,', "       ^")


@settings(deadline=None)
@given(st.text(st.sampled_from("{}[]\"':,0123.-+eE truefalsn/#\\\n\tab“"), max_size=20))
def test_every_fault_has_words(text: str) -> None:
    told = report(_refusal(text) or UsageError("nothing is wrong"))
    assert "Expecting" not in told.message
    assert len(told.lines) in (0, 2)


def _refusal(text: str) -> UsageError | None:
    try:
        loads(text, "x")
    except UsageError as error:
        return error
    return None


@settings(deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=40))
def test_anything_read_can_be_sent(data: str | bytes) -> None:
    try:
        value = loads(data, "x")
    except UsageError:
        return
    sent = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    assert json.loads(sent) == value


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("[1]", "a list"),
        ('"x"', "text"),
        ("1", "a number"),
        ("1.5", "a number"),
        ("true", "true or false"),
        ("null", "null"),
    ],
)
def test_an_object_is_wanted(data: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        loads_object(data, "the inline JSON")


def test_an_object_is_taken() -> None:
    assert loads_object(b'{"a": {"b": [1]}}', "x") == {"a": {"b": [1]}}


def test_read_file(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\x00\xff")
    assert read_file(str(tmp_path / "x.bin")) == b"\x00\xff"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("missing.json", id="missing"),
        pytest.param(".", id="a folder"),
        pytest.param("x" * 5000, id="a name too long"),
        pytest.param("", id="no name"),
    ],
)
def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="cannot read"):
        read_file(name)


def test_home_is_meant_by_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.json").write_bytes(b"{}")
    assert read_file("~/x.json") == b"{}"


def test_a_file_whose_name_begins_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~draft.json").write_bytes(b"{}")
    assert read_file("~draft.json") == b"{}"


def test_a_missing_file_whose_name_begins_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="cannot read"):
        read_file("~no-such-user/x.json")
