"""TAB in real shells, in a pseudo-terminal: what is seen, and what the program gets."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.completion import tour


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_tab(shell: str, env: Mapping[str, str], tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    prompt = tour.Prompt(shell, env, tmp_path)
    for place in tour.PLACES:
        prompt.tab(place)
        if place.words:
            prompt.enter(place)
    prompt.end()
