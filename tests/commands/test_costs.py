"""The arithmetic of costs: exact, nothing counted twice, and what is not known is not 0."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.commands.cost.sums import Cost, Line, as_text, is_plausible, lines, times, totals, units_of
from fal_cli.ledger.rows import Row, State

ROW = Row(
    local_id=1, created_at=datetime(2026, 5, 1, 12, tzinfo=UTC), updated_at=datetime(2026, 5, 1, 12, tzinfo=UTC),
    endpoint="a/b", state=State.COMPLETED, mode="queue",
    request_id="x", host="", profile="", key_print="", urls={}, input_json={}, input_is_whole=True, input_sha256="",
    options={}, is_private=False, is_open=False, pid=1, error="", started_at=None, ended_at=None,
    inference_seconds=None, billable_units="", expires_at=None, files=(), has_result=False,
)  # fmt: skip

amounts = st.decimals(min_value=0, max_value=10**9, places=9)
known = st.builds(
    Cost,
    st.none() | amounts,
    amounts,
    st.sampled_from(["USD", "EUR"]),
    st.sampled_from(["billing events", "list price"]),
)
rows = st.builds(
    lambda endpoint, tags: ROW._replace(endpoint=endpoint, options={"tags": tags}),
    st.sampled_from(["a/b", "a/c", "b/b"]),
    st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12")),
)
costs = st.lists(st.tuples(rows, st.none() | known))


def usd(amount: str, source: str = "list price", units: str = "1") -> Cost:
    return Cost(Decimal(units), Decimal(amount), "USD", source)  # type: ignore[arg-type]


@given(costs)
def test_by_endpoint_each_request_counts_once(given_costs: list[tuple[Row, Cost | None]]) -> None:
    found = lines(given_costs, "endpoint")
    assert sum(line.requests for line in found) == len(given_costs)
    assert sum(line.not_known for line in found) == sum(cost is None for _, cost in given_costs)
    for line in found:
        place = (line.key, line.currency, line.source)
        mine = [cost for row, cost in given_costs if cost and (row.endpoint, cost.currency, cost.source) == place]
        assert line.amount == (sum(cost.amount for cost in mine) if mine else None)
        assert line.requests - line.not_known == len(mine)


@given(costs)
def test_a_total_is_not_doubled_by_tags(given_costs: list[tuple[Row, Cost | None]]) -> None:
    assert sum(line.requests for line in totals(given_costs)) == len(given_costs)
    for line in totals(given_costs):
        mine = [cost.amount for _, cost in given_costs if cost and cost.currency == line.currency]
        assert line.amount == (sum(mine) if mine else None)
    assert len({line.currency for line in totals(given_costs)}) == len(totals(given_costs))
    tagged = lines(given_costs, "tag")
    assert sum(line.requests for line in tagged) == sum(max(1, len(row.tags)) for row, _ in given_costs)


def test_sources_stay_apart_and_the_unknown_stands_with_its_key() -> None:
    found = lines([(ROW, usd("1")), (ROW, None), (ROW, usd("2", "billing events")), (ROW, None)], "endpoint")
    assert [(line.source, line.requests, line.not_known) for line in found] == [
        ("billing events", 1, 0),
        ("list price", 3, 2),
    ]


def test_nothing_known_is_null_and_not_0() -> None:
    (line,) = lines([(ROW, None)], "endpoint")
    assert line.facts("endpoint") == {
        "endpoint": "a/b", "requests": 1, "units": None, "cost": None, "currency": None, "not_known": 1, "source": None,
    }  # fmt: skip


def test_0_is_known() -> None:
    (line,) = lines([(ROW, usd("0", units="0"))], "endpoint")
    assert (line.facts("endpoint")["cost"], line.facts("endpoint")["units"]) == ("0", "0")


def test_days_are_in_their_order_and_all_else_by_cost() -> None:
    early = ROW._replace(created_at=datetime(2026, 4, 1, 12, tzinfo=UTC), endpoint="z/z", profile="p")
    given_costs = [(ROW, usd("1")), (early, usd("9"))]
    assert [line.key for line in lines(given_costs, "day")] == ["2026-04-01", "2026-05-01"]
    assert [line.key for line in lines(given_costs, "endpoint")] == ["z/z", "a/b"]
    assert [line.key for line in lines(given_costs[::-1], "profile")] == ["p", "(none)"]


def test_charges_are_joined() -> None:
    both = usd("0.1").joined(usd("0.2", units="2"))
    assert (both.units, both.amount) == (Decimal(3), Decimal("0.3"))
    assert both.joined(replace(both, units=None)).units is None


@pytest.mark.parametrize(
    ("text", "units"),
    [("3", "3"), ("0", "0"), ("0.50", "0.50"), ("1e-05", "0.00001"), ("", None), ("x", None), ("-1", None),
     ("nan", None), ("1e999", None), (" 1", None), ("1_0", None), ("9" * 19, None)],
)  # fmt: skip
def test_units(text: str, units: str | None) -> None:
    assert units_of(ROW._replace(billable_units=text)) == (None if units is None else Decimal(units))


@pytest.mark.parametrize(
    ("number", "text"),
    [("3", "3"), ("3.0", "3"), ("0.075", "0.075"), ("1E+2", "100"), ("100", "100"), ("1E-7", "0.0000001"),
     ("0.00", "0"), ("-0", "0"), ("-0.50", "-0.5")],
)  # fmt: skip
def test_numbers_are_written_out(number: str, text: str) -> None:
    assert as_text(Decimal(number)) == text


def test_products_are_exact() -> None:
    exact = Decimal("15241578751.714678779149520750190521")
    assert times(Decimal("123456789012345678.123456789"), Decimal("0.000000123456789")) == exact
    assert as_text(times(Decimal("0.1"), Decimal("3"))) == "0.3"


@pytest.mark.parametrize(
    ("number", "is_so"), [("1", True), ("0", True), ("-2.5", True), ("NaN", False), ("1E99", False)]
)
def test_plausible(number: str, is_so: bool) -> None:
    assert is_plausible(Decimal(number)) is is_so


def test_a_line_that_nothing_was_added_to() -> None:
    assert Line("a").facts("tag")["requests"] == 0
