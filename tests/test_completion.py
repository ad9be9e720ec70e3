"""Completion: the generated files are current, and real shells offer what the table says."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fal_cli.completion import generate, scripts
from fal_cli.completion.answer import answer
from tests.conftest import Program
from tests.terminal_screen import Screen

COMPLETIONS = Path(__file__).parents[1] / "completions"


def test_the_generated_files_are_current() -> None:
    assert generate.stale(COMPLETIONS) == []


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    for name in scripts.FILES.values():
        shutil.copy(COMPLETIONS / name, tmp_path / name)
    (tmp_path / "_fal").write_text("old")
    assert generate.stale(tmp_path) == [tmp_path / "_fal"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        pytest.param(["ru"], ["run"], id="verb"),
        pytest.param(["sandbox", "s"], ["serve", "stats"], id="subverb"),
        pytest.param(["--sandbox", "sta"], ["status"], id="after-a-flag"),
        pytest.param(["--profile", "run", "can"], ["cancel"], id="a-value-is-no-verb"),
        pytest.param(["run", "x/y", "--on-t"], ["--on-timeout"], id="option"),
        pytest.param(["run", "--on-timeout", ""], ["detach", "cancel"], id="choice"),
        pytest.param(["run", "--on-timeout=c"], ["--on-timeout=cancel"], id="choice-after-equals"),
        pytest.param(["completion", "f"], ["fish"], id="argument"),
        pytest.param(["run", "fal-ai/"], [], id="nothing"),
        pytest.param(["nonsense", "\udcff"], [], id="nonsense"),
    ],
)
def test_answers(words: list[str], offered: list[str]) -> None:
    assert [line.partition("\t")[0] for line in answer(words)] == offered


def test_hidden_verbs_are_not_offered() -> None:
    assert not [line for line in answer([""]) if line.startswith("subscribe")]


def test_the_script_is_printed(fal: Program) -> None:
    for shell, name in scripts.FILES.items():
        assert fal("completion", shell).stdout == (COMPLETIONS / name).read_bytes()


def _path_with_fal(program: Program) -> dict[str, str]:
    """An environment in which `fal` is the program under test."""
    folder = program.home / "bin"
    folder.mkdir()
    launcher = folder / "fal"
    launcher.write_text(f'#!/bin/sh\nexec {" ".join(program.argv)} "$@"\n')
    launcher.chmod(0o755)
    return program.env | {"PATH": f"{folder}{os.pathsep}{program.env['PATH']}"}


def _executable(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


def _printed(program: Program, shell: str, flag: str, script: str) -> list[str]:
    argv = [_executable(shell), flag, "-c", script]
    done = subprocess.run(argv, capture_output=True, env=_path_with_fal(program), timeout=60, check=True)
    assert done.stderr == b""
    return done.stdout.decode().split("\n")


def test_bash(fal: Program) -> None:
    script = f"""source {COMPLETIONS / "fal.bash"}
        COMP_WORDS=(fal run --on-timeout ''); COMP_CWORD=3; _fal; printf '%s\\n' "${{COMPREPLY[@]}}"
        COMP_WORDS=(fal res); COMP_CWORD=1; _fal; printf '%s\\n' "${{COMPREPLY[@]}}" """
    assert _printed(fal, "bash", "--norc", script)[:3] == ["detach", "cancel", "result"]


def test_fish(fal: Program) -> None:
    script = f'source {COMPLETIONS / "fal.fish"}; complete -C "fal sandbox s"; complete -C "fal run --on-timeout "'
    lines = [line.partition("\t")[0] for line in _printed(fal, "fish", "--no-config", script)]
    assert lines[:2] == ["serve", "stats"]
    assert {"detach", "cancel"} <= set(lines)


@pytest.mark.parametrize(
    ("shell", "flags", "setup"),
    [
        ("bash", ["--norc", "--noprofile", "-i"], f"source {COMPLETIONS / 'fal.bash'}"),
        ("zsh", ["-f", "-i"], f"fpath=({COMPLETIONS} $fpath); autoload -U compinit; compinit -D -u"),
    ],
)
def test_tab_at_a_real_prompt(fal: Program, shell: str, flags: list[str], setup: str) -> None:
    screen = Screen([_executable(shell), *flags], _path_with_fal(fal), columns=120)
    screen.press(f"PS1='ready'' > '; {setup}\r".encode())
    screen.until(lambda text: "ready >" in text)
    screen.press(b"fal sandbox res\t")
    screen.until(lambda text: "fal sandbox reset" in text)
    screen.end()
