"""A table never grows wider than the terminal, loses what matters least first, and obeys no stranger's text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.terminal.cells import cells, cut
from fal_cli.terminal.table import Cell, Column, draw

COLUMNS = (
    Column("when", 2),
    Column("name", 0, least=4, enough=6, keeps_end=True),
    Column("count", 3, is_right=True, is_optional=True),
    Column("text", 1, least=5),
)
ROWS = [
    [Cell("1 h ago", "dim"), Cell("a/long/name"), Cell("3"), Cell("some text that is long")],
    [Cell("2 h ago", "dim"), Cell("b"), Cell("12"), Cell("short", "red")],
]


def _drawn(width: int, rows: list[list[Cell]] = ROWS, *, color: bool = False) -> list[str]:
    return draw(COLUMNS, rows, width=width, color=color)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        pytest.param(
            60,
            [
                "when     name         count  text",
                "1 h ago  a/long/name      3  some text that is long",
                "2 h ago  b               12  short",
            ],
            id="all-of-it",
        ),
        pytest.param(
            42,
            [
                "when     name    count  text",
                "1 h ago  …/name      3  some text that is…",
                "2 h ago  b          12  short",
            ],
            id="enough-of-the-name",
        ),
        pytest.param(26, ["when     name    text", "1 h ago  …/name  some tex…"], id="no-count"),
        pytest.param(16, ["name    text", "…/name  some te…"], id="no-when"),
        pytest.param(11, ["name  text", "…ame  some…"], id="the-least"),
        pytest.param(10, ["name", "…long/name"], id="one-column"),
        pytest.param(2, ["…e", "…e"], id="two-cells"),
    ],
)
def test_fitting(width: int, expected: list[str]) -> None:
    drawn = _drawn(width)
    assert drawn[: len(expected)] == expected
    assert max(map(cells, drawn)) <= width


def test_an_optional_column_that_is_empty_is_left_out() -> None:
    rows = [[Cell("1 h ago"), Cell("a"), Cell(""), Cell("x")]]
    assert _drawn(60, rows) == ["when     name  text", "1 h ago  a     x"]


def test_no_rows_are_their_titles() -> None:
    assert _drawn(60, []) == ["when  name  text"]


def test_colour_takes_no_room() -> None:
    drawn = _drawn(60, color=True)
    assert drawn[2] == "\x1b[2m2 h ago\x1b[0m  b               12  \x1b[31mshort\x1b[0m"


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "a\tb", "\u202eevil", "\x9b31m", "\u2028", "[bold]x[/]", "\udc80"])
def test_strangers_text_stays_on_its_line_and_is_not_obeyed(text: str) -> None:
    drawn = _drawn(60, [[Cell(""), Cell("a"), Cell(""), Cell(text)]])
    assert len(drawn) == 2
    assert len(drawn[1].splitlines()) == 1
    assert drawn[1].isprintable()
    drawn[1].encode()


@given(st.lists(st.lists(st.text(max_size=30).map(Cell), min_size=4, max_size=4), max_size=4), st.integers(1, 100))
def test_any_text_at_any_width(rows: list[list[Cell]], width: int) -> None:
    drawn = _drawn(width, rows)
    assert len(drawn) == len(rows) + 1
    assert all(cells(line) <= width for line in drawn)


@given(st.text(), st.integers(1, 50), st.booleans())
def test_cut(text: str, most: int, keeps_end: bool) -> None:
    shown = cut(text, most, keeps_end=keeps_end)
    assert cells(shown) <= most
    assert shown == text or "…" in shown


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        pytest.param("cat", 3, id="ascii"),
        pytest.param("猫", 2, id="wide"),
        pytest.param("e\u0301", 1, id="combining"),
        pytest.param("👨\u200d👩\u200d👧", 6, id="joined: some terminals draw each"),
        pytest.param("👍🏽", 4, id="with its tone beside it"),
        pytest.param("❤\ufe0f", 2, id="drawn as an emoji"),
    ],
)
def test_cells(text: str, columns: int) -> None:
    assert cells(text) == columns
