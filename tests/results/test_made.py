"""The line that tells what was made, at every width; and what things cost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.files.facts import MediaFacts
from fal_cli.results import made
from fal_cli.results.made import Made
from fal_cli.results.money import NOT_KNOWN, Money, cost_of, total
from fal_cli.terminal.cells import cells
from fal_cli.terminal.sanitize import visible
from tests.support.ledger_rows import row

CAT = Made("cat.jpg", MediaFacts("image", 1024, 768, None, 48_000, "image/jpeg"), "", 3.2, "$0.025", "7")
FILM = Made("film.mp4", MediaFacts("video", 1280, 720, 5.4, 2_130_000, "video/mp4"), took=41.0)
HOSTILE = "a\x1b]0;owned\x07\u202egnp.exe"


class TestLine:
    def test_all_of_it(self) -> None:
        assert made.lines(CAT, width=100) == ["✓ cat.jpg  1024×768  48 kB · 3.2 s · $0.025 · seed 7"]

    def test_what_is_not_known_is_left_out(self) -> None:
        assert made.lines(Made("cat.bin", MediaFacts("unknown")), width=100) == ["✓ cat.bin"]
        assert made.lines(FILM, width=100) == ["✓ film.mp4  1280×720  0:05  2.1 MB · 41 s"]

    def test_a_narrow_terminal_breaks_it_between_its_pieces(self) -> None:
        assert made.lines(CAT, width=60) == ["✓ cat.jpg  1024×768  48 kB · 3.2 s · $0.025 · seed 7"]
        assert made.lines(CAT, width=40) == ["✓ cat.jpg  1024×768  48 kB · 3.2 s", "  $0.025 · seed 7"]

    def test_a_name_that_is_too_long_keeps_its_end(self) -> None:
        long = CAT._replace(name=f"out/{'fal-ai-flux-dev-' * 4}0.jpg")
        first, second = made.lines(long, width=60)
        assert first.startswith("✓ …")
        assert first.endswith("-dev-0.jpg")
        assert second == "  1024×768  48 kB · 3.2 s · $0.025 · seed 7"

    @given(st.text(max_size=120), st.text(max_size=12), st.integers(8, 120))
    def test_no_line_is_wider_than_the_terminal(self, name: str, seed: str, width: int) -> None:
        for line in made.lines(CAT._replace(name=name, seed=seed), width=width):
            assert cells(line) <= width
            assert visible(line) == line

    def test_strangers_words_are_shown_and_not_obeyed(self) -> None:
        (line,) = made.lines(CAT._replace(name=HOSTILE, seed=HOSTILE), width=200)
        assert line.startswith("✓ a␛]0;owned␇<U+202E>gnp.exe  1024×768")
        assert line.isprintable()

    def test_colour_and_a_link_where_they_are_wanted(self) -> None:
        linked = CAT._replace(url="file:///tmp/cat.jpg")
        (plain,) = made.lines(linked, width=100)
        (shown,) = made.lines(linked, width=100, color=True, links=True)
        assert "\x1b" not in plain
        assert shown.startswith("\x1b[32m✓\x1b[0m \x1b]8;;file:///tmp/cat.jpg\x1b\\cat.jpg\x1b]8;;\x1b\\  1024×768")

    @pytest.mark.parametrize(
        ("count", "told"),
        [
            (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (48_499, "48 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"),
            (2_149_999, "2.1 MB"), (9_960_000, "10 MB"), (48_000_000, "48 MB"), (2_100_000_000, "2.1 GB"), (None, ""),
        ],
    )  # fmt: skip
    def test_bytes_in_the_unit_that_people_use(self, count: int | None, told: str) -> None:
        assert made.weight(count) == told

    @pytest.mark.parametrize(
        ("seconds", "told"), [(None, ""), (0.2, "0:01"), (5.4, "0:05"), (59.6, "1:00"), (3723, "1:02:03")]
    )
    def test_playing_time_as_players_show_it(self, seconds: float | None, told: str) -> None:
        assert made.playing_time(seconds) == told


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "currency", "told"),
        [
            ("0.025", "USD", "$0.025"), ("12", "USD", "$12.00"), ("0.10", "EUR", "€0.10"), ("3.5", "CHF", "3.50 CHF"),
            ("1E+2", "USD", "$100.00"), ("0.000001", "USD", "$0.000001"),
        ],
    )  # fmt: skip
    def test_as_people_write_it(self, amount: str, currency: str, told: str) -> None:
        assert str(Money(Decimal(amount), currency)) == told

    @pytest.mark.parametrize(
        ("units", "cost"), [("", None), ("1", None), ("0", "$0.00"), ("0.0", "$0.00"), (".", None)]
    )
    def test_the_ledger_knows_only_that_nothing_was_billed(self, units: str, cost: str | None) -> None:
        found = cost_of(row(billable_units=units))
        assert (None if found is None else str(found)) == cost

    def test_a_total_counts_what_is_not_known(self) -> None:
        dollar, euro = Money(Decimal("0.1"), "USD"), Money(Decimal("2"), "EUR")
        assert total([dollar, dollar, dollar]) == "$0.30"
        assert total([dollar, None, euro, None]) == "$0.10 + €2.00 + 2 not known"
        assert total([None]) == total([]) == NOT_KNOWN
