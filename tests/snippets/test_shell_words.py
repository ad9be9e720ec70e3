"""The command line of `fal` itself: a shell splits it into the words that were meant, and they mean the same call."""

import io
import json
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fal_cli.api.call_options import CallOptions
from fal_cli.api.hosts import Hosts
from fal_cli.calls.model import Call
from fal_cli.endpoint import parse_target
from fal_cli.files.attachment import Attachment
from fal_cli.inputs.stdin import Stdin
from fal_cli.schema import Field, Schema
from fal_cli.snippets import shell
from fal_cli.snippets.snippet import File, Script
from tests.support.inputs import gather
from tests.support.json_values import NASTY, objects, script, texts

PHOTO = Attachment(key="image_url", path=Path("photo.jpg"))


def gathered(words: list[str]) -> dict[str, Any]:
    """What `fal` makes of the words after the endpoint."""
    items, raw = [], []
    rest = iter(words)
    for word in rest:
        if word == "-t":
            raw.append(next(rest))
        else:
            items.append(word)
    return gather(items, raw, Stdin(io.BytesIO(b"{}"), is_terminal=True, say=print))


def words_of(value: dict[str, Any]) -> list[str]:
    return shell.words(script(value))[2:]


@settings(deadline=None)
@given(objects)
def test_the_words_mean_the_same_input(value: dict[str, Any]) -> None:
    found = gathered(words_of(value))
    assert found == value
    assert json.dumps(found, sort_keys=True) == json.dumps(value, sort_keys=True), "1 is not 1.0, nor true"


@settings(deadline=None)
@given(objects)
def test_the_line_is_one_line_and_splits_into_the_words(value: dict[str, Any]) -> None:
    written = script(value, hint="it's", webhook="https://x.example/?a=1&b=$2")
    line = shell.write(written)
    assert line.count("\n") == 1
    assert shlex.split(line) == ["fal", *shell.words(written)]


@pytest.mark.parametrize("program", ["sh", "bash", "zsh"])
@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(examples=st.lists(objects, min_size=1, max_size=30))
def test_a_real_shell_splits_it_so(program: str, examples: list[dict[str, Any]]) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    lines = ["fal() { printf '%s\\0' \"$@\"; printf '\\036\\0'; }", *(shell.write(script(value)) for value in examples)]
    done = subprocess.run([program, "-s"], input="\n".join(lines).encode(), capture_output=True, check=True)
    calls = done.stdout.decode().split("\x1e\0")[:-1]
    assert [call.split("\0")[:-1] for call in calls] == [shell.words(script(value)) for value in examples]


@settings(deadline=None)
@given(texts)
@example("!")
def test_any_word_is_quoted(text: str) -> None:
    for word in (text, f"key={text}", f"a.b:={text}", f"key=@{text}"):
        assert shlex.split(shell.quoted(word)) == [word]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        pytest.param({"prompt": "a cat", "seed": 7}, "prompt='a cat' seed=7", id="text and number"),
        pytest.param({"prompt": "it's"}, 'prompt="it\'s"', id="an apostrophe"),
        pytest.param({"prompt": "12"}, "prompt=12", id="a text key"),
        pytest.param({"version": "12", "on": "true"}, "-t version=12 -t on=true", id="texts that look like JSON"),
        pytest.param({"prompt": 12}, "prompt:=12", id="a number in a text key"),
        pytest.param({"a": True, "b": None, "c": 1.5, "d": 1e22}, "a=true b=null c=1.5 d:=1e+22", id="JSON"),
        pytest.param({"a": "", "b": [], "c": {}}, "a='' b:='[]' c:='{}'", id="nothing of each kind"),
        pytest.param({"size": {"w": 1, "h": {"x": 2}}}, "size.w=1 size.h.x=2", id="objects in objects"),
        pytest.param(
            {"loras": [{"path": "p", "scale": 0.5}]}, "loras.0.path=p loras.0.scale=0.5", id="objects in a list"
        ),
        pytest.param({"tags": ["a", "b c"]}, """tags:='["a", "b c"]'""", id="a list of texts"),
        pytest.param({"a": {"b c": 1}}, """a:='{"b c": 1}'""", id="an odd name within"),
        pytest.param({"a.b": 1, "a b": 2}, "'a\\.b=1' 'a b=2'", id="odd names"),
        pytest.param({"": 1}, """'{"": 1}'""", id="no name"),
        pytest.param({"prompt": "one\ntwo"}, """prompt:='"one\\ntwo"'""", id="two lines"),
        pytest.param({"prompt": "@home"}, "prompt='\\@home'", id="no file"),
        pytest.param({"prompt": "{{x}}"}, "prompt='\\{{x}}'", id="no expression"),
        pytest.param({"prompt": "a {{x}}"}, "-t prompt='a {{x}}'", id="nor within"),
    ],
)
def test_it_is_what_one_would_type(value: dict[str, Any], line: str) -> None:
    expected = f"fal run sandbox/echo {line}\n"
    assert shell.write(script(value)) == expected
    assert gathered(shlex.split(line)) == value


