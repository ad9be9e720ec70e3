"""JSON for programs: on one line, and each number with the text that it came with."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli import jsontext

NUMBERS = (
    "0", "-0", "1.0", "1.10", "1e5", "1E+5", "-1.5e-300", "1e400", "12345678901234567890", "0.1000000000000000055511",
    "9" * 5000, "-0.0", "100000000000000000000000.5",
)  # fmt: skip
SPACE = st.text(" \t\r\n", max_size=2)


@st.composite
def spaced(draw: st.DrawFn, depth: int = 3) -> tuple[str, str]:
    """A JSON text with space in it, and the same without."""
    before, after = draw(SPACE), draw(SPACE)
    kind = draw(st.sampled_from(("number", "text", "list", "object") if depth else ("number", "text")))
    if kind == "number":
        text = draw(st.sampled_from(NUMBERS))
        return before + text + after, text
    if kind == "text":
        text = json.dumps(draw(st.text(max_size=6)), ensure_ascii=draw(st.booleans()))
        return before + text + after, text
    inner = draw(st.lists(spaced(depth - 1), max_size=3))
    if kind == "list":
        return f"{before}[{','.join(one for one, _ in inner)}]{after}", f"[{','.join(one for _, one in inner)}]"
    names = [json.dumps(f"k {number}") for number in range(len(inner))]
    wide = ",".join(f" {name} :{one}" for name, (one, _) in zip(names, inner, strict=True))
    narrow = ",".join(f"{name}:{one}" for name, (_, one) in zip(names, inner, strict=True))
    return f"{before}{{{wide}}}{after}", f"{{{narrow}}}"


@given(spaced(), st.integers(1, 7))
def test_a_compact_text_has_lost_nothing_but_space(texts: tuple[str, str], size: int) -> None:
    data = texts[0].encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
    pieces = [data[at : at + size] for at in range(4, len(data), size)]
    expected = texts[1].encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    assert "".join(jsontext.compact([data[:4], *pieces])) == expected


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_is_read_is_written_as_it_came(number: str) -> None:
    value = jsontext.read_exactly(f'{{"a": [{number}]}}')
    assert jsontext.written(value["a"]) == f"[{number}]"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_any_value_is_written_as_json(value: Any) -> None:
    text = jsontext.written({"a": value})
    assert json.loads(text) == {"a": value}
    assert "\n" not in text


def test_a_query_takes_a_number_for_one() -> None:
    import jmespath

    data = jsontext.read_exactly('{"a": [{"n": 2.50}, {"n": 1.0}]}')
    assert jsontext.written(jmespath.search("sort_by(a, &n)[].n", data)) == "[1.0,2.50]"
    assert jsontext.written(jmespath.search("a[?n > `2`].n", data)) == "[2.50]"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b'{"a": "x\ny"}', '{"a":"x\\u000ay"}', id="a line break in a text"),
        pytest.param(b"\xef\xbb\xbf[1, 2]", "[1,2]", id="a mark of UTF-8"),
        pytest.param('{"a": "é"}'.encode("utf-16"), '{"a":"é"}', id="UTF-16"),
        pytest.param(b'["\xff"]', '["\ufffd"]', id="bytes that are no text"),
        pytest.param(rb'["\\", "\" , "]', r'["\\","\" , "]', id="escapes"),
        pytest.param(b"", "", id="nothing"),
    ],
)
def test_what_others_write(data: bytes, expected: str) -> None:
    assert "".join(jsontext.compact([data])) == expected


@pytest.mark.parametrize(
    ("text", "is_valid"), [("[1]", True), ("[NaN]", False), ("[" * 100_000, True), ("[1", False), ("9" * 9000, True)]
)
def test_what_is_json(text: str, is_valid: bool) -> None:
    assert jsontext.is_valid(text) is is_valid


@pytest.mark.parametrize("depth", [401, 900, 1500, 9_000, 200_000])
@pytest.mark.parametrize("whole", [True, False])
def test_what_is_nested_too_deeply_is_not_read(depth: int, whole: bool) -> None:
    """Python's parser goes deeper than what would go down the value, from 3.12 on."""
    text = '[{"a":' * (depth // 2 + 1) + "1" + ("}]" * (depth // 2 + 1) if whole else "")
    for read in (jsontext.read, jsontext.read_strictly, jsontext.read_exactly):
        assert read(text, "otherwise") == "otherwise"
    assert jsontext.looks_like(len(text), text.encode()[:65536], text.encode()[-65536:]) or not whole


@pytest.mark.parametrize("text", ["[" * 390 + "]" * 390, "[" + "[]," * 5_000 + "[]]"])
def test_what_is_not_too_deep_is_read(text: str) -> None:
    assert jsontext.written(jsontext.read(text)) == text
