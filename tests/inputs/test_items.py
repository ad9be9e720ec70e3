"""The grammar of one item: where a word is split, what its value means, and where the caret points."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fal_cli.errors import MalformedInput
from fal_cli.inputs.items import Item, holds_template, is_template, split, typed, unescaped

OPERATORS = ("=", ":=", "=@", ":=@", "@")


@pytest.mark.parametrize(
    ("word", "key", "operator", "value"),
    [
        pytest.param("prompt=a cat", "prompt", "=", "a cat", id="typed"),
        pytest.param("seed:=7", "seed", ":=", "7", id="JSON"),
        pytest.param("prompt=@story.txt", "prompt", "=@", "story.txt", id="a file's text"),
        pytest.param("loras:=@loras.json", "loras", ":=@", "loras.json", id="JSON of a file"),
        pytest.param("image_url@photo.jpg", "image_url", "@", "photo.jpg", id="upload"),
        pytest.param("prompt=", "prompt", "=", "", id="an empty value"),
        pytest.param("prompt=a=b", "prompt", "=", "a=b", id="never split again at ="),
        pytest.param("prompt=a:=b", "prompt", "=", "a:=b", id="never split again at :="),
        pytest.param("prompt=me@example.com", "prompt", "=", "me@example.com", id="never split again at @"),
        pytest.param("prompt==x", "prompt", "=", "=x", id="a value that begins with ="),
        pytest.param("prompt=:=x", "prompt", "=", ":=x", id="a value that begins with :="),
        pytest.param("prompt=\\@x", "prompt", "=", "\\@x", id="an escaped @ is no operator"),
        pytest.param("seed:=@@x", "seed", ":=@", "@x", id="the longest operator wins"),
        pytest.param("url=http://x/?a=b", "url", "=", "http://x/?a=b", id="a URL"),
        pytest.param("a:b=c", "a:b", "=", "c", id="a colon alone is no operator"),
        pytest.param("a\\=b=c", "a\\=b", "=", "c", id="an escaped = in a key"),
        pytest.param("a\\@b=c", "a\\@b", "=", "c", id="an escaped @ in a key"),
        pytest.param("a\\\\=b", "a\\\\", "=", "b", id="an escaped backslash before the operator"),
        pytest.param("loras[0][path]=x", "loras[0][path]", "=", "x", id="brackets"),
        pytest.param("tags[]=a", "tags[]", "=", "a", id="append"),
        pytest.param("prompt=line\nline", "prompt", "=", "line\nline", id="line breaks in a value"),
        pytest.param("schlüssel=wert", "schlüssel", "=", "wert", id="beyond ASCII"),
    ],
)
def test_split(word: str, key: str, operator: str, value: str) -> None:
    item = split(word)
    assert (item.key, item.operator, item.value) == (key, operator, value)
    assert word[item.value_at :] == value


@pytest.mark.parametrize(
    ("word", "at"),
    [
        pytest.param("cat", 3, id="no operator"),
        pytest.param("", 0, id="nothing"),
        pytest.param("=cat", 0, id="no key before ="),
        pytest.param(":=1", 0, id="no key before :="),
        pytest.param("=@x", 0, id="no key before =@"),
        pytest.param("a\\=b", 4, id="the only operator is escaped"),
        pytest.param("a\\", 2, id="a backslash at the end"),
    ],
)
def test_malformed_word_points_at_the_character(word: str, at: int) -> None:
    with pytest.raises(MalformedInput) as caught:
        split(word)
    assert (caught.value.word, caught.value.at) == (word, at)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="=@\\", exclude_categories=["Cs"]), min_size=1), st.text())
def test_first_operator_splits_and_no_other(key: str, value: str) -> None:
    assume(key != ":")  # an operator with nothing before it
    item = split(f"{key}={value}")
    if not key.endswith(":"):
        assert item.key == key
    assert item.key + item.operator + item.value == item.word
    assert item.operator == ("=@" if value.startswith("@") else "=") or key.endswith(":")


def found(word: str) -> Item | MalformedInput:
    try:
        return split(word)
    except MalformedInput as refusal:
        return refusal


@settings(deadline=None)
@given(st.text(st.sampled_from("ab=:@\\[].{}\n é"), max_size=14))
def test_any_word_is_split_without_loss_or_points_within_itself(word: str) -> None:
    item = found(word)
    if isinstance(item, MalformedInput):
        assert item.word == word
        assert 0 <= item.at <= len(word)
    else:
        assert item.key + item.operator + item.value == word
        assert word[item.value_at :] == item.value
        assert item.key
        assert item.operator in OPERATORS


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("0", 0, id="zero"),
        pytest.param("7", 7, id="number"),
        pytest.param("-7", -7, id="negative"),
        pytest.param("0.5", 0.5, id="fraction"),
        pytest.param("-0.25", -0.25, id="negative fraction"),
        pytest.param("1.0", 1.0, id="a float stays a float"),
        pytest.param("true", True, id="true"),
        pytest.param("false", False, id="false"),
        pytest.param("null", None, id="null"),
        pytest.param("123456789012345", 123456789012345, id="15 digits"),
        pytest.param("-12345678.9012345", -12345678.9012345, id="15 digits with sign and point"),
    ],
)
def test_typed_as_json(value: str, expected: object) -> None:
    found = typed("seed", value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="nothing"),
        pytest.param("007", id="leading zeros"),
        pytest.param("-01", id="a sign and a leading zero"),
        pytest.param("+7", id="plus"),
        pytest.param("1e3", id="exponent"),
        pytest.param("1E-3", id="upper-case exponent"),
        pytest.param(".5", id="no digit before the point"),
        pytest.param("5.", id="no digit after the point"),
        pytest.param("-", id="a hyphen"),
        pytest.param("1_000", id="underscore"),
        pytest.param("0x10", id="hexadecimal"),
        pytest.param("1234567890123456", id="16 digits"),
        pytest.param("1.234567890123456", id="16 digits with a point"),
        pytest.param(" 7", id="a space before"),
        pytest.param("7\n", id="a line break after"),
        pytest.param("٣", id="an Arabic digit"),
        pytest.param("７", id="a full-width digit"),
        pytest.param("True", id="Python's true"),
        pytest.param("NULL", id="upper-case null"),
        pytest.param("NaN", id="NaN"),
        pytest.param("Infinity", id="Infinity"),
        pytest.param("[1]", id="a list is not guessed"),
        pytest.param('{"a":1}', id="an object is not guessed"),
        pytest.param('"7"', id="quotes stay"),
        pytest.param("16:9", id="aspect ratio"),
        pytest.param("1.2.3", id="version"),
    ],
)
def test_typed_as_text(value: str) -> None:
    assert typed("seed", value) == value


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("prompt", id="prompt"),
        pytest.param("negative_prompt", id="*_prompt"),
        pytest.param("text", id="text"),
        pytest.param("script", id="script"),
        pytest.param("scenes.0.prompt", id="at the end of dots"),
        pytest.param("scenes[0].prompt", id="after a bracket"),
        pytest.param("scenes[0][prompt]", id="in brackets"),
        pytest.param("scenes[][negative_prompt]", id="in brackets, *_prompt"),
    ],
)
@pytest.mark.parametrize("value", ["42", "true", "null", "0.5"])
def test_text_keys_are_never_guessed(key: str, value: str) -> None:
    assert typed(key, value) == value


@pytest.mark.parametrize("key", ["prompts", "text_strength", "prompt.weight", "context", "prompt_seed", "subscript"])
def test_other_keys_are_guessed(key: str) -> None:
    assert typed(key, "42") == 42


@settings(deadline=None)
@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_every_integer_of_15_digits_is_a_number(number: int) -> None:
    assert typed("seed", str(number)) == number


@settings(deadline=None)
@given(st.integers(10**15))
def test_every_longer_integer_is_text(number: int) -> None:
    assert typed("seed", str(number)) == str(number)
    assert typed("seed", str(-number)) == str(-number)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("\\@x", "@x"),
        ("\\{{x}}", "{{x}}"),
        ("\\{x", "\\{x"),
        ("\\\\@x", "\\\\@x"),
        ("a\\@x", "a\\@x"),
        ("\\n", "\\n"),
        ("\\", "\\"),
    ],
)
def test_only_an_escape_at_the_beginning_is_taken_off(value: str, expected: str) -> None:
    assert unescaped(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{a.b}}", True),
        ("{{}}", True),
        ("x {{a}}", False),
        ("{{a}} x", False),
        ("{a}", False),
        ("\\{{a}}", False),
    ],
)
def test_is_template(value: str, expected: bool) -> None:
    assert is_template(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{a}}", True),
        ("{{}}", True),
        ("{{}", False),
        ("x {{a}} y", True),
        ("{{a}} x {{b}}", True),
        ("{{a", False),
        ("a}} {{b", False),
        ("\\{{a}} x", False),
        ("\\{{a}} {{b}}", False),
        ("\\@{{a}}", False),
        ("x \\{{a}}", True),
    ],
)
def test_holds_template(value: str, expected: bool) -> None:
    assert holds_template(value) is expected
