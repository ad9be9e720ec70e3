"""Every value that msgpack can carry has a form in JSON, and what has one already keeps it."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.api.realtime import ENCODINGS
from fal_cli.calls.realtime_json import as_base64, beginning, jsonable, without_base64

MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678_901, UTC)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8)
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=8))
    | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
)
keys = st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3) | st.binary(max_size=3)
plain = st.none() | st.booleans() | st.integers() | st.text()
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3) | st.binary(max_size=3), inner
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, None, id="nil"),
        pytest.param(True, True, id="bool"),
        pytest.param(2**64 - 1, 2**64 - 1, id="uint64"),
        pytest.param(-(2**63), -(2**63), id="int64"),
        pytest.param(1.5, 1.5, id="float"),
        pytest.param(float("nan"), "NaN", id="nan"),
        pytest.param(float("inf"), "Infinity", id="infinity"),
        pytest.param(float("-inf"), "-Infinity", id="minus infinity"),
        pytest.param("é", "é", id="str"),
        pytest.param(b"\x00\xff", "AP8=", id="bin"),
        pytest.param(bytearray(b"x"), "eA==", id="bytearray"),
        pytest.param(msgpack.ExtType(42, b"x"), {"ext": 42, "data": "eA=="}, id="ext"),
        pytest.param([msgpack.ExtType(0, b"")], [{"ext": 0, "data": ""}], id="empty ext in a list"),
        pytest.param(MOMENT, "2030-01-02T03:04:05.678901+00:00", id="timestamp"),
        pytest.param([1, [b"x"]], [1, ["eA=="]], id="list"),
        pytest.param((1, 2), [1, 2], id="tuple"),
        pytest.param({1: "a"}, {"1": "a"}, id="int key"),
        pytest.param({True: "a"}, {"true": "a"}, id="bool key"),
        pytest.param({None: "a"}, {"null": "a"}, id="nil key"),
        pytest.param({0.5: "a"}, {"0.5": "a"}, id="float key"),
        pytest.param({float("nan"): "a"}, {"NaN": "a"}, id="nan key"),
        pytest.param({b"k\xff": "a"}, {"a/8=": "a"}, id="bin key"),
        pytest.param({(1, 2): "a"}, {"[1, 2]": "a"}, id="list key"),
        pytest.param({MOMENT: "a"}, {"2030-01-02T03:04:05.678901+00:00": "a"}, id="timestamp key"),
    ],
)
def test_each_value(value: Any, expected: Any) -> None:
    assert jsonable(value) == expected


@settings(deadline=None)
@given(values)
def test_what_came_over_the_wire_is_strict_json(value: Any) -> None:
    packed = msgpack.packb(value, use_bin_type=True, datetime=True)
    decoded = ENCODINGS["msgpack"].decode(packed)
    text = json.dumps(jsonable(decoded), allow_nan=False)
    assert json.loads(text) == jsonable(decoded)


@settings(deadline=None)
@given(st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_plain_json_is_unchanged(value: Any) -> None:
    assert jsonable(value) == value


def test_bytes_take_the_form_that_is_asked_for() -> None:
    seen: list[bytes] = []

    def save(data: bytes) -> str:
        seen.append(data)
        return f"file-{len(seen)}"

    value = {"a": b"1", "b": [b"2", {"c": b"3"}], b"key": b"4"}
    assert jsonable(value, save) == {"a": "file-1", "b": ["file-2", {"c": "file-3"}], "a2V5": "file-4"}
    assert seen == [b"1", b"2", b"3", b"4"]
    assert as_base64(b"key") == base64.b64encode(b"key").decode()


@pytest.mark.parametrize("value", [{"a": "é", "n": [1.5, None, True]}, [], "x", 2**63])
def test_both_encodings_carry_json_both_ways(value: Any) -> None:
    for encoding in ENCODINGS.values():
        assert encoding.decode(encoding.encode(value)) == value


def test_numbers_of_a_json_line_beyond_64_bits_are_refused_and_do_not_change() -> None:
    assert ENCODINGS["json"].decode(ENCODINGS["json"].encode({"n": 2**70})) == {"n": 2**70}
    with pytest.raises(OverflowError):
        ENCODINGS["msgpack"].encode({"n": 2**70})


class TestOnATerminal:
    def test_bytes_are_told_by_their_beginning_and_number(self) -> None:
        assert beginning(b"few") == as_base64(b"few")
        assert beginning(bytes(21_189)) == "A" * 40 + "… (21,189 bytes)"

    def test_so_is_base64_in_text_and_nothing_else(self) -> None:
        value = {"image": as_base64(bytes(3000)), "text": "word " * 100, "list": ["x" * 300, 7, None], "id": "a" * 64}
        shown = without_base64(value)
        assert shown == value | {
            "image": "A" * 40 + "… (4,000 characters)",
            "list": ["x" * 40 + "… (300 characters)", 7, None],
        }
