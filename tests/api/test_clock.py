"""The service's clock as its answers tell it, whatever the clock of this machine does meanwhile."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from fal_cli.api import clock
from fal_cli.api.wire import asked_wait

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine whose clock and whose steady seconds are set by the test."""
    told = SimpleNamespace(now=NOW, steady=100.0)
    monkeypatch.setattr(clock, "_seen", None)
    monkeypatch.setattr(clock, "steady", lambda: told.steady)
    monkeypatch.setattr(clock, "datetime", SimpleNamespace(now=lambda zone: told.now))
    return told


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_jumped_is_known_at_once(machine: SimpleNamespace, jump: timedelta) -> None:
    assert clock.skew_seconds() is None
    clock.observe({"date": format_datetime(NOW, usegmt=True)})
    machine.now += timedelta(seconds=30)
    machine.steady += 30
    assert clock.skew_seconds() == 0
    machine.now += jump
    assert clock.skew() == -jump


@pytest.mark.parametrize("off", [HOUR, -HOUR])
def test_a_date_to_wait_for_is_one_of_the_clock_that_told_it(off: timedelta) -> None:
    there = datetime.now(UTC) + off
    headers = {"retry-after": format_datetime(there + timedelta(seconds=7), usegmt=True)}
    assert asked_wait({"date": format_datetime(there, usegmt=True), **headers}) == 7
