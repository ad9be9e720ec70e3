"""The table of an endpoint's inputs and outputs at the widths that terminals have."""

from typing import Any

import pytest

from fal_cli.schema import Field, Schema, read
from fal_cli.terminal.cells import cells
from fal_cli.terminal.schema_table import heading, help_lines, kind_words, limits, lines, wrapped
from tests.support.catalogue_server import document

VIDEO = read(document("video_upscaler"), "fal-ai/video-upscaler")
STRING, INTEGER = Field("", ("string",)), Field("", ("integer",))

AT_100 = """\
inputs (* required; file: a URL, or @FILE to upload)
  name                  type        default
* video_url             file                  The video to enlarge.
  upscale_factor        number      2         above 1, at most 4
                                              How many times as large.
  duration              text        5         5, 10
                                              How many seconds of it.
  target_fps            integer               24, 30, 60
                                              Frames a second, if not those of the video.
  tile_size             integer     512       256 to 2048, multiples of 64
  reference_image_urls  list of files         1 to 4 entries
"""

AT_40 = """\
inputs (* required; file: a URL, or
@FILE to upload)
* video_url  file
    The video to enlarge.
  upscale_factor  number, default 2
    above 1, at most 4
    How many times as large.
  duration  text, default 5
    5, 10
    How many seconds of it.
  target_fps  integer
    24, 30, 60
    Frames a second, if not those of the
    video.
  tile_size  integer, default 512
    256 to 2048, multiples of 64
  reference_image_urls  list of files
    1 to 4 entries
    Pictures of what should be sharp.
  crop  object
    default {"left": 0, "top": 0,
    "mode": "centre", "keep": true}
  crop.left  integer
    required; at least 0
  crop.top  integer
    at least 0
  crop.mode  text
    centre
  crop.keep  true/false
  H264_output  true/false, default false

outputs
video  file
chunks  list of objects
  The parts that were enlarged one after
  the other.
chunks[].start  number
chunks[].frames  integer
  How many there are.
"""


def drawn(schema: Schema = VIDEO, *, width: int = 100, color: bool = False) -> list[str]:
    return lines(schema, width=width, color=color)


def test_in_columns() -> None:
    shown = drawn()
    for line, expected in zip(shown, AT_100.splitlines(), strict=False):
        assert line.split() == expected.split()
    columns = {line.index("file ") for line in shown if line.startswith("* video_url")}
    assert columns == {shown[1].index("type")}
    assert shown[3].index(" 2 ") + 1 == shown[1].index("default")


def test_below_each_other() -> None:
    assert "\n".join(drawn(width=40)) + "\n" == AT_40


def test_in_between_the_defaults_stand_beside_the_limits() -> None:
    flux = read(document("flux_dev"), "fal-ai/flux/dev")
    shown = drawn(flux, width=80)
    assert "  num_images             integer          1 to 4; default 1" in shown
    assert "default" not in shown[1]


@pytest.mark.parametrize("width", range(8, 140, 3))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for name, endpoint in (("flux_dev", "fal-ai/flux/dev"), ("any_llm", "fal-ai/any-llm"), ("local_app", "/")):
        wide = [line for line in drawn(read(document(name), endpoint), width=width) if cells(line) > width]
        assert [line for line in wide if " " in line.lstrip("* ")] == []  # but for a word alone, which is never broken


def test_colour_changes_nothing_but_the_colour() -> None:
    import re

    painted = drawn(color=True)
    assert [re.sub(r"\x1b\[\d+m", "", line) for line in painted] == drawn()
    assert any("\x1b[1mvideo_url\x1b[0m" in line for line in painted)


def test_strangers_text_is_shown_and_not_obeyed() -> None:
    evil = Field(
        "a\x1b[31m", ("string",), description="x\x1b]52;c;evil\x07\n\ny\u202e", has_default=True, default="\x9b2J"
    )
    text = "\n".join(drawn(Schema((evil, STRING._replace(name="b", choices=("c\r",))))))
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "\u202e" not in text
    assert "␛]52;c;evil␇ y<U+202E>" in text


def test_wide_characters_keep_the_columns() -> None:
    schema = Schema((STRING._replace(name="提示词", description="画什么"), STRING._replace(name="b", description="x")))
    first, second = drawn(schema)[1:]
    assert cells(first[: first.index("画")]) == second.rindex("x")


def test_a_name_that_is_too_long_has_its_own_line() -> None:
    schema = Schema((STRING._replace(name="n" * 50, description="what it is"), STRING._replace(name="b")))
    assert drawn(schema)[1:3] == ["  " + "n" * 50, " " * 34 + "text  what it is"]


def test_a_half_of_which_nothing_is_known_is_left_out() -> None:
    assert drawn(Schema(outputs=(STRING._replace(name="a"),))) == ["outputs", "a  text"]
    assert drawn(Schema()) == []


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (STRING, "text"),
        (Field("a"), "anything"),
        (Field("a", ("string",), is_media=True), "file"),
        (Field("a", ("array",), is_media=True, item=STRING), "list of files"),
        (Field("a", ("array",), item=INTEGER), "list of integers"),
        (Field("a", ("array",)), "list of anything"),
        (Field("a", ("integer", "number")), "integer or number"),
        (Field("a", ("integer", "string"), alternatives=(INTEGER, STRING)), "text or integer"),
        (Field("a", ("object",), properties=(Field("url", ("string",)),)), "file"),
    ],
)
def test_types_in_words(field: Field, words: str) -> None:
    assert kind_words(field) == words


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"minimum": 1, "maximum": 4}, "1 to 4"),
        ({"minimum": 0.0, "maximum": 1.5}, "0 to 1.5"),
        ({"minimum": 3}, "at least 3"),
        ({"maximum": 3, "exclusive_minimum": 0}, "above 0, at most 3"),
        ({"exclusive_maximum": 1}, "below 1"),
        ({"minimum": 8, "maximum": 8, "multiple_of": 8}, "8, multiples of 8"),
        ({"min_length": 0, "max_length": 9}, "0 to 9 characters"),
        ({"min_length": 0}, ""),
        ({"min_items": 1, "max_items": 1}, "1 entries"),
        ({"choices": ("a", "", 3, True)}, 'a, "", 3, true'),
        ({"item": Field("", ("string",), choices=("a", "b"))}, "each a, b"),
    ],
)
def test_limits_in_words(facts: dict[str, Any], words: str) -> None:
    assert limits(Field("a")._replace(**facts)) == words


def test_wrapping() -> None:
    assert wrapped("a bb  ccc\ndddd", 5) == ["a bb", "ccc", "dddd"]
    assert wrapped("abcdefg hi", 3) == ["abcdefg", "hi"]
    assert wrapped("", 5) == []


def test_the_heading() -> None:
    assert heading("a/b", "Title", "kind", width=80, color=False) == ["a/b  Title · kind"]
    assert heading("a/b", "", "", width=80, color=False) == ["a/b"]
    assert heading("a/b", "Title", "kind", width=10, color=False) == ["a/b", "Title ·", "kind"]


def test_a_section_of_a_help_text() -> None:
    shown = help_lines(VIDEO, "fal-ai/video-upscaler", width=80)
    assert shown[0] == "Inputs of fal-ai/video-upscaler (* required; file: a URL, or @FILE to upload):"
    assert "outputs" not in shown
    assert help_lines(Schema(), "a/b", width=80) == []
