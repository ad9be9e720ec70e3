"""`--literal` and `--files`: a stranger's text is the text that it is, and names no file that it may not."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import fal_cli.inputs.json_faults  # noqa: F401  # so that no import is among what is opened
from fal_cli.errors import UsageError
from fal_cli.files.attachment import Attachment
from fal_cli.inputs.bare import placed
from fal_cli.inputs.gather import gather
from fal_cli.inputs.literals import literals
from fal_cli.inputs.reach import Reach, reach
from fal_cli.inputs.stdin import Stdin
from fal_cli.inputs.typed import typed
from fal_cli.schema import Schema, read
from tests.support.catalogue_server import document
from tests.support.hostile import texts

LITERAL = Reach(is_literal=True)
COUNT = 10_000
_opened: list[str] | None = None


def _hear(event: str, values: tuple[Any, ...]) -> None:
    if _opened is not None and event in ("open", "os.listdir", "os.scandir"):
        _opened.append(str(values[0]))


sys.addaudithook(_hear)


@pytest.fixture
def opened() -> Any:
    """What this process opens."""
    global _opened
    _opened = []
    yield _opened
    _opened = None


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "canary.json"
    path.write_text('{"stolen": true}')
    return path


def inputs(*words: str, schema: Schema | None = None, reach: Reach = LITERAL) -> dict[str, Any]:
    """The input object of words, on a closed stdin."""
    stdin = Stdin(None, is_terminal=False, say=lambda text: None)
    return typed(gather(words, (), stdin, base={}, reach=reach), stdin, schema=schema, reach=reach).input_json


@pytest.fixture(scope="module")
def flux() -> Schema:
    return read(document("flux_dev"), "fal-ai/flux/dev")


def test_ten_thousand_texts_arrive_as_they_are(secret: Path, flux: Schema, opened: list[str]) -> None:
    inputs("seed=1", schema=flux)  # what is imported is imported by now
    opened.clear()
    arrived = 0
    for text in texts(COUNT, str(secret)):
        try:
            found = inputs(f"prompt={text}", f"x={text}", f"seed={text}", f"image_size={text}", schema=flux)
        except UsageError:
            with pytest.raises(UnicodeEncodeError):
                text.encode()  # half of a character, which nobody can send
            continue
        arrived += 1
        assert (found["prompt"], found["x"]) == (text, text)
        for key in ("seed", "image_size"):
            assert found[key] == text or found[key] == json.loads(text)
        assert not any(isinstance(value, Attachment) for value in found.values())
        assert literals(flux, {"image_url": text}, LITERAL) == [] or not literals(flux, {"x": text}, LITERAL)
    assert arrived > COUNT * 0.8
    assert opened == []


@pytest.mark.parametrize(
    "word", ["@{path}", "{path}", "@canary.json", "x:=@{path}", 'x:=["@{path}"', "{{path}}", "@-", "prompt", "=x"]
)
def test_a_whole_word_of_a_stranger_reads_nothing(word: str, secret: Path, opened: list[str]) -> None:
    with pytest.raises(UsageError):
        inputs(word.replace("{path}", str(secret)))
    assert opened == []


def test_json_is_still_json() -> None:
    assert inputs('{"a": "@x"}', 'b:={"c": "{{x}}"}', "d.e=@x") == {"a": "@x", "b": {"c": "{{x}}"}, "d": {"e": "@x"}}


def test_an_at_in_a_key_is_a_letter() -> None:
    assert inputs("a@b=c") == {"a@b": "c"}


def test_a_bare_word_is_the_prompt_and_no_file_is_looked_for(secret: Path, flux: Schema, opened: list[str]) -> None:
    stdin = Stdin(None, is_terminal=False, say=lambda text: None)
    for word in (str(secret.with_suffix("")), "mail me @home", "say {{seed}}"):
        (secret.parent / "canary").touch()
        gathered = gather([word], (), stdin, base={}, reach=LITERAL, may_be_bare=[word])
        opened.clear()
        assert typed(placed(gathered, flux, reach=LITERAL), stdin, schema=flux, reach=LITERAL).input_json == {
            "prompt": word
        }
        assert opened == []


def test_what_an_alias_sets_keeps_its_meaning(secret: Path) -> None:
    stdin = Stdin(None, is_terminal=False, say=lambda text: None)
    gathered = gather(["x=@y"], (), stdin, base={}, reach=LITERAL, presets=[f"prompt=@{secret}", "seed=7"])
    found = typed(gathered, stdin, reach=LITERAL)
    assert found.input_json == {"prompt": secret.read_text(), "seed": 7, "x": "@y"}
    assert found.given["seed"] == 7


def test_nothing_is_said_of_what_is_there(secret: Path, flux: Schema) -> None:
    (told,) = literals(None, {"image_url": str(secret)}, LITERAL)
    (missing,) = literals(None, {"image_url": f"{secret}x"}, LITERAL)
    assert str(told).replace(str(secret), "P") == str(missing).replace(f"{secret}x", "P")


class TestFiles:
    @pytest.fixture
    def inside(self, tmp_path: Path) -> Path:
        folder = tmp_path / "in"
        folder.mkdir()
        (folder / "a.json").write_text('{"a": 1}')
        return folder

    def test_a_file_in_the_folder(self, inside: Path) -> None:
        within = reach(str(inside), is_literal=False)
        assert inputs(f"@{inside}/a.json", reach=within) == {"a": 1}
        assert inputs(f"prompt=@{inside}/a.json", reach=within) == {"prompt": '{"a": 1}'}
        attached = inputs(f"image_url=@{inside}/a.json", reach=within)["image_url"]
        assert (attached.path, attached.name) == (inside / "a.json", "a.json")

    @pytest.mark.parametrize("word", ["@{}", "prompt=@{}", "image_url=@{}", "image_url@{}", "x:=@{}", "{}"])
    @pytest.mark.parametrize(
        "form", ["{path}", "{inside}/../canary.json", "{inside}/link.json", "{inside}/up/canary.json"]
    )
    def test_a_file_outside_of_it(self, inside: Path, secret: Path, word: str, form: str, opened: list[str]) -> None:
        (inside / "link.json").symlink_to(secret)
        (inside / "up").symlink_to(secret.parent)
        path = form.format(path=secret, inside=inside)
        opened.clear()
        with pytest.raises(UsageError) as told:
            inputs(word.replace("{}", path), reach=reach(str(inside), is_literal=False))
        assert told.value.kind == "outside_files"
        assert opened == []

    def test_one_that_is_not_there_is_told_alike(self, inside: Path, secret: Path) -> None:
        messages = set()
        for path in (secret, secret.with_name("gone.json")):
            with pytest.raises(UsageError) as told:
                inputs(f"x@{path}", reach=reach(str(inside), is_literal=False))
            messages.add(told.value.message.replace(str(path), "P"))
        assert len(messages) == 1

    def test_no_hint_at_what_is_outside(self, inside: Path, secret: Path) -> None:
        within = reach(str(inside), is_literal=False)
        assert within.file_there(str(secret)) == ""
        assert within.file_there(str(inside / "a.json"))

    def test_a_folder_that_is_none(self, tmp_path: Path, secret: Path) -> None:
        for folder in (secret, tmp_path / "gone"):
            with pytest.raises(UsageError, match="not a folder"):
                reach(str(folder), is_literal=False)
