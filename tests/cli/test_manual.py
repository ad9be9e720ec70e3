"""The manual: Markdown on disk that reads well there, drawn for a terminal and made into man pages."""

import re

import pytest

from fal_cli.cli import manpages, manual_tables, markdown, pages, topics
from fal_cli.sandbox.orders.faults import parse_fault
from fal_cli.sandbox.orders.words import MEANINGS, ROUTES, words_of
from fal_cli.terminal.cells import cells
from fal_cli.terminal.styles import painted
from tests.conftest import Program
from tests.support.pseudo_terminal import Screen

NAMES = list(topics.SUMMARIES)
_ESCAPE = re.compile(r"\x1b\[\d+m")
_MARKS = re.compile(r"^```.*$|<!--.*?-->|^#+|^\| --- .*$|[`*|]+", re.MULTILINE)


def drawn(name: str, width: int, *, color: bool = False) -> list[str]:
    return painted(pages.manual(topics.markdown(name), width, color=color), color=color)


def words(text: str) -> list[str]:
    return re.findall(r"[\w/=.-]*\w", _MARKS.sub(" ", text))


def test_each_topic_is_a_page_and_each_page_a_topic() -> None:
    assert {path.stem for path in manual_tables.FOLDER.iterdir()} == set(NAMES)
    assert set(topics.ALIASES.values()) <= set(NAMES)
    assert not set(topics.ALIASES) & set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestPage:
    def test_begins_with_its_title_and_keeps_to_the_width_of_the_code(self, name: str) -> None:
        text = topics.markdown(name)
        first, *others = markdown.blocks(text)
        assert isinstance(first, markdown.Heading)
        assert first.level == 1
        assert not any(isinstance(block, markdown.Heading) and block.level == 1 for block in others)
        assert all(len(line) <= 120 for line in text.splitlines() if not line.startswith("|"))

    def test_its_links_lead_somewhere(self, name: str) -> None:
        for target in re.findall(r"\]\(([^)]+)\)", topics.markdown(name)):
            assert target.removesuffix(".md") in NAMES

    @pytest.mark.parametrize("width", [40, 60, 79])
    def test_nothing_of_it_is_lost(self, name: str, width: int) -> None:
        source = re.sub(r"\[[^\]]+\]\(([\w-]+)\.md\)", r"fal help \1", topics.markdown(name))
        head = re.compile(r"^\|.*\|\n(?=\| ?---)", re.MULTILINE)  # of tables only the titles of further columns show
        shown = words(" ".join(drawn(name, width)))
        missing = [word for word in words(head.sub("", source)) if word not in shown]
        assert not missing

    def test_colours_change_nothing_but_colours(self, name: str) -> None:
        bare = [_ESCAPE.sub("", line) for line in drawn(name, 60, color=True)]
        assert words(" ".join(bare)) == words(" ".join(drawn(name, 60)))
        assert all(cells(line) <= 60 or len(line.split()) == 1 for line in bare)
        assert "\x1b" not in "".join(drawn(name, 60))


class TestDrawing:
    PAGE = """# Title

Words with `some code`, **weight** and a [link](inputs.md).

- a point
- another
  that goes on

1. first
2. then
   the rest

| a | b | more: |
|---|---|---|
| `x\\|y` | what it means | and more |
| z | other | |

```sh
fal run a/b prompt="a cat"   # a comment
```
"""

    def test_plain(self) -> None:
        assert painted(pages.manual(self.PAGE, 60, color=False), color=False) == [
            "Title",
            "",
            "  Words with `some code`, weight and a `fal help inputs`.",
            "",
            "  - a point",
            "  - another that goes on",
            "  1. first",
            "  2. then the rest",
            "",
            "  x|y  what it means",
            "       more: and more",
            "  z    other",
            "",
            '    fal run a/b prompt="a cat"   # a comment',
        ]

    def test_narrow_columns_stand_under_their_titles(self) -> None:
        page = "# T\n\n| kind | code | again | meaning |\n|---|---|---|---|\n| `usage` | 2 | fixed | a word is wrong |"
        assert painted(pages.manual(page, 43, color=False), color=False)[2:] == [
            "  kind   code  again  meaning",
            "  usage  2     fixed  a word is wrong",
        ]
        assert painted(pages.manual(page, 40, color=False), color=False)[2:] == [
            "  usage  2",
            "         again fixed",
            "         meaning a word is wrong",
        ]

    def test_a_style_goes_on_in_the_next_line(self) -> None:
        lines = painted(pages.manual("# T\n\nall `of this is code` here", 13, color=True), color=True)
        assert lines[2:] == [
            "  all \x1b[36mof this\x1b[0m",
            "  \x1b[36mis code\x1b[0m",
            "  here",
        ]

    def test_in_a_terminal_headings_are_bold_unless_no_colour_is_wanted(self, fal: Program) -> None:
        for env, is_bold in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            screen = Screen([*fal.argv, "help", "files"], fal.env | env, columns=60)
            assert screen.finish() == 0
            assert (b"\x1b[1mSave results\x1b[0m" in screen.raw) == is_bold
            assert (b"\x1b[" in screen.raw) == is_bold
            assert "Save results" in screen.lines


FORMS = {"": "", "N": ":2", "S": ":2", "[N]": ":2", "N[:CODE]": ":2:1011", "[404|503]": ":404", "[KIND]": ":topup"}


class TestFaults:
    def test_each_word_has_a_meaning_and_is_taken(self) -> None:
        found = {word for route in ROUTES for word in words_of(route).items()}
        assert found == set(MEANINGS)
        for route in ROUTES:
            for word, form in words_of(route).items():
                assert parse_fault(f"{route}={word}{FORMS[form]}").route == route

    def test_each_is_in_the_manual(self) -> None:
        text = topics.markdown("testing")
        assert all(f"`{word}" in text for word, _ in MEANINGS)


def test_a_table_that_is_not_current_is_noticed_and_made_anew() -> None:
    path = manual_tables.FOLDER / "exit-codes.md"
    text = path.read_text("utf-8")
    assert manual_tables.files()[path] == text
    assert manual_tables._filled(text.replace("| 0 | done |", "| 0 | undone |")) == text


def test_man_pages_have_headings_terms_and_links() -> None:
    page = manpages.pages()["fal-files.7"]
    assert ".SH SAVE RESULTS\n" in page
    assert ".TP\n\\fB\\-\\-overwrite\\fR\nreplace existing files\n" in page
    assert "\\fBfal\\-galleries\\fR(7)" in page
