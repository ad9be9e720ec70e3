"""Inputs that are one call have one form, and inputs that are two have two."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.files.attachment import Attachment, Digest
from fal_cli.identity import canonical

DATA = b"the bytes of a file"
SHA256 = hashlib.sha256(DATA).hexdigest()
FILE = Attachment(key="image_url", path=Path("x.png"))


def form(value: Any) -> str:
    return canonical.text({"k": value}, lambda attachment: SHA256)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(1, 1.0, id="whole number"),
        pytest.param(1, "1", id="number as text"),
        pytest.param(2.50, 2.5, id="zeros"),
        pytest.param(1e3, 1000, id="exponent"),
        pytest.param(-0.0, 0, id="minus nothing"),
        pytest.param(True, "true", id="truth"),
        pytest.param(None, "null", id="null"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="order of keys"),
        pytest.param(FILE, Digest(sha256=SHA256), id="file read as text"),
        pytest.param(FILE, "data:text/plain;base64,dGhlIGJ5dGVzIG9mIGEgZmlsZQ==", id="file embedded"),
        pytest.param(FILE, "data:,the%20bytes%20of%20a%20file", id="file embedded as text"),
        pytest.param("http://127.0.0.1:8700/f/a.png?x=1", "http://localhost:9/f/a.png?x=1", id="sandbox that moved"),
    ],
)
def test_one_call(one: Any, other: Any) -> None:
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param([1, 2], [2, 1], id="order of a list"),
        pytest.param([], {}, id="empty"),
        pytest.param(True, 1, id="truth is not a number"),
        pytest.param("1.0", 1, id="a text of its own"),
        pytest.param("a", "a ", id="white space"),
        pytest.param("https://a.example/x", "https://b.example/x", id="hosts elsewhere"),
        pytest.param("http://127.0.0.1/f/a.png", "/f/a.png", id="path alone"),
        pytest.param(0.1 + 0.2, 0.3, id="digits"),
        pytest.param(FILE, SHA256, id="the text of a digest"),
        pytest.param("é", "e\u0301", id="composed letters"),
    ],
)
def test_two_calls(one: Any, other: Any) -> None:
    assert form(one) != form(other)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_it_survives_being_written_and_read(value: Any) -> None:
    assert form(json.loads(json.dumps(value))) == form(value)
