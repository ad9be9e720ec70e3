"""Forty command lines with bare texts and aliases, and what each means; among them all that stays an error."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fal_cli import app
from fal_cli.context import Context
from fal_cli.terminal.terminal import Streams
from tests.catalog.conftest import Make
from tests.support.catalogue_server import NAMES, Catalogue, document_bytes

FLUX, LLM, VIDEO, SPEECH, TWO, NEW = (
    "fal-ai/flux/dev", "fal-ai/any-llm", "fal-ai/video-upscaler", "fal-ai/speech", "fal-ai/two", "mine/new",
)  # fmt: skip
CAT = {"prompt": "a cat"}
ALIASES = """
[aliases]
poster = "fal-ai/flux/dev image_size=portrait_4_3 num_images=2"
say = "fal-ai/speech"
"""
PROJECT = """
[aliases]
logo = "fal-ai/flux/dev seed=7"
poster = "fal-ai/flux/dev image_size=square"
"""

MEANT: list[tuple[list[str], dict[str, Any]]] = [
    ([FLUX, "a cat"], CAT),
    ([FLUX, "sunset"], {"prompt": "sunset"}),
    ([FLUX, "42"], {"prompt": "42"}),
    ([FLUX, "a cat", "seed=7"], CAT | {"seed": 7}),
    ([FLUX, "seed=7", "a cat"], CAT | {"seed": 7}),
    ([FLUX, "E=mc2 on a board"], {"prompt": "E=mc2 on a board"}),
    ([FLUX, "2+2=5 in neon"], {"prompt": "2+2=5 in neon"}),
    ([FLUX, "mail me @home"], {"prompt": "mail me @home"}),
    ([FLUX, "a sign that says x=1"], {"prompt": "a sign that says x=1"}),
    ([FLUX, "a board: y:=2"], {"prompt": "a board: y:=2"}),
    ([FLUX, "a {{color}} cat"], {"prompt": "a {{color}} cat"}),
    ([FLUX, "a \\@ sign"], {"prompt": "a \\@ sign"}),
    ([FLUX, " a cat "], {"prompt": " a cat "}),
    ([FLUX, "one\ntwo"], {"prompt": "one\ntwo"}),
    ([FLUX, "prompt=a cat"], CAT),
    ([FLUX, "prompt=E=mc2 on a board"], {"prompt": "E=mc2 on a board"}),
    ([FLUX, '{"prompt": "of the JSON"}', "a cat"], CAT),
    ([FLUX, "a cat", "my\\ note=x y"], CAT | {"my note": "x y"}),
    ([LLM, "tell me a joke"], {"prompt": "tell me a joke"}),
    ([SPEECH, "good morning"], {"text": "good morning"}),
    (["poster", "a cat"], {"image_size": "portrait_4_3", "num_images": 2} | CAT),
    (["poster", "a cat", "num_images=1"], {"image_size": "portrait_4_3", "num_images": 1} | CAT),
    (["poster", '{"num_images": 3}', "a cat"], {"image_size": "portrait_4_3", "num_images": 3} | CAT),
    (["say", "good morning"], {"text": "good morning"}),
    (["logo", "a cat"], {"seed": 7} | CAT),
]

REFUSED: list[tuple[list[str], int, str]] = [
    ([FLUX, "a", "cat"], 2, "2 words are not inputs"),
    ([FLUX, "a cat", "a dog"], 2, "2 words are not inputs"),
    ([FLUX, "a cat", "prompt=a dog"], 2, "prompt is given twice"),
    ([FLUX, "a cat", "-t", "prompt=a dog"], 2, "prompt is given twice"),
    ([FLUX, "seed"], 2, "seed is an input: seed=VALUE"),
    ([FLUX, "photo.jpg"], 2, "KEY=@photo.jpg"),
    ([FLUX, ""], 2, "expected key=value"),
    ([FLUX, "  "], 2, "this one is empty"),
    ([FLUX, "=a cat"], 2, "expected a key before"),
    ([FLUX, "@a cat"], 2, "cannot read a cat"),
    ([FLUX, "Prompt=a cat"], 4, "prompt"),
    ([FLUX, "-i", "a cat"], 2, "expected key=value"),
    ([VIDEO, "a cat"], 2, "this endpoint takes no prompt"),
    ([TWO, "a cat"], 2, "it may be one of"),
    ([NEW, "a cat"], 2, "are not known here; write KEY=TEXT, as in 'prompt=a cat'"),
    (["postre", "a cat"], 2, "fal alias set postre ENDPOINT"),
]


def speech(*required: str) -> bytes:
    """The document of an endpoint whose inputs are texts."""
    properties = {name: {"type": "string"} for name in (*required, "voice")}
    schema = {"type": "object", "properties": properties, "required": list(required)}
    content = {"application/json": {"schema": schema}}
    return json.dumps({"openapi": "3.0.4", "paths": {"/": {"post": {"requestBody": {"content": content}}}}}).encode()


@pytest.fixture
def api() -> Catalogue:
    documents = {endpoint: document_bytes(name) for endpoint, name in NAMES.items()}
    found = Catalogue(documents | {SPEECH: speech("text"), TWO: speech("lyrics_prompt", "style_prompt")})
    found.unlisted = {SPEECH, TWO}
    return found


@pytest.fixture
def env(run: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """A home with aliases, and as working folder a project with some and a picture."""
    config = tmp_path / "fal" / "config"
    config.mkdir(parents=True)
    (config / "config.toml").write_text(ALIASES)
    work = tmp_path / "project" / "deep"
    work.mkdir(parents=True)
    (work.parent / "fal.toml").write_text(PROJECT)
    (work / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    monkeypatch.chdir(work)
    return run().context.env


def told(env: Mapping[str, str], *words: str) -> tuple[int, str, str]:
    """Code, stdout and stderr of a command line that sends nothing."""
    stdout, stderr = io.BytesIO(), io.StringIO()
    context = Context(Streams(None, stdout, stderr, False, False, False), env)
    code = app.main([*words, "--dry-run"], context)
    return code, stdout.getvalue().decode(), stderr.getvalue()


def test_there_are_forty() -> None:
    assert len(MEANT) + len(REFUSED) >= 40


@pytest.mark.parametrize(("words", "sent"), MEANT, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_what_it_means(env: Mapping[str, str], words: list[str], sent: dict[str, Any]) -> None:
    code, stdout, stderr = told(env, "run", *words)
    assert code == 0, stderr
    assert json.loads(stdout) == sent


@pytest.mark.parametrize(
    ("words", "code", "shown"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_what_stays_an_error(env: Mapping[str, str], words: list[str], code: int, shown: str) -> None:
    found, stdout, stderr = told(env, "run", *words)
    assert (found, stdout) == (code, ""), stderr
    assert shown in stderr


def test_the_dry_run_says_what_an_alias_stands_for(env: Mapping[str, str]) -> None:
    assert "poster is fal-ai/flux/dev image_size=portrait_4_3 num_images=2\n" in told(env, "run", "poster", "a cat")[2]


def test_the_alias_of_a_project_is_told_each_time(env: Mapping[str, str]) -> None:
    assert told(env, "run", "logo", "a cat")[2].count("logo is fal-ai/flux/dev seed=7 (") == 1


@pytest.mark.parametrize("verb", ["submit", "stream"])
def test_other_verbs_read_the_same(env: Mapping[str, str], verb: str) -> None:
    code, stdout, _ = told(env, verb, "poster", "a cat", "num_images=1")
    assert (code, json.loads(stdout)) == (0, {"image_size": "portrait_4_3", "num_images": 1} | CAT)
