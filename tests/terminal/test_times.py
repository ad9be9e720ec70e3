"""Moments as people say them."""

from datetime import UTC, datetime, timedelta

import pytest

from fal_cli.terminal.times import ago, at_time, exactly, on_day, within

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC).astimezone()


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=-3), "just now"),
        (timedelta(seconds=40), "40 s ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=47, minutes=59), "47 h ago"),
        (timedelta(hours=48), "2 d ago"),
        (timedelta(days=30), "30 d ago"),
        (timedelta(days=31), ""),
        (timedelta(hours=-1), ""),
    ],
)
def test_ago(passed: timedelta, said: str) -> None:
    assert ago(NOW - passed, NOW) == said


def test_the_time_of_the_day_and_the_date_if_it_is_far() -> None:
    assert at_time(NOW + timedelta(hours=11), NOW) == f"{NOW + timedelta(hours=11):%H:%M}"
    assert at_time(NOW + timedelta(days=2), NOW) == f"{NOW + timedelta(days=2):%Y-%m-%d %H:%M}"


def test_dates() -> None:
    assert on_day(NOW) == "2026-05-01"
    assert exactly(NOW).startswith("2026-05-01 ")


@pytest.mark.parametrize(("seconds", "said"), [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (899, "14 min")])
def test_within(seconds: float, said: str) -> None:
    assert within(timedelta(seconds=seconds)) == said
