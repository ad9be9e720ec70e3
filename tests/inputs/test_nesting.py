"""Keys with dots and brackets: the paths that they write, what is built on the way, and where the caret points."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.errors import MalformedInput
from fal_cli.inputs.nesting import assign, steps


def built(*keys: str, root: dict[str, Any] | None = None) -> dict[str, Any]:
    """The object that the keys build; the values are 0, 1, 2 …"""
    result: dict[str, Any] = {} if root is None else root
    for value, key in enumerate(keys):
        assign(result, steps(key, key), value, key)
    return result


@pytest.mark.parametrize(
    ("key", "names"),
    [
        pytest.param("prompt", ["prompt"], id="a name"),
        pytest.param("a.b.c", ["a", "b", "c"], id="dots"),
        pytest.param("loras[0][path]", ["loras", "0", "path"], id="brackets"),
        pytest.param("loras.0.path", ["loras", "0", "path"], id="dots are the same"),
        pytest.param("a[b].c[0]", ["a", "b", "c", "0"], id="mixed"),
        pytest.param("tags[]", ["tags", ""], id="append"),
        pytest.param("a[b.c]", ["a", "b.c"], id="a dot in brackets is plain"),
        pytest.param("a\\.b", ["a.b"], id="an escaped dot"),
        pytest.param("a\\.b.c", ["a.b", "c"], id="an escaped dot, then a plain one"),
        pytest.param("a\\[b", ["a[b"], id="an escaped bracket"),
        pytest.param("a\\\\.b", ["a\\", "b"], id="an escaped backslash"),
        pytest.param("a\\=b", ["a=b"], id="an escaped operator"),
        pytest.param("a\\", ["a\\"], id="a backslash at the end"),
        pytest.param("a]b", ["a]b"], id="a closing bracket alone"),
        pytest.param("schlüssel.名", ["schlüssel", "名"], id="beyond ASCII"),
        pytest.param("a[b\\=c]", ["a", "b=c"], id="an escaped operator in brackets"),
        pytest.param("a[b\\]c]", ["a", "b]c"], id="an escaped closing bracket"),
    ],
)
def test_steps(key: str, names: list[str]) -> None:
    assert [step.name for step in steps(key, key)] == names


@pytest.mark.parametrize(
    ("key", "at"),
    [
        pytest.param(".a", 0, id="begins with a dot"),
        pytest.param("a.", 2, id="ends with a dot"),
        pytest.param("a..b", 2, id="two dots"),
        pytest.param("a.[0]", 2, id="a dot before a bracket"),
        pytest.param("[0]", 0, id="begins with a bracket"),
        pytest.param("a[0", 1, id="an open bracket"),
        pytest.param("a[0].b[c", 6, id="an open bracket later"),
        pytest.param("a[0]b", 4, id="text after a bracket"),
    ],
)
def test_malformed_path_points_at_the_character(key: str, at: int) -> None:
    with pytest.raises(MalformedInput) as caught:
        steps(key, f"{key}=x")
    assert (caught.value.word, caught.value.at) == (f"{key}=x", at)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param(["a"], {"a": 0}, id="flat"),
        pytest.param(["a", "a"], {"a": 1}, id="the later one wins"),
        pytest.param(["a.b.c"], {"a": {"b": {"c": 0}}}, id="objects on the way"),
        pytest.param(["a.b", "a.c"], {"a": {"b": 0, "c": 1}}, id="one object"),
        pytest.param(["a.0", "a.1"], {"a": [0, 1]}, id="a list by number"),
        pytest.param(["a[0]", "a[1]"], {"a": [0, 1]}, id="a list by bracket"),
        pytest.param(["a.0", "a.0"], {"a": [1]}, id="an entry replaced"),
        pytest.param(["a[]", "a[]"], {"a": [0, 1]}, id="a list by appending"),
        pytest.param(["a.0", "a[]"], {"a": [0, 1]}, id="mixed"),
        pytest.param(["l[0][p]", "l[0][s]", "l[1][p]"], {"l": [{"p": 0, "s": 1}, {"p": 2}]}, id="objects in a list"),
        pytest.param(["l[].p", "l[].p"], {"l": [{"p": 0}, {"p": 1}]}, id="each [] is a new entry"),
        pytest.param(["m.0.0", "m.0.1", "m.1.0"], {"m": [[0, 1], [2]]}, id="lists in a list"),
        pytest.param(["m[][]", "m[][]"], {"m": [[0], [1]]}, id="appended lists"),
        pytest.param(["0"], {"0": 0}, id="a number as the first name is a key"),
        pytest.param(["a.b", "a.0"], {"a": {"b": 0, "0": 1}}, id="a number is a key where an object stands"),
    ],
)
def test_assign(keys: list[str], expected: dict[str, Any]) -> None:
    assert built(*keys) == expected


@pytest.mark.parametrize(
    ("root", "key", "expected"),
    [
        pytest.param({"a": None}, "a.b", {"a": {"b": 0}}, id="null gives way to an object"),
        pytest.param({"a": None}, "a[]", {"a": [0]}, id="null gives way to a list"),
        pytest.param({"a": [None]}, "a.0.b", {"a": [{"b": 0}]}, id="null in a list"),
        pytest.param({"a": [1, 2]}, "a.2", {"a": [1, 2, 0]}, id="the end of a list"),
        pytest.param({"a": {"b": 1}}, "a", {"a": 0}, id="a whole object replaced"),
    ],
)
def test_assign_into_what_was_merged(root: dict[str, Any], key: str, expected: dict[str, Any]) -> None:
    assert built(key, root=root) == expected


@pytest.mark.parametrize(
    ("root", "key", "at", "told"),
    [
        pytest.param({"a": "x"}, "a.b", 2, "text", id="through text"),
        pytest.param({"a": 1}, "a.b", 2, "a number", id="through a number"),
        pytest.param({"a": True}, "a[b]", 2, "true or false", id="through true"),
        pytest.param({"a": "x"}, "a[]", 2, "text", id="appending to text"),
        pytest.param({}, "a.1", 2, "0 entries", id="a gap in a new list"),
        pytest.param({"a": [1, 2]}, "a[4]", 2, "2 entries", id="a gap in a list"),
        pytest.param({"a": [1]}, "a.b", 2, "expected a number", id="a name in a list"),
        pytest.param({"a": [1]}, "a[-1]", 2, "expected a number", id="a negative place"),
        pytest.param({"a": [1]}, "a.b.c", 2, "expected a number", id="a name on the way in a list"),
        pytest.param({"a": {"b": 1}}, "a[]", 2, "this is an object", id="appending to an object"),
        pytest.param({"a": {"b": 1}}, "a[].c", 2, "this is an object", id="appending on the way"),
        pytest.param({"a": [1]}, "a.²", 2, "expected a number", id="a superscript is no number"),
    ],
)
def test_path_that_does_not_fit(root: dict[str, Any], key: str, at: int, told: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        built(key, root=root)
    assert told in caught.value.message
    assert caught.value.at == at


def test_a_number_that_no_list_reaches_is_a_name() -> None:
    digits = "9" * 5000
    assert built(f"a.{digits}") == {"a": {digits: 0}}


@settings(deadline=None)
@given(st.text(st.sampled_from("ab01.[]\\=-"), max_size=10), st.sampled_from([{}, {"a": [1]}, {"a": {"b": "x"}}]))
def test_any_path_is_set_or_points_within_the_word(key: str, root: dict[str, Any]) -> None:
    word = f"{key}=x"
    refusal: MalformedInput | None = None
    try:
        path = steps(key, word)
        if path:
            assign(copy.deepcopy(root), path, "x", word)
    except MalformedInput as error:
        refusal = error
    if refusal is not None:
        assert refusal.word == word
        assert 0 <= refusal.at < len(word)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)


@settings(deadline=None)
@given(st.lists(names, min_size=1, max_size=4))
def test_any_names_can_be_written_as_an_escaped_path(path: list[str]) -> None:
    key = ".".join("".join(f"\\{letter}" for letter in name) for name in path)
    assert [step.name for step in steps(key, key)] == path
