"""The endpoint's schema has a say in what `key=value` and uploads give; all else is as without it."""

import io
from pathlib import Path
from typing import Any

from fal_cli.files.attachment import Attachment
from fal_cli.inputs.stdin import Stdin
from fal_cli.schema import Field, Schema
from tests.support.inputs import gather

TEXT, NUMBER = Field("", kinds=("string",)), Field("", kinds=("integer",))


def known(**kinds: str) -> Schema:
    return Schema(tuple(Field(name, kinds=(kind,)) for name, kind in kinds.items()))


def gathered(schema: Schema | None, *words: str, texts: tuple[str, ...] = (), told: list[str] | None = None) -> Any:
    stdin = Stdin(io.BytesIO(), is_terminal=True, say=print)
    said = [] if told is None else told
    return gather(words, texts, stdin, tell_guess=said.append, schema=schema)


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


def test_it_is_not_asked_about_json_files_of_text_or_raw_text(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("5")
    schema = known(a="string", prompt="integer", b="integer")
    found = gathered(schema, "a:=5", f"prompt=@{file}", texts=("b=5",))
    assert found == {"a": 5, "prompt": "5", "b": "5"}


def test_a_file_goes_into_a_list() -> None:
    file = Attachment(key="a", path=Path("x.png"))
    schema = Schema((Field("a", kinds=("array",), item=TEXT, is_media=True),))
    assert gathered(schema, "a=@x.png") == {"a": [file]}
    assert gathered(None, "a@x.png") == {"a": file}


def test_what_is_sent_otherwise_than_a_reader_would_think_is_told() -> None:
    told: list[str] = []
    gathered(known(a="integer", b="string", d="string"), "a=5", "b=5", "c=5", "d=text", told=told)
    assert told == [
        "a=5 is sent as 5, as the schema has it",
        "b=5 is sent as text, as the schema has it",
        "c=5 is sent as 5, not as text (for text: -t c=5)",
    ]
