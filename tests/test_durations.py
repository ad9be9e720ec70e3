"""Moments in the past as people name them."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.durations import moment, moment_to_clear

SLACK = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30d", timedelta(days=30)),
        ("2h", timedelta(hours=2)),
        ("1w3d", timedelta(days=10)),
        ("1d12h", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),
        ("1h30m10s", timedelta(seconds=5410)),
        ("0d", timedelta(0)),
    ],
)
def test_spans_go_back_from_now(text: str, span: timedelta) -> None:
    assert abs(datetime.now(UTC) - span - moment(text)) < SLACK


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31).astimezone()),
        ("2026-01-31T12:30:00", datetime(2026, 1, 31, 12, 30).astimezone()),
        ("2026-01-31 12:30", datetime(2026, 1, 31, 12, 30).astimezone()),
        ("2026-01-31T12:30:00Z", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
        ("2026-01-31T12:30:00+02:00", datetime(2026, 1, 31, 10, 30, tzinfo=UTC)),
    ],
)
def test_dates_are_local_unless_they_say_otherwise(text: str, expected: datetime) -> None:
    assert moment(text) == expected


WRONG = ["", "d", "7", "-7d", "3d2w", "1.5d", "soon", "2026-02-30", "2026-1-1", "2026-01-31x", "٣d", "9" * 5000 + "d"]


@pytest.mark.parametrize("text", [*WRONG, "99999999999d", "0001-01-01T00:00:00+14:00"])
def test_what_names_no_moment(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        moment(text)


@given(st.text())
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    with contextlib.suppress(typer.BadParameter):
        assert moment(text).tzinfo is not None


@pytest.mark.parametrize("text", ["6m", "1h30m", "1d5m"])
def test_minutes_are_refused_where_they_might_be_meant_as_months(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="would be minutes"):
        moment_to_clear(text)


@pytest.mark.parametrize("text", ["30d", "2h", "26w", "2026-01-31"])
def test_all_else_is_the_same_there(text: str) -> None:
    assert abs(moment_to_clear(text) - moment(text)) < SLACK
