"""The life of a request as a function of the clock."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.sandbox.state import timeline as timelines
from fal_cli.sandbox.state.timeline import WINDOW_LINES, WINDOW_SECONDS, Change, LogLine, Timeline, build

seconds = st.floats(0, 100, allow_nan=False)
offsets = st.lists(st.floats(0, 500, allow_nan=False), min_size=2, max_size=30).map(sorted)
lines = st.lists(st.builds(LogLine, seconds, st.text(max_size=5)), max_size=80)
lives = st.builds(
    build, queue=seconds, run=seconds, position=st.integers(0, 20), requeues=st.integers(0, 3), logs=lines
)


@given(lives, offsets)
def test_position_falls_but_at_a_requeue(life: Timeline, moments: list[float]) -> None:
    for earlier, later in pairwise(life.at(moment) for moment in moments):
        if earlier.position is not None and later.position is not None:
            requeued = any(
                change.state == "IN_PROGRESS" and earlier.at <= change.at <= later.at for change in life.changes
            )
            assert later.position <= earlier.position or requeued


@given(lives, offsets)
def test_completed_is_final(life: Timeline, moments: list[float]) -> None:
    states = [life.at(moment).state for moment in moments]
    if "COMPLETED" in states:
        assert set(states[states.index("COMPLETED") :]) == {"COMPLETED"}
    assert life.at(life.end).state == "COMPLETED"


@given(lives)
def test_position_only_in_the_queue_and_zero_before_running(life: Timeline) -> None:
    for earlier, later in pairwise(life.changes):
        assert (earlier.position is None) == (earlier.state != "IN_QUEUE")
        if later.state == "IN_PROGRESS":
            assert earlier == Change(earlier.at, "IN_QUEUE", 0)
        assert earlier.at <= later.at


@given(lives, offsets)
def test_logs_slide_forward(life: Timeline, moments: list[float]) -> None:
    for earlier, later in pairwise(moments):
        first, second = life.logs_at(earlier), life.logs_at(later)
        assert len(second) <= WINDOW_LINES
        assert list(second) == sorted(second, key=lambda line: line.at)
        assert all(later - WINDOW_SECONDS <= line.at or later > life.end for line in second)
        assert all(line.at <= later for line in second)
        if first and second:
            assert second[0].at >= first[0].at
            assert second[-1].at >= first[-1].at


@given(lives, seconds)
def test_nothing_changes_before_the_next_change(life: Timeline, moment: float) -> None:
    upcoming = life.next_change(moment, with_logs=True)
    if upcoming is None:
        assert life.at(moment).state == "COMPLETED"
        return
    between = moment + (upcoming - moment) / 2
    if between < upcoming:
        assert life.at(between) == life.at(moment)
        assert set(life.logs_at(between)) <= set(life.logs_at(moment))


@given(lives, seconds)
def test_cancel_truncates(life: Timeline, moment: float) -> None:
    cut = life.cancel(moment)
    assert cut.end <= life.end
    assert cut.at(moment).state == life.at(moment).state or cut.end == moment
    assert cut.at(cut.end).state == "COMPLETED"
    assert cut.cancelled == (cut.end < life.end)
    assert all(line.at <= cut.end for line in cut.logs_at(cut.end))


@given(lives, seconds)
def test_start_deadline(life: Timeline, deadline: float) -> None:
    missed = life.miss_start_deadline(deadline)
    starts = [change.at for change in life.changes if change.state == "IN_PROGRESS"]
    if missed is None:
        assert max(starts) <= deadline
    else:
        assert max(starts) > deadline
        assert deadline <= missed.end <= life.end
        assert all(change.at <= deadline for change in missed.changes if change.state == "IN_PROGRESS")


@given(lives)
def test_survives_the_store(life: Timeline) -> None:
    assert timelines.from_json(timelines.to_json(life)) == life


def test_requeue_goes_back_and_forth() -> None:
    life = build(queue=1, run=10, position=0, requeues=1)
    assert [change.state for change in life.changes] == [
        "IN_QUEUE", "IN_PROGRESS", "IN_QUEUE", "IN_QUEUE", "IN_PROGRESS", "COMPLETED",
    ]  # fmt: skip
    assert life.inference_seconds == pytest.approx(10)


def test_never_started_has_no_inference_time() -> None:
    missed = build(queue=5, run=1, position=2).miss_start_deadline(1)
    assert missed is not None
    assert missed.inference_seconds is None
    assert missed.end == 1
