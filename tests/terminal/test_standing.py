"""The lines of a batch's board: what they say, and that they fit."""

import dataclasses
from types import SimpleNamespace

import pytest

from fal_cli.terminal.progress import standing as standing_module
from fal_cli.terminal.progress.standing import LOCK, NETWORK, RATE, Standing, awaited, lines, of_facts, summary

BUSY = Standing(
    "cats", rows=10_000, done=6_412, failed=118, running=36, waiting=9, sending=3, saving=2, spent="$160.30",
    planned="~$250.00 (budget 300)", ended_here=6_530, last_failure="row 17: the image is too small",
)  # fmt: skip


NOW = 10_000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_module, "time", SimpleNamespace(monotonic=lambda: NOW))


@pytest.fixture
def busy() -> Standing:
    return dataclasses.replace(BUSY, began=NOW - 500)


def test_in_the_middle(busy: Standing) -> None:
    assert lines(busy) == [
        "cats  ██████░░░░ 6,412/10,000 · 118 failed · 36 running, 9 waiting, 3 being sent, 2 being saved",
        "13.1/s · 4 min 26 s left · $160.30 of ~$250.00 (budget 300)",
        "last failure: row 17: the image is too small",
    ]
    assert "######----" in lines(busy, is_unicode=False)[0]


def test_a_narrow_window_loses_the_bar_and_the_end_of_the_name_before_what_happens(busy: Standing) -> None:
    busy = dataclasses.replace(busy, saving=0, sending=0)
    assert lines(busy, width=99)[0].startswith("cats  ██████░░░░ 6,412/10,000")
    assert lines(busy, width=59)[0] == "cats  6,412/10,000 · 118 failed · 36 running, 9 waiting"
    long = dataclasses.replace(busy, name="pictures-of-all-our-cats")
    assert lines(long, width=59)[0] == "picture…  6,412/10,000 · 118 failed · 36 running, 9 waiting"
    assert lines(long, width=59, is_unicode=False)[0].startswith("pictu...  6,412/10,000")


def test_long_jobs_are_not_for_ever_at_their_start() -> None:
    standing = Standing("cats", rows=4, waiting=4, began=NOW - 300)
    assert lines(standing)[1] == "starting"
    running = dataclasses.replace(standing, running=2, waiting=2, began=NOW - 300)
    assert lines(running)[1] == "5 min 00 s so far"


def test_a_list_that_was_finished_before() -> None:
    assert lines(Standing("cats", rows=24, done=24))[1].startswith("all have ended")


def test_what_an_earlier_run_sent_ends_at_once_and_promises_nothing() -> None:
    standing = Standing("cats", rows=40, done=16, ended_here=12, taken_up=8, has_more=True)
    standing.began = NOW - 8
    assert lines(standing)[1] == "0.5/s · 48 s left"
    standing.taken_up = 12
    assert lines(standing)[1].endswith("so far")
    standing.has_more = False  # nothing but such is left
    assert lines(standing)[1] == "1.5/s · 16 s left"


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"gate": RATE, "gate_left": 8.7}, "429, too many requests: retry in 9 s"),
        ({"gate": RATE, "gate_left": 0.0}, "429, too many requests: trying again"),
        (
            {"gate": LOCK, "gate_told": "balance locked: fal.ai/dashboard/billing", "gate_left": 28.1},
            "balance locked: fal.ai/dashboard/billing · retry in 29 s",
        ),
        (
            {"gate": NETWORK, "gate_told": "queue.fal.run cannot be found", "gate_closed_for": 41.2, "gate_left": 4.0},
            "offline for 42 s, retry in 4 s: queue.fal.run cannot be found",
        ),
        ({"offline": "the connection was cut", "offline_for": 61.0}, "offline for 1 min 01 s: the connection was cut"),
        ({"stopping": "--timeout has passed"}, "stopping: --timeout has passed"),
        (
            {"stopping": "interrupted", "grace_left": 9.2},
            "stopping in 10 s at most; Ctrl-C again stops at once",
        ),
    ],
)
def test_what_is_waited_for(what: dict[str, object], told: str) -> None:
    assert awaited(Standing("cats", rows=4, **what)) == told  # type: ignore[arg-type]


def test_what_came_of_it(busy: Standing) -> None:
    assert summary(busy) == "6,412 of 10,000 rows are done · 118 failed · 3,470 left · $160.30"


def test_another_process_shows_the_same(busy: Standing) -> None:
    waiting = dataclasses.replace(busy, gate=RATE, gate_left=9.0, grace_left=5.0, stopping="interrupted")
    found = of_facts(waiting.as_facts() | {"of a later version": 1, "rows": "not a number"}, 4.0)
    assert found.began == busy.began - 4.0
    assert (found.gate_left, found.grace_left, found.rows) == (5.0, 0.0, 0)
    assert (found.done, found.last_failure, found.planned) == (busy.done, busy.last_failure, busy.planned)
