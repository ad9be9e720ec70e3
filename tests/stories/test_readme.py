"""What the README says works: each of its recipes, on the sandbox, in a home of its own."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from fal_cli.cli import registry
from fal_cli.cli.completion.walk import place
from tests.conftest import SECONDS, Program

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
RECIPES = README.partition("## Recipes")[2].partition("\n## ")[0]
SCRIPTS = re.findall(r"^```sh\n(.*?)^```$", RECIPES, re.MULTILINE | re.DOTALL)
MADE = {"-o cat.png": ["cat.png"], "photo.jpg": ["big.png"], "bigger.png": ["bigger.png"]}
_CALL = re.compile(r"(?:^|\| *|\$\(|do +)(?:FAL_\w+=(?:'[^']*'|\S+) +)*fal ([^|;)#\n]+)", re.MULTILINE)


@pytest.fixture
def folder(fal: Program, tmp_path: Path) -> Path:
    """A folder with the files that the recipes use, and `fal` on the path."""
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "photo.jpg")
    (tmp_path / "prompts.txt").write_text("a cat\n@home, 7\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    for path, text in (
        (programs / "fal", f'exec {shlex.join([sys.executable, "-m", "fal_cli"])} "$@"'),
        (tmp_path / "my-script.sh", 'fal run sandbox/echo prompt="a cat"'),
    ):
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.split("\n")[0][:40])
def test_a_recipe(fal: Program, folder: Path, script: str) -> None:
    env = fal.env | {"FAL_SANDBOX": "1", "PATH": f"{folder / 'bin'}:{fal.env['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=env,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    for words, names in MADE.items():
        for name in names if words in script else ():
            assert (folder / name).stat().st_size
    if "out/" in script:
        assert len(list((folder / "out").glob("*.jpg"))) == 2
    if "--print urls" in script:
        assert re.fullmatch(rb"[\w-]+\n?(https?://\S+\n)|https?://\S+\n", done.stdout)


def test_there_are_eight_recipes_and_the_page_fits_its_limit() -> None:
    assert len(SCRIPTS) == 8
    assert README.count("\n") <= 150


def test_every_call_names_a_command_and_options_that_there_are() -> None:
    found = [shlex.split(call) for call in _CALL.findall("\n".join([*SCRIPTS, *re.findall(r"`(fal [^`]+)`", README)]))]
    assert len(found) > 15
    for words in found:
        here = place(words)
        assert here.path or words[0].startswith("-") or words[0] == "VERB", words
        assert all(here.option(name) for name in here.options), words


def test_it_lists_the_commands_as_help_does() -> None:
    rows = re.findall(r"^\| ([\w ]+) \| ((?:`\w+` ?)+)\|$", README, re.MULTILINE)
    assert {title: tuple(re.findall(r"\w+", names)) for title, names in rows} == registry.GROUPS


def test_its_links_lead_to_files() -> None:
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", README) if not target.startswith("http")]
    assert all((ROOT / target).is_file() for target in targets), targets
    manual = {path.name for path in (ROOT / "fal_cli/cli/manual").iterdir()}
    assert {Path(target).name for target in targets if "manual/" in target} == manual
