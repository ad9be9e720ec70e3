"""Strangers' text made harmless: nothing that a terminal obeys comes through, and JSON keeps its meaning."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.terminal.sanitize import visible, visible_json, visible_lines

KEPT = {"\t", "\u200c", "\u200d"}
OBEYED = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")

# Every character, with those that matter here drawn more often.
any_text = st.text(
    st.characters()
    | st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"])
    | st.sampled_from(["\x1b", "\r", "\n", "\x7f", "\x9b", "\u202e", "\u2066", "\ufeff", "\U000e0041", "\u200d", "\t"])
)


def is_obeyed(character: str) -> bool:
    return character not in KEPT and unicodedata.category(character) in OBEYED


@settings(deadline=None)
@given(any_text)
def test_visible_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    assert not any(map(is_obeyed, visible(text)))


@settings(deadline=None)
@given(any_text)
def test_visible_keeps_all_else(text: str) -> None:
    if not any(map(is_obeyed, text)):
        assert visible(text) == text
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a cat", "a cat", id="plain"),
        pytest.param("für 猫 😀", "für 猫 😀", id="beyond ASCII"),
        pytest.param("👩\u200d🚀", "👩\u200d🚀", id="an emoji of two"),
        pytest.param("می\u200cخواهم", "می\u200cخواهم", id="Persian"),
        pytest.param("a\tb", "a\tb", id="tab"),
        pytest.param("[bold]x[/bold]", "[bold]x[/bold]", id="markup is text"),
        pytest.param("\x1b[31mred", "␛[31mred", id="escape sequence"),
        pytest.param("\x1b]0;title\x07", "␛]0;title␇", id="window title"),
        pytest.param("a\rb\nc\x08", "a␍b␊c␈", id="cursor"),
        pytest.param("\x00\x7f", "␀␡", id="NUL and DEL"),
        pytest.param("\x9b31m", "<U+009B>31m", id="C1"),
        pytest.param("a\u202eb", "a<U+202E>b", id="direction override"),
        pytest.param("\u2066\u2069", "<U+2066><U+2069>", id="isolates"),
        pytest.param("\ufeffa\u200bb", "<U+FEFF>a<U+200B>b", id="invisible"),
        pytest.param("a\u2028b\u2029c", "a<U+2028>b<U+2029>c", id="line separators"),
        pytest.param("\U000e0041", "<U+E0041>", id="tag letters"),
        pytest.param("\ue000", "<U+E000>", id="private use"),
        pytest.param("caf\udce9", "caf<U+DCE9>", id="a byte that was no text"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("a\nb", ["a", "b"], id="LF"),
        pytest.param("a\r\nb", ["a", "b"], id="CR LF"),
        pytest.param("a\rb", ["a", "b"], id="CR"),
        pytest.param("a\n\nb\n", ["a", "", "b", ""], id="empty lines"),
        pytest.param("a\x0bb\x85c", ["a␋b<U+0085>c"], id="no other line ends"),
        pytest.param("", [""], id="nothing"),
    ],
)
def test_visible_lines(text: str, lines: list[str]) -> None:
    assert visible_lines(text) == lines


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(json_values, st.sampled_from([None, 2]))
def test_visible_json_means_the_same_and_is_harmless(value: Any, indent: int | None) -> None:
    shown = visible_json(json.dumps(value, ensure_ascii=False, indent=indent))
    assert json.loads(shown) == value
    assert not any(map(is_obeyed, shown.replace("\n", "")))
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param('"\x7f"', '"\\u007f"', id="DEL"),
        pytest.param('"\x9b"', '"\\u009b"', id="C1"),
        pytest.param('"\u202e"', '"\\u202e"', id="direction override"),
        pytest.param('"\U000e0041"', '"\\udb40\\udc41"', id="beyond the first plane"),
        pytest.param('"für 猫 😀"', '"für 猫 😀"', id="others stay"),
        pytest.param('{\n  "a": 1\n}', '{\n  "a": 1\n}', id="the layout stays"),
    ],
)
def test_visible_json(text: str, shown: str) -> None:
    assert visible_json(text) == shown
