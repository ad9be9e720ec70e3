"""A filled home, and what the program offers in it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fal_cli.cli.completion import answer
from tests.support import filled_home as home

Offer = Callable[..., dict[str, str]]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return home.fill(tmp_path / "fal")


@pytest.fixture
def offer(env: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """What may stand at the last of the words, with the descriptions, in a folder with files."""
    folder = tmp_path / "files"
    folder.mkdir()
    home.make_files(folder)
    monkeypatch.chdir(folder)

    def offered(*words: str, **variables: str) -> dict[str, str]:
        return dict(answer.candidates(words, {"HOME": os.environ.get("HOME", "/")} | dict(env) | variables))

    return offered
