"""The endpoint's schema has a say in what `key=value` and uploads give; all else is as without it."""

import io
from pathlib import Path
from typing import Any

import pytest

from fal_cli.errors import UsageError
from fal_cli.files.attachment import Attachment
from fal_cli.inputs.stdin import Stdin
from fal_cli.inputs.typed import uploads
from fal_cli.schema import Field, Schema, read
from tests.support.catalogue_server import document
from tests.support.inputs import gather

TEXT, NUMBER = Field("", kinds=("string",)), Field("", kinds=("integer",))


def known(**kinds: str) -> Schema:
    return Schema(tuple(Field(name, kinds=(kind,)) for name, kind in kinds.items()))


def gathered(
    schema: Schema | None,
    *words: str,
    texts: tuple[str, ...] = (),
    told: list[str] | None = None,
    tell: list[str] | None = None,
) -> Any:
    stdin = Stdin(io.BytesIO(), is_terminal=True, say=print)
    said, heard = ([] if one is None else one for one in (told, tell))
    return gather(words, texts, stdin, tell_guess=said.append, tell=heard.append, schema=schema)


def test_what_it_says_is_the_value() -> None:
    schema = known(a="array", b="string", c="integer")
    assert gathered(schema, "a=[1]", "b=5", "c=5") == {"a": [1], "b": "5", "c": 5}


def test_where_it_says_nothing_the_guess_holds() -> None:
    assert gathered(known(z="string"), "a=5", "b=true", "prompt=5") == {"a": 5, "b": True, "prompt": "5"}
    assert gathered(None, "a=5", "b=true", "prompt=5") == {"a": 5, "b": True, "prompt": "5"}


def test_it_is_asked_for_the_path_as_it_was_meant_and_of_the_plain_text() -> None:
    item = Field("", kinds=("object",), properties=(Field("c", kinds=("string",)),))
    schema = Schema((Field("a.b", kinds=("array",), item=item), Field("d", kinds=("string",))))
    assert gathered(schema, r"a\.b.0.c=1", r"d=\@x") == {"a.b": [{"c": "1"}], "d": "@x"}


def test_it_is_not_asked_about_json_and_raw_text() -> None:
    schema = known(a="string", b="integer")
    assert gathered(schema, "a:=5", texts=("b=5",)) == {"a": 5, "b": "5"}


class TestFiles:
    """With a schema plain text takes the file's text and media is uploaded; names decide only without one."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "words.txt").write_text("la la\n")
        (tmp_path / "song.mp3").write_bytes(b"\xff\xfb\x90\x00")

    schema = read(document("odd_files"), "acme/files")

    @pytest.mark.parametrize(
        "key",
        [
            "lyrics",
            "gen_text",
            "ref_text",
            "instruction",
            "transcript",
            "input",
            "messages.0.content",
            "voice",
            "prompt",
        ],
    )
    def test_a_plain_text_takes_the_files_text(self, key: str) -> None:
        told: list[str] = []
        assert _at(gathered(self.schema, f"{key}=@words.txt", tell=told), key) == "la la"
        assert told == [f"{key}: the text of words.txt"]
        assert isinstance(_at(gathered(self.schema, f"{key}@words.txt"), key), Attachment)

    @pytest.mark.parametrize(
        "key", ["text", "script", "video_url", "clip", "garment", "model_image", "still", "weights.0.path"]
    )
    def test_media_is_uploaded(self, key: str) -> None:
        assert isinstance(_at(gathered(self.schema, f"{key}=@words.txt"), key), Attachment)

    def test_lists_of_either(self) -> None:
        assert gathered(self.schema, "texts=@words.txt", "image_urls=@words.txt") == {
            "texts": ["la la"], "image_urls": [Attachment(key="image_urls", path=Path("words.txt"))],
        }  # fmt: skip

    @pytest.mark.parametrize(("key", "is_text"), [("prompt", True), ("a.text", True), ("lyrics", False), ("x", False)])
    def test_names_decide_without_a_schema_and_where_it_says_nothing(self, key: str, is_text: bool) -> None:
        for schema in (None, Schema((Field("z", ("string",)), Field("x"), Field("other")))):
            assert (_at(gathered(schema, f"{key}=@words.txt"), key) == "la la") is is_text
            assert uploads(schema, key) is not is_text

    def test_bytes_that_are_no_text_are_never_sent_as_one(self) -> None:
        with pytest.raises(UsageError) as caught:
            gathered(self.schema, "lyrics=@song.mp3")
        assert caught.value.message == "lyrics: song.mp3 is not UTF-8 or UTF-16 text"
        assert caught.value.hint == "To upload it: lyrics@song.mp3"

    def test_what_takes_neither_keeps_the_file_for_the_check(self) -> None:
        assert isinstance(gathered(self.schema, "size_url=@words.txt")["size_url"], Attachment)


def _at(value: Any, key: str) -> Any:
    for step in key.split("."):
        value = value[int(step)] if step.isdigit() else value[step]
    return value[0] if isinstance(value, list) else value


@pytest.mark.parametrize(("key", "expected"), [("system_prompt", "null"), ("caption", None), ("language", None)])
def test_null_is_null_where_the_schema_knows_of_it_but_in_text_keys(key: str, expected: Any) -> None:
    field = Field(key, ("string",), is_nullable=True)
    assert gathered(Schema((field,)), f"{key}=null") == {key: expected}


def test_a_file_goes_into_a_list() -> None:
    file = Attachment(key="a", path=Path("x.png"))
    schema = Schema((Field("a", kinds=("array",), item=TEXT, is_media=True),))
    assert gathered(schema, "a=@x.png") == {"a": [file]}
    assert gathered(None, "a@x.png") == {"a": file}


def test_what_is_sent_otherwise_than_a_reader_would_think_is_told() -> None:
    told: list[str] = []
    gathered(known(a="integer", b="string", d="string"), "a=5", "b=5", "c=5", "d=text", told=told)
    assert told == [
        "a=5 is sent as 5, as the schema says",
        "b=5 is sent as text, as the schema says",
        "c=5 is sent as 5, not as text (for text: -t c=5)",
    ]
