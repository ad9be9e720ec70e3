"""Completion's generated files are current, and hold what is in the tree; `completion/` tests what is offered."""

import shutil
from pathlib import Path

import pytest

from fal_cli.cli import tree
from fal_cli.cli.completion import generate, scripts
from fal_cli.cli.completion.table import TABLE
from tests.conftest import Program

COMPLETIONS = Path(__file__).parents[2] / "completions"

# Values that are the user's own, of which nothing can be offered.
FREE = {"", "age", "duration", "moment", "url", "port", "tag", "header", "size"}


def test_the_generated_files_are_current() -> None:
    assert generate.stale(COMPLETIONS) == []


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    for name in scripts.FILES.values():
        shutil.copy(COMPLETIONS / name, tmp_path / name)
    (tmp_path / "_fal").write_text("old")
    assert generate.stale(tmp_path) == [tmp_path / "_fal"]


def test_every_kind_of_value_is_offered() -> None:
    from fal_cli.cli.completion.values import _OFFERS

    offered = {*_OFFERS, *generate._offered()}
    for command in tree.tree().walk():
        for one in (*command.arguments, *command.options):
            assert one.takes.choices or one.takes.value in offered | FREE, (command.path, one.takes.name)


def test_every_command_is_in_the_table() -> None:
    assert list(TABLE) == [command.path for command in tree.tree().walk()]


@pytest.mark.parametrize("shell", scripts.SHELLS)
def test_the_script_is_printed(fal: Program, shell: str) -> None:
    assert fal("completion", shell).stdout == (COMPLETIONS / scripts.FILES[shell]).read_bytes()


def test_powershell_has_every_word_in_itself() -> None:
    script = scripts.script("powershell")
    assert "'history show' = @(" in script
    assert "'--on-timeout'" in script
    assert script.count("{") == script.count("}")
