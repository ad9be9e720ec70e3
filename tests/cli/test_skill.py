"""The skill: short, true to the commands that there are, and put only where nobody else's file is."""

import re
import shlex
from pathlib import Path

import pytest

from fal_cli.cli import skill, tree
from fal_cli.cli.registry import VERBS
from fal_cli.kinds import AGAIN
from tests.support.command_lines import command_lines
from tests.support.in_process import call
from tests.support.tokens import tokens

COMMANDS = {command.path: command for command in tree.tree().walk()}


def test_it_is_at_most_1500_tokens() -> None:
    assert tokens(skill.text()) <= 1500


@pytest.mark.parametrize("with_batch", [False, True])
def test_every_command_line_is_one_of_the_tree(with_batch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command or an option that is renamed makes the page wrong, and this fails."""
    if with_batch and "batch" not in VERBS:
        pytest.skip("there is no batch")
    lines = list(command_lines(skill.text()))
    assert len(lines) >= 12
    for line in lines:
        words = shlex.split(line)[1:]
        path = next(path for path in (" ".join(words[:2]), words[0]) if path in COMMANDS)
        known = {
            name for command in (COMMANDS[path], COMMANDS[""]) for option in command.options for name in option.names
        }
        used = {word for word in words if re.fullmatch(r"-[a-z]|--[a-z-]+", word)}
        assert used <= known, line


def test_it_says_what_the_program_says() -> None:
    page = " ".join(skill.text().split())
    for word, meaning in AGAIN.items():
        assert f"`{word}`: {meaning}" in page
    once = next(option for option in COMMANDS["run"].options if option.takes.name == "--once")
    assert once.takes.help in page
    assert VERBS["history"].help in page
    assert ("fal batch" in page) == ("batch" in VERBS)


def test_an_option_that_is_gone_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    run = COMMANDS["run"]
    kept = tuple(option for option in run.options if option.takes.name != "--max-cost")
    monkeypatch.setattr(tree, "tree", lambda words: run._replace(options=kept, commands=()))
    with pytest.raises(KeyError, match="--max-cost"):
        skill.text()


def test_it_begins_as_skills_do() -> None:
    head = skill.text().split("---\n")[1]
    assert head.startswith("name: fal\ndescription: ")
    assert len(head.partition("description: ")[2].strip()) <= 1024


def test_it_is_written_where_agents_look(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "FAL_CLI_HOME": str(tmp_path / "fal")}
    places = [tmp_path / folder / "skills" / "fal" / "SKILL.md" for folder in (".agents", ".claude")]
    first = call(env, "skill", "install")
    assert first.lines == [{"path": str(path), "written": True} for path in places]
    assert {path.read_text("utf-8") for path in places} == {call(env, "skill").value["text"]}
    assert [line["written"] for line in call(env, "skill", "install").lines] == [False, False]


def test_an_older_one_is_replaced_and_a_strangers_is_not(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "FAL_CLI_HOME": str(tmp_path / "fal")}
    path = tmp_path / "skills" / "fal" / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_text(f"old\n{skill.MARK}\n", "utf-8")
    install = ("skill", "install", "--dir", str(tmp_path / "skills"))
    assert call(env, *install).value == {"path": str(path), "written": True}
    path.write_text("mine\n", "utf-8")
    refused = call(env, *install, code=2)
    assert "--force" in refused.end["hint"]
    assert path.read_text("utf-8") == "mine\n"
    call(env, *install, "--force")
    assert path.read_text("utf-8") == skill.text()


def test_a_strangers_file_at_one_place_leaves_all_as_they_are(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "FAL_CLI_HOME": str(tmp_path / "fal")}
    path = tmp_path / ".claude" / "skills" / "fal" / "SKILL.md"
    path.parent.mkdir(parents=True)
    path.write_text("mine\n", "utf-8")
    call(env, "skill", "install", code=2)
    assert not (tmp_path / ".agents").exists()
