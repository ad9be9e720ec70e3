"""Text breaks between words and nowhere else, however narrow the window is."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.terminal.cells import cells
from fal_cli.terminal.wrapping import beside, code, wrapped
from tests.conftest import Program
from tests.support.pseudo_terminal import Screen

TEXT = st.text(st.sampled_from("ab日e\u0301/:- "), max_size=60)
LONG = "https://example.com/" + "x" * 50


class TestText:
    @given(TEXT, st.integers(4, 30), st.sampled_from(["", "fal: ", "request     "]))
    def test_no_word_is_broken_or_lost_and_no_line_too_long(self, text: str, width: int, first: str) -> None:
        lines = wrapped(text, width, first=first)
        assert " ".join(lines).split() == (first + text).split()
        assert all(cells(line) <= width or len(line.split()) == 1 for line in lines)

    @given(TEXT)
    def test_what_fits_is_as_it_was(self, text: str) -> None:
        assert wrapped(text, 200) == [text.rstrip(" ")]

    @pytest.mark.parametrize(
        ("text", "first", "lines"),
        [
            pytest.param("  a line of words", "", ["  a line", "  of words"], id="as far in as it is itself"),
            pytest.param("one two three", "fal: ", ["fal: one", "     two", "     three"], id="behind a lead"),
            pytest.param(f"see {LONG} for more", "", ["see", LONG, "for more"], id="a long word has its own line"),
            pytest.param("0123456789", "id    ", ["id", "0123456789"], id="less far in where it fits then"),
            pytest.param("", "", [""], id="nothing"),
        ],
    )
    def test_at_ten_cells(self, text: str, first: str, lines: list[str]) -> None:
        assert wrapped(text, 10, first=first) == lines

    @given(TEXT, st.integers(4, 30))
    def test_label_and_text_can_be_told_apart(self, text: str, width: int) -> None:
        found = beside("label  ", text, width)
        assert "".join(label for label, _ in found).split() == ["label"]
        assert " ".join(rest for _, rest in found).split() == text.split()


class TestCode:
    LINES = (
        "fal run fal-ai/flux/dev prompt=\"a cat on a mat\" -o cat.png | fal run fal-ai/esrgan x='{{a b}}' --print urls",
        "    fal auth login --profile work --with-key < key.txt        # a comment that is rather long, too",
        "echo 'it is all one word, however long it is' > out.txt",
    )

    @pytest.mark.parametrize("width", [20, 40, 60, 100])
    @pytest.mark.parametrize("line", LINES)
    def test_it_still_is_the_same_command(self, line: str, width: int) -> None:
        lines = code(line, width)
        assert shlex.split("\n".join(lines).replace("\\\n", ""), comments=True) == shlex.split(line, comments=True)
        assert " ".join(lines).count("comment") == line.count("comment")
        assert all(cells(one) <= width or len(shlex.split(one.rstrip("\\"))) == 1 for one in lines)

    def test_an_option_keeps_its_value(self) -> None:
        assert code("fal run a/b -o cat.png", 18) == ["fal run a/b \\", "  -o cat.png"]

    def test_what_fits_is_as_it_was(self) -> None:
        assert code(self.LINES[1], 100) == [self.LINES[1]]


COMPLAINTS = (
    ("run", "x"),
    ("run", "a/b", "--no-such-option"),
    ("run", "a/b", "a cat on a mat"),
    ("auth", "logn"),
    ("deploy", "app.py"),
    ("--sandbox", "run", "fal-ai/flux/dev", "prompt=x", "seed=x", "num_images=9"),
    ("--sandbox", "status", "6f0c2e0e-6d0b-4a53-9a3e-0d5ad1f8a3c0"),
    ("submit", "fal-ai/flux/dev", "prompt=x", "--no-validate"),
    ("config", "set", "hosts.run", "http://elsewhere.example"),
)


@pytest.mark.parametrize("columns", [80, 60, 40])
@pytest.mark.parametrize("words", COMPLAINTS, ids=" ".join)
def test_what_is_said_wraps_on_a_terminal_and_not_in_a_pipe(
    fal: Program, words: tuple[str, ...], columns: int, tmp_path: Path
) -> None:
    piped = fal(*words, code=None).stderr
    with (tmp_path / "out").open("wb") as stdout:
        screen = Screen([*fal.argv, *words], fal.env, columns=columns, stdout=stdout.fileno())
        screen.finish()
    lines = screen.raw.decode().replace("\x1b[31m", "").replace("\x1b[0m", "").split("\r\n")
    is_pointed = "^" in piped
    assert is_pointed or " ".join(lines).split() == piped.split()
    assert all(cells(line) <= columns or len(line.split()) == 1 for line in lines), lines
    assert len([line for line in piped.splitlines() if not line.startswith("  ")]) <= 3
