"""The page by itself: it keeps to itself, shows strangers' text as text, and comes in pieces."""

import base64
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.commands.gallery import page
from fal_cli.commands.gallery.page import Card, Column, Grid, Heading, Line, Medium, Sheet
from tests.support.html_page import Page, check

HOSTILE = (
    "<script>alert(1)</script>",
    "</script></style></title><svg onload=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus=alert(1) '",
    "{{ 7*7 }} {% include '/etc/passwd' %}",
    "&lt;b&gt; &amp; &#60;",
    "javascript:alert(1)",
    "--> <!-- ]]>",
)
OBEYED = "a\x00b\x1b[31mc\x07d\x85e\u202ef\u2067g\ud800h\u2028i"


def media(data: bytes = b"\x89PNG", **facts: object) -> Medium:
    known = {"name": "cat.png", "alt": "a cat", "content_type": "image/png", "pieces": lambda: iter([data])}
    return Medium("image", **(known | facts))  # type: ignore[arg-type]


def written(*cards: Card, title: str = "Gallery", closing: Sequence[str] = ()) -> Page:
    """A page of one sheet, checked."""
    found = Page(b"".join(page.write(Heading(title), [Sheet("Today", cards)], lambda: closing)).decode())
    check(found)
    return found


def everywhere(text: str) -> Card:
    """A card that has a text wherever one can be."""
    medium = media(name=text, alt=text, facts=text, note=text)
    link = Medium("file", text, facts=text, href="./a.bin", note=text)
    return Card(
        text, [medium, link, Medium("file", text, note=text)], text, False, [text], text, "https://fal.ai/models/x",
        [text, text], text, [(text, text)],
    )  # fmt: skip


class TestContent:
    def test_a_picture_stands_in_it_with_its_size_and_words(self) -> None:
        data = bytes(range(256)) * 1000
        pieces = [data[:7], data[7:100_001], b"", data[100_001:]]
        found = written(Card("a/b", [media(width=30, height=20, pieces=lambda: iter(pieces))]))
        (picture,) = found.all("img")
        assert picture.attributes["src"] == f"data:image/png;base64,{base64.b64encode(data).decode()}"
        assert (picture.attributes["width"], picture.attributes["height"]) == ("30", "20")
        assert picture.attributes["alt"] == "a cat"
        assert (picture.attributes["loading"], picture.attributes["decoding"]) == ("lazy", "async")

    def test_what_is_told_under_a_picture(self) -> None:
        card = Card(
            "fal-ai/flux/dev", [media()], prompt="a cat", page_url="https://fal.ai/models/fal-ai/flux/dev",
            facts=["seed 7", "3.2 s", "cost not known"], command="fal run fal-ai/flux/dev prompt='a cat'",
            details=[("steps", "28")],
        )  # fmt: skip
        (caption,) = written(card).all("figcaption")
        assert caption.one("p", "prompt").text == "a cat"
        assert [part.text for part in caption.one("p", "facts").children] == [
            "fal-ai/flux/dev", "seed 7", "3.2 s", "cost not known",
        ]  # fmt: skip
        assert caption.one("a").attributes["href"] == "https://fal.ai/models/fal-ai/flux/dev"
        assert caption.one("code").text == "fal run fal-ai/flux/dev prompt='a cat'"
        assert caption.one("button", "copy").text == "Copy"
        assert "hidden" in caption.one("dl").attributes
        assert (caption.one("dt").text, caption.one("dd").text) == ("steps", "28")

    def test_films_sound_texts_and_what_is_not_there(self) -> None:
        film = Medium("video", "a.mp4", "a film", "", "video/mp4", 64, 36, pieces=lambda: iter([b"film"]))
        sound = Medium("audio", "a.mp3", "a note", content_type="audio/mpeg", pieces=lambda: iter([b"note"]))
        large = Medium("video", "big.mp4", facts="2.1 GB", href="./big.mp4", note="too large for this page")
        gone = Medium("file", "gone.png", note="no longer there")
        found = written(
            Card("a/b", [film, sound, large, gone]), Card("a/llm", text="words"), Card("a/x", text="{}", is_code=True)
        )
        assert found.all("video")[0].attributes["src"] == "data:video/mp4;base64,ZmlsbQ=="
        assert found.all("audio")[0].attributes["src"] == "data:audio/mpeg;base64,bm90ZQ=="
        notes = [note.text for note in found.all("p", "note")]
        assert [" ".join(note.split()) for note in notes] == [
            "big.mp4 2.1 GB too large for this page", "gone.png no longer there",
        ]  # fmt: skip
        assert [one.attributes["href"] for one in found.all("a") if one.text == "big.mp4"] == ["./big.mp4"]
        assert [one.classes for one in found.all("div", "words")] == [["words"], ["words", "code"]]
        assert [one.attributes["data-kinds"] for one in found.all("figure")] == ["video audio file", "text", "text"]

    def test_a_grid_has_a_column_for_each_value_and_the_same_cards(self) -> None:
        cells = [[Card("a/b", [media()], prompt="a cat")], [], [Card("a/c", [media()]), Card("a/c", [media()])]]
        columns = [Column("a/b", "1 result"), Column("none"), Column("a/c", "2 results")]
        grid = Grid("By endpoint", columns, [Line("a cat", "seed 1", cells)])
        found = Page(b"".join(page.write(Heading("Beside"), [grid])).decode())
        check(found)
        heads = [one for one in found.all("th") if one.attributes["scope"] == "col"]
        assert [one.text for one in heads] == ["a/b1 result", "none", "a/c2 results"]
        (line,) = [one for one in found.all("th") if one.attributes["scope"] == "row"]
        assert line.text == "a catseed 1"
        body = found.all("tbody")[0]
        assert [len(cell.all("figure")) for cell in body.all("td")] == [1, 0, 2]

    def test_every_part_can_be_reached_and_is_named(self) -> None:
        found = written(Card("a/b", [media()], command="fal run a/b"))
        assert found.all("html")[0].attributes["lang"] == "en"
        assert [len(found.all(tag)) for tag in ("h1", "main", "title")] == [1, 1, 1]
        assert found.all("a", "skip")[0].attributes["href"] == f"#{found.all('main')[0].attributes['id']}"
        for element in found.everything:
            if element.tag in ("button", "select") or (
                element.tag == "input" and element.attributes["type"] != "radio"
            ):
                assert element.text.strip() or element.attributes.get("aria-label"), element.attributes
            if element.tag == "img":
                assert element.attributes["alt"]


