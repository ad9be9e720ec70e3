"""Reading a shell's line, and writing candidates into it."""

import shlex
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.cli.completion.line import Words, bash_reply, plain

LINE_TEXT = st.text(st.sampled_from("ab=:@ '\"\\$é/") | st.characters(exclude_categories=("Cc", "Cs")), max_size=20)


@pytest.mark.parametrize(
    ("line", "words", "quote"),
    [
        pytest.param("fal run ", ["fal", "run", ""], "", id="a-new-word"),
        pytest.param("fal  run", ["fal", "run"], "", id="two-spaces"),
        pytest.param(r"fal a\ b", ["fal", "a b"], "", id="backslash"),
        pytest.param("fal 'a b", ["fal", "a b"], "'", id="open-quote"),
        pytest.param('fal x="a b', ["fal", "x=a b"], '"', id="open-quote-inside"),
        pytest.param(r'fal "a\"b\c"d', ["fal", r'a"b\cd'], "", id="escape-in-quotes"),
        pytest.param("fal '' ", ["fal", "", ""], "", id="empty-word"),
        pytest.param("", [""], "", id="nothing"),
    ],
)
def test_words(line: str, words: list[str], quote: str) -> None:
    found = Words(line)
    assert (found.words, found.quote) == (words, quote)


@given(st.lists(LINE_TEXT, max_size=4))
def test_what_a_shell_quotes_is_read_back(words: list[str]) -> None:
    assert Words(shlex.join(words) + " ").words == [*words, ""]


@given(LINE_TEXT)
def test_any_line_can_be_read(line: str) -> None:
    assert plain(line) == Words(line).words[-1]


def reply(line: str, piece: str, *offered: str, key: str = "9", width: str = "80") -> list[str]:
    """What bash gets where the program offers these words."""

    def ask(words: Sequence[str]) -> list[tuple[str, str]]:
        return [(word, f"about {word}") for word in offered if word.startswith(words[-1])]

    return bash_reply([line, piece, key, width], ask)


class TestBash:
    def test_a_whole_candidate_has_a_space_behind_it(self) -> None:
        assert reply("fal ru", "ru", "run") == ["run "]

    def test_one_that_goes_on_has_none(self) -> None:
        assert reply("fal run x/y pro", "pro", "prompt=") == ["prompt="]
        assert reply("fal upload a", "a", "a dir/") == [r"a\ dir/"]

    @pytest.mark.parametrize(
        ("line", "piece", "offered", "replacement"),
        [
            ("fal a=p", "p", "a=png", "png "),
            ("fal a=", "", "a=png", "png "),
            ("fal u=@ph", "@ph", "u=@photo.png", "@photo.png "),
            ("fal last:", "", "last:2", "2 "),
            ("fal u=@'my p", "my p", "u=@my photo.png", "my photo.png"),
            ('fal "u=@my p', "u=@my p", "u=@my photo.png", "u=@my photo.png"),
            (r"fal u=@my\ p", r"@my\ p", "u=@my photo.png", r"@my\ photo.png "),
            ("fal a=p", "a=p", "a=png", "a=png "),  # where = is no word break
            ("fal -o ~/x", "~/x", "~/x y", r"~/x\ y "),
        ],
    )
    def test_the_piece_alone_is_replaced(self, line: str, piece: str, offered: str, replacement: str) -> None:
        assert reply(line, piece, offered) == [replacement]

    def test_of_several_no_more_than_what_they_share_is_escaped(self) -> None:
        listed = reply("fal upload ", "", "a b", "a $", width="12")
        assert listed == [r"a\ b", r"a\ $"]

    def test_of_several_the_descriptions_stand_behind_them(self) -> None:
        assert reply("fal ", "", "run", "result") == ["run     (about run)", "result  (about result)"]
        assert reply("fal ", "", "run", "result", width="22") == ["run     (about run)", "result  (about resu…)"]

    def test_none_where_bash_inserts_them_one_after_the_other(self) -> None:
        assert reply("fal ", "", "run", "result", key="37") == ["run ", "result "]

    def test_nothing_behind_a_closed_quote(self) -> None:
        assert reply('fal "run"', '"run"', "run") == []

    @given(LINE_TEXT.filter(bool))
    def test_what_is_inserted_is_the_word(self, word: str) -> None:
        (inserted,) = reply("fal ", "", word)
        assert Words(f"fal {inserted}").words[1] == word
