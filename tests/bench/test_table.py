"""The suite's own arithmetic and text; nothing is measured here."""

import pytest

from tests.bench import table
from tests.bench.measure import ProgramFailed, Sample
from tests.bench.row import CLIENT, FAL, PYTHON, Limit, Measured, Missing, Program, Row, measured
from tests.bench.rows import ROWS

ISSUE_ROWS = ("version", "help", "completion", "status", "submit", "run-60s", "completion-to-output", "upload-1GiB")


def sample(seconds: float, peak: float = 30.0) -> Sample:
    return {"seconds": seconds, "cpu": seconds / 2, "peak_mib": peak}


def found(ours: float, theirs: float, *limits: Limit) -> Measured:
    """A row in which every run took the same."""
    programs: dict[str, Program | Missing] = {FAL: lambda: sample(ours), CLIENT: lambda: sample(theirs)}
    programs[PYTHON] = Missing("it has\nno work")
    return measured(Row("status", programs, limits), runs=3)


def test_programs_alternate_and_a_warm_up_is_not_counted() -> None:
    order: list[str] = []

    def program(name: str) -> Sample:
        order.append(name)
        return sample(float(len(order)))

    row = Row("status", {FAL: lambda: program("ours"), CLIENT: lambda: program("theirs")})
    taken = measured(row, runs=4)
    assert order == ["ours", "theirs"] * 5
    assert [figures["seconds"] for figures in taken.samples[FAL]] == [3, 5, 7, 9]
    assert taken.medians[CLIENT]["seconds"] == 7


def test_ratios_are_ours_over_theirs() -> None:
    assert found(0.2, 0.4).ratios == {CLIENT: {"seconds": 0.5, "cpu": 0.5, "peak_mib": 1.0}}


@pytest.mark.parametrize(
    ("limit", "at_most", "reached"),
    [
        (Limit("seconds", 0.5, (CLIENT,)), 0.2, True),
        (Limit("seconds", 0.4, (CLIENT,)), 0.16, False),
        (Limit("seconds", 0.5, (CLIENT, PYTHON)), 0.2, True),
        (Limit("seconds", 3, (PYTHON,)), None, None),
        (Limit("peak_mib", 1, (CLIENT,), plus=5), 35, True),
        (Limit("cpu", plus=0.05), 0.05, False),
        (Limit("requests", plus=3), 3, None),
    ],
    ids=str,
)
def test_limits(limit: Limit, at_most: float | None, reached: bool | None) -> None:
    (verdict,) = found(0.2, 0.4, limit).verdicts
    assert verdict.at_most == (None if at_most is None else pytest.approx(at_most))
    assert verdict.reached is reached


def test_one_that_fails_is_left_out_and_named() -> None:
    def fails() -> Sample:
        raise ProgramFailed("no network")

    taken = measured(Row("status", {FAL: lambda: sample(0.2), CLIENT: fails}), runs=3)
    assert taken.missing == {CLIENT: "it failed: no network"}
    assert len(taken.samples[FAL]) == 3


def test_the_table_has_a_line_a_program() -> None:
    ours, theirs, missing = table.lines(found(0.2, 0.4, Limit("seconds", 0.45, (CLIENT,))))
    assert ours.split()[:5] == ["status", "fal", "0.2000", "0.1000", "30"]
    assert theirs.endswith("seconds ≤ 0.45 × fal-client (0.1800)          NO")
    assert missing.endswith("not measured: it has no work")


def test_the_document_holds_every_sample_and_verdict() -> None:
    (row,) = table.as_json([found(0.2, 0.4, Limit("seconds", 0.5, (CLIENT,)))], {"date": "today"})["rows"]
    assert [len(samples) for samples in row["samples"].values()] == [3, 3]
    assert row["limits"][0]["reached"] is True
    assert row["not_measured"].keys() == {PYTHON}


def test_every_row_of_the_issue_is_there() -> None:
    assert ROWS.keys() >= set(ISSUE_ROWS)