class TestStrangersText:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_it_is_shown_as_it_is_and_is_nothing_else(self, text: str) -> None:
        usual, found = written(everywhere("plain"), title="plain"), written(everywhere(text), title=text)
        assert [one.tag for one in found.everything] == [one.tag for one in usual.everything]
        assert found.all("p", "prompt")[0].text == text
        assert found.all("code")[0].text == text
        assert found.all("div", "words")[0].text == text
        assert found.all("img")[0].attributes["alt"] == text
        assert found.all("title")[0].text == text
        assert found.all("figure")[0].attributes["data-endpoint"] == text

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=200))
    def test_no_text_changes_the_page(self, text: str) -> None:
        usual, found = written(everywhere("plain")), written(everywhere(f"x{text}"))
        assert [one.tag for one in found.everything] == [one.tag for one in usual.everything]
        assert [sorted(one.attributes) for one in found.everything] == [
            sorted(one.attributes) for one in usual.everything
        ]

    def test_what_a_browser_would_obey_is_made_visible(self) -> None:
        found = written(everywhere(OBEYED))
        shown = "a␀b␛[31mc␇d<U+0085>e<U+202E>f<U+2067>g<U+D800>h<U+2028>i"
        assert found.all("p", "prompt")[0].text == shown
        assert found.all("img")[0].attributes["alt"] == shown

    def test_lines_joined_emoji_and_scripts_from_right_to_left_stay_as_they_are(self) -> None:
        text = "one\ntwo\tthree 👩‍👩‍👧 مرحبا\u200f ‌"
        assert written(Card("a/b", text=text)).all("div", "words")[0].text == text
        assert written(Card("a/b", text="a\r\nb\rc")).all("div", "words")[0].text == "a\nb\nc"


class TestPieces:
    def test_nothing_is_made_before_it_is_written(self) -> None:
        made: list[int] = []

        def cards() -> Iterator[Card]:
            for number in range(50):
                made.append(number)
                yield Card("a/b", [media(bytes(100_000))])

        pieces = page.write(Heading("Gallery"), [Sheet("Today", cards())])
        next(pieces)
        assert len(made) <= 2
        assert b"</html>" in b"".join(pieces)
        assert len(made) == 50

    def test_the_foot_is_asked_for_last(self) -> None:
        told: list[str] = []

        def cards() -> Iterator[Card]:
            yield Card("a/b", text="x")
            told.append("left out: 1 private")

        text = b"".join(page.write(Heading("Gallery"), [Sheet("Today", cards())], lambda: told)).decode()
        assert Page(text).all("footer")[0].text.strip() == "left out: 1 private"

    def test_memory_does_not_grow_with_the_results(self) -> None:
        """A gigabyte of pictures goes through a process that may not have 400 MB."""
        done = subprocess.run([sys.executable, "-c", _GIGABYTE], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        small, large = (int(line) for line in done.stdout.split())
        assert large - small < 16 * 1024  # kilobytes


_GIGABYTE = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))
from fal_cli.commands.gallery.page import Card, Heading, Medium, Sheet, write

def pieces():
    for _ in range(16):
        yield bytes(48 * 1024)

def page(count):
    medium = Medium("image", "a.png", "a", content_type="image/png", pieces=pieces)
    cards = (Card("a/b", [medium], prompt="a cat " * 100) for _ in range(count))
    assert sum(map(len, write(Heading("Gallery"), [Sheet("Today", cards)]))) > count * 1_000_000
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

page(5)
page(1000)
"""
