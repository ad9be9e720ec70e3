"""Completion: the generated files are current, and real shells offer what the table says."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fal_cli.completion import generate, scripts
from fal_cli.completion.answer import answer
from tests.conftest import Program

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


def _shell(program: Program, shell: str, script: str) -> list[str]:
    """What a real shell prints, with `fal` on its path."""
    executable = shutil.which(shell)
    if executable is None:
        pytest.skip(f"{shell} is not installed")
    folder = program.home / "bin"
    folder.mkdir()
    launcher = folder / "fal"
    launcher.write_text(f'#!/bin/sh\nexec {" ".join(program.argv)} "$@"\n')
    launcher.chmod(0o755)
    env = program.env | {"PATH": f"{folder}{os.pathsep}{program.env['PATH']}"}
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run([executable, *flags, "-c", script], capture_output=True, env=env, timeout=60, check=True)
    assert done.stderr == b""
    return done.stdout.decode().split("\n")


def test_bash(fal: Program) -> None:
    script = f"""source {COMPLETIONS / "fal.bash"}
        COMP_WORDS=(fal run --on-timeout ''); COMP_CWORD=3; _fal; printf '%s\\n' "${{COMPREPLY[@]}}"
        COMP_WORDS=(fal res); COMP_CWORD=1; _fal; printf '%s\\n' "${{COMPREPLY[@]}}" """
    assert _shell(fal, "bash", script)[:3] == ["detach", "cancel", "result"]


def test_fish(fal: Program) -> None:
    script = f'source {COMPLETIONS / "fal.fish"}; complete -C "fal sandbox s"; complete -C "fal run --on-timeout "'
    lines = [line.partition("\t")[0] for line in _shell(fal, "fish", script)]
    assert lines[:2] == ["serve", "stats"]
    assert {"detach", "cancel"} <= set(lines)


def test_zsh(fal: Program) -> None:
    """zsh completes only at its line editor, so it runs in a pseudo-terminal of zsh's own making."""
    script = f"""zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "PROMPT='> '; fpath=({COMPLETIONS} \\$fpath); autoload -U compinit; compinit -D -u; echo READY"
        zpty -r shell output '*READY*READY*'
        zpty -w -n shell $'fal sandbox res\\t'
        zpty -r shell output '*fal sandbox reset*'
        [[ $output == *'fal sandbox reset'* ]] && print offered"""
    assert _shell(fal, "zsh", script)[0] == "offered"
