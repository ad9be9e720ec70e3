"""A frame's values are counted as msgpack makes them."""

from typing import Any

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.api.msgpack_size import is_crowded

PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=300)
    | st.binary(max_size=300)
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=20))
)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=3), inner, max_size=20)
)


def count(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(1 + count(inner) for inner in value.values())
    return 1 + sum(map(count, value)) if isinstance(value, list) else 1


@given(VALUES)
def test_each_value_counts_once(value: Any) -> None:
    data, number = msgpack.packb(value), count(value)
    assert not is_crowded(data, most=number, free=0)
    assert is_crowded(data, most=number - 1, free=0)


@given(st.binary(max_size=200))
def test_what_is_malformed_is_counted_to_its_end(data: bytes) -> None:
    is_crowded(data, most=1000, free=0)


def test_a_length_that_is_claimed_counts() -> None:
    assert is_crowded(b"\xdd\xff\xff\xff\xff" + b"\x80" * 10, free=0)
