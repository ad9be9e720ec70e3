"""What knows an endpoint's inputs has a say in what `key=value` and uploads give; all else is as without it."""

import io
from pathlib import Path
from typing import Any

from fal_cli.inputs.attachment import Attachment
from fal_cli.inputs.gather import UNKNOWN, gather
from fal_cli.inputs.stdin import Stdin


class Knowing:
    """Answers what it was given to answer and notes what it was asked."""

    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[tuple[tuple[str, ...], object]] = []

    def __call__(self, path: tuple[str, ...], value: str | Attachment) -> object:
        self.asked.append((path, value))
        return self.answers.get(path[0], UNKNOWN)


def gathered(knowing: Knowing, *words: str, texts: tuple[str, ...] = (), told: list[str] | None = None) -> Any:
    stdin = Stdin(io.BytesIO(), is_terminal=True, say=print)
    said = [] if told is None else told
    return gather(words, texts, stdin, tell_guess=said.append, type_value=knowing)


def test_its_answer_is_the_value() -> None:
    assert gathered(Knowing(a=[1], b="5", c=None), "a=x", "b=5", "c=null") == {"a": [1], "b": "5", "c": None}


def test_where_it_does_not_know_the_guess_holds() -> None:
    assert gathered(Knowing(), "a=5", "b=true", "prompt=5") == {"a": 5, "b": True, "prompt": "5"}


def test_it_hears_of_the_path_as_it_was_meant_and_of_the_plain_text() -> None:
    knowing = Knowing()
    gathered(knowing, r"a\.b.c[0][]=1=2", r"d=\@x", r"e=\{{y}}")
    assert knowing.asked == [(("a.b", "c", "0", ""), "1=2"), (("d",), "@x"), (("e",), "{{y}}")]


def test_it_is_not_asked_about_json_files_of_text_or_raw_text(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("5")
    knowing = Knowing(a="no", prompt="no", b="no")
    found = gathered(knowing, "a:=5", f"prompt=@{file}", texts=("b=5",))
    assert found == {"a": 5, "prompt": "5", "b": "5"}
    assert knowing.asked == []


def test_it_may_put_a_file_into_a_list() -> None:
    file = Attachment(key="a", path=Path("x.png"))
    assert gathered(Knowing(a=[file]), "a=@x.png") == {"a": [file]}
    assert gathered(Knowing(), "a@x.png") == {"a": file}


def test_what_is_sent_otherwise_than_a_reader_would_think_is_told() -> None:
    told: list[str] = []
    gathered(Knowing(a=5, b="5", d="text"), "a=5", "b=5", "c=5", "d=text", told=told)
    assert told == [
        "a=5 is sent as 5, as the schema has it",
        "b=5 is sent as text, as the schema has it",
        "c=5 is sent as 5, not as text (for text: -t c=5)",
    ]