def with_files(value: dict[str, Any], schema: Schema | None = None, **files: Attachment) -> list[str]:
    known = {file: File(str(file.path), "image/jpeg", name) for name, file in files.items()}
    call = Call(parse_target("a/b"), value, CallOptions())
    return shell.words(Script("run", call, known, Hosts(), schema=schema))[2:]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param({"image_url": PHOTO}, ["image_url=@photo.jpg"], id="a file"),
        pytest.param({"prompt": PHOTO}, ["prompt@photo.jpg"], id="a file in a text key"),
        pytest.param({"a": [PHOTO, "x"]}, ["a.0=@photo.jpg", "a.1=x"], id="in a list"),
        pytest.param({"a": [{"u": PHOTO, "n": 1}]}, ["a.0.u=@photo.jpg", "a.0.n=1"], id="in an object"),
        pytest.param(
            {"a": {"": 1, "u": [2, PHOTO]}}, ['a:={"": 1, "u": [2, null]}', "a.u.1=@photo.jpg"], id="beside odd names"
        ),
        pytest.param({"a b": {"c.d": PHOTO}}, ['a b:={"c.d": null}', "a b.c\\.d=@photo.jpg"], id="under odd names"),
    ],
)
def test_files_stay_files(value: dict[str, Any], words: list[str]) -> None:
    assert with_files(value, photo=PHOTO) == words
    found = gathered(words)
    assert json.dumps(found, default=lambda file: str(file.path)) == json.dumps(
        value, default=lambda file: str(file.path)
    )


def test_a_file_is_uploaded_by_whatever_word_the_schema_needs_for_it() -> None:
    part = Field("content", ("string",))
    messages = Field("messages", ("array",), item=Field("", ("object",), properties=(part,)))
    media = (Field("text", ("string",), is_media=True), Field("prompt", ("string",), is_media=True))
    schema = Schema((Field("lyrics", ("string",)), messages, *media))
    value = {"lyrics": PHOTO, "messages": [{"content": PHOTO}], "text": PHOTO, "prompt": PHOTO, "image_url": PHOTO}
    words = ["lyrics@photo.jpg", "messages.0.content@photo.jpg", "text=@photo.jpg", "prompt=@photo.jpg",
             "image_url=@photo.jpg"]  # fmt: skip
    assert with_files(value, schema, photo=PHOTO) == words
    read = gather(words, [], Stdin(io.BytesIO(b""), is_terminal=True, say=print), schema=schema)
    assert [file.path for file in (read["lyrics"], read["messages"][0]["content"], read["text"])] == [PHOTO.path] * 3


def test_what_a_schema_will_make_of_the_words_is_known() -> None:
    """`7` that is to be a number is no text, and a text is no number, whatever the rules for a guess say."""

    text = Field("x", kinds=("string",))
    schema = Schema(
        (Field("text_like", kinds=("object",), properties=(text,)), Field("number_like", kinds=("number",)))
    )
    value = {"text_like": {"x": 7}, "number_like": "7", "prompt": 7}
    written = replace(script(value), schema=schema)
    assert shell.words(written)[2:] == ["text_like.x:=7", "-t", "number_like=7", "prompt:=7"]
    value = {"text_like": {"x": "7"}, "number_like": 7}
    written = replace(script(value), schema=schema)
    assert shell.words(written)[2:] == ["text_like.x=7", "number_like=7"]


def test_a_call_that_no_schema_was_asked_about() -> None:
    call = Call(parse_target("a/b"), {"x": 1}, CallOptions(), is_unchecked=True)
    assert shell.write(Script("run", call, {}, Hosts())) == "fal run a/b x=1 --no-validate\n"


def test_all_options() -> None:
    written = script(
        {"prompt": "x"},
        verb="submit",
        priority="low",
        hint="warm 7",
        start_timeout=90.5,
        webhook="https://x.example/?a=1",
        max_queue=0,
        no_server_retry=True,
        no_store=True,
        expires="1h",
        tags={"team": "kites", "who": "it's"},
        headers={"X-A": "b: c"},
        method="put",
    )
    assert shell.write(written) == (
        "fal submit sandbox/echo prompt=x --priority low --hint 'warm 7' --start-timeout 90.5s"
        " --webhook 'https://x.example/?a=1' --max-queue 0 --expires 1h --method put --tag team=kites"
        " --tag who=\"it's\" -H 'X-A: b: c' --no-server-retry --no-store\n"
    )


@pytest.mark.parametrize("text", NASTY)
def test_every_nasty_text_in_every_kind_of_key(text: str) -> None:
    value = {"prompt": text, "seed": text, "a": {"text": text}, "list": [text], text or "none": 1}
    assert gathered(words_of(value)) == value
