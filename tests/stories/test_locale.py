"""Text is UTF-8 wherever the program runs; a file's name may be any bytes."""

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Program

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ECHO = ("run", "sandbox/echo", "sandbox.queue=0", "sandbox.run=0")


def word(text: str) -> str:
    """A word as the shell hands it over: bytes of UTF-8."""
    return os.fsdecode(text.encode())


def test_an_input_under_a_locale_that_knows_ascii_alone(served: Program) -> None:
    done = served(*ECHO, word("prompt=Sabão"), "-t", word("text=日本"), env=ASCII)
    assert json.loads(done.stdout) == {"prompt": "Sabão", "text": "日本"}


def test_a_file_under_such_a_locale(served: Program, tmp_path: Path) -> None:
    path = tmp_path / "ação.txt"
    path.write_text("uma história")
    assert json.loads(served(*ECHO, word(f"prompt=@{path}"), env=ASCII).stdout) == {"prompt": "uma história"}


def test_case_is_ignored_beyond_ascii(served: Program) -> None:
    served("submit", "sandbox/echo", "prompt=ÉCLAIR", "sandbox.run=0")
    served("submit", "sandbox/echo", "prompt=cake", "sandbox.run=0")
    (found,) = served("history", "--search", "éclair").stdout.splitlines()
    assert json.loads(found)["input"]["prompt"] == "ÉCLAIR"


def test_a_name_of_any_bytes_is_written(served: Program, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"a\xffb")
    served("run", "fal-ai/flux/dev", "prompt=x", "image_size.width=32", "image_size.height=32", "sandbox.run=0",
           "-d", f"{folder}/")  # fmt: skip
    assert [path.suffix for path in folder.iterdir()] == [".jpg"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("models", os.fsdecode(b"a\xff")), "not valid UTF-8"),
        ((*ECHO, os.fsdecode(b"prompt=\xff")), "not valid UTF-8"),
        (("history", "--search", os.fsdecode(b"\xff")), "not valid UTF-8"),
    ],
)
def test_what_has_to_be_text_is_refused_with_a_sentence(served: Program, words: tuple[str, ...], told: str) -> None:
    assert told in served(*words, code=2).stderr


def test_a_file_of_settings_that_is_nested_too_deep(served: Program) -> None:
    path = Path(served.env["FAL_CLI_HOME"]) / "config" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"a = {'[' * 5000}{']' * 5000}\n")
    assert "nested too deep" in served(*ECHO, "n=1", code=2).stderr
