"""How results are laid out: by the day on which they were made, or beside each other."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest

from fal_cli.commands.gallery import layout
from fal_cli.commands.gallery.cards import Found
from fal_cli.commands.gallery.page import Card
from fal_cli.ledger.rows import Row
from tests.support.ledger_rows import row

A_DAY = timedelta(days=1)


def at(text: str) -> datetime:
    """A moment of local time."""
    return datetime.fromisoformat(text).astimezone()


def found(rows: Sequence[Row], left_out: Sequence[int] = ()) -> Iterator[Found]:
    for one in rows:
        yield Found(one, None if one.local_id in left_out else Card(one.endpoint, text=str(one.local_id)))


def call(local_id: int, endpoint: str = "a/b", prompt: str = "a cat", **inputs: object) -> Row:
    return row(local_id, endpoint=endpoint, input_json={"prompt": prompt, **inputs})


class TestDays:
    def test_each_day_is_a_sheet_in_the_order_of_the_calls(self) -> None:
        moments = {3: "2026-11-28T00:10", 2: "2026-11-27T23:50", 1: "2026-11-27T00:10"}
        rows = [row(number, created_at=at(text)) for number, text in moments.items()]
        sheets = [(sheet.title, [card.text for card in sheet.cards]) for sheet in layout.by_day(found(rows))]
        assert sheets == [("Saturday, 28 November 2026", ["3"]), ("Friday, 27 November 2026", ["2", "1"])]

    def test_a_day_of_which_nothing_is_shown_is_not_there(self) -> None:
        rows = [row(2), row(1, created_at=at("2026-11-28T12:00") - A_DAY)]
        sheets = [[card.text for card in sheet.cards] for sheet in layout.by_day(found(rows, left_out=[2]))]
        assert sheets == [["1"]]

    @pytest.mark.parametrize(
        ("first", "last", "told"),
        [
            ("2026-11-28", "2026-11-28", "28 November 2026"),
            ("2026-11-03", "2026-11-28", "3 to 28 November 2026"),
            ("2026-09-03", "2026-11-28", "3 September to 28 November 2026"),
            ("2025-12-31", "2026-01-01", "31 December 2025 to 1 January 2026"),
        ],
    )
    def test_the_days_of_a_page_in_words(self, first: str, last: str, told: str) -> None:
        rows = [row(2, created_at=at(f"{last}T12:00")), row(1, created_at=at(f"{first}T12:00"))]
        assert layout.span(rows) == layout.span(rows[::-1]) == told
        assert layout.span([]) == ""


class TestGrids:
    def plan(self, rows: Sequence[Row], key: str) -> list[tuple[str, str, list[list[int]]]]:
        """Each line of a plan: its words, and the numbers of the calls in its cells. `rows` are the oldest first."""
        found = layout.plan(list(reversed(rows)), key, is_free=True)
        return [
            (line.title, line.subtitle, [[one.local_id for one in cell] for cell in line.cells]) for line in found.lines
        ]

    def test_a_column_for_each_endpoint_and_a_line_for_each_prompt_and_seed(self) -> None:
        rows = [
            call(1, "a/b", seed=1), call(2, "a/c", seed=1), call(3, "a/b", "a dog", seed=1), call(4, "a/b", seed=2),
            call(5, "a/c", seed=2), call(6, "a/c", seed=2),
        ]  # fmt: skip
        assert self.plan(rows, "endpoint") == [
            ("a cat", "seed 1", [[1], [2]]),
            ("a cat", "seed 2", [[4], [5, 6]]),
            ("a dog", "seed 1", [[3], []]),
        ]

    def test_a_column_for_each_value_of_an_input(self) -> None:
        rows = [call(1, seed=10), call(2, seed=9), call(3), call(4, "a/c", seed=9)]
        assert [one.title for one in layout.plan(rows, "seed", is_free=True).columns] == [
            "seed 9", "seed 10", "seed (none)",
        ]  # fmt: skip
        assert self.plan(rows, "seed") == [("a cat", "a/b", [[2], [1], [3]]), ("a cat", "a/c", [[4], [], []])]

    def test_a_column_for_each_prompt(self) -> None:
        rows = [call(1, prompt="a cat", seed=1), call(2, prompt="a dog", seed=1), call(3, prompt="a dog")]
        assert self.plan(rows, "prompt") == [("seed 1", "", [[1], [2]]), ("(none)", "", [[], [3]])]

    def test_the_columns_tell_time_and_money(self) -> None:
        rows = [
            row(1, inference_seconds=2.5, billable_units="0"),
            row(2, inference_seconds=4.0, billable_units="3"),
            row(3, endpoint="x/y"),
        ]
        told = [(one.title, one.subtitle) for one in layout.plan(rows, "endpoint", is_free=False).columns]
        assert told == [
            ("fal-ai/flux/dev", "2 results · 6.5 s · $0.00 + 1 not known"),
            ("x/y", "1 result · cost not known"),
        ]
        free = [one.subtitle for one in layout.plan(rows, "endpoint", is_free=True).columns]
        assert free == ["2 results · 6.5 s", "1 result"]

    def test_what_is_left_out_leaves_its_cell_empty(self) -> None:
        rows = [call(1, "a/b"), call(2, "a/c"), call(3, "a/c")]
        plan = layout.plan(rows, "endpoint", is_free=True)
        grid = layout.grid("By endpoint", plan, found(plan.rows, left_out=[2]))
        cells = [[[card.text for card in cell] for cell in line.cells] for line in grid.rows]
        assert cells == [[["1"], ["3"]]]
