"""`fal completion install`: each script where its shell looks for it, once."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fal_cli.cli.completion import install, scripts
from tests.conftest import Program

PLACES = {
    "bash": [".local/share/bash-completion/completions/fal", ".local/share/bash-completion/completions/fal-cli"],
    "zsh": [".local/share/zsh/site-functions/_fal"],
    "fish": [".config/fish/completions/fal.fish", ".config/fish/completions/fal-cli.fish"],
}


@pytest.mark.parametrize("shell", PLACES)
def test_each_script_has_its_place(fal: Program, shell: str) -> None:
    done = fal("completion", "install", shell)
    for name in PLACES[shell]:
        path = fal.home / name
        assert path.read_text("utf-8") == scripts.script(shell)
        assert f"wrote {path}" in done.stderr
    assert done.stdout == b""


def test_once_is_enough(fal: Program) -> None:
    fal("completion", "install", "fish")
    path = fal.home / PLACES["fish"][0]
    before = path.stat().st_mtime_ns
    done = fal("completion", "install", "fish")
    assert f"{path} already exists" in done.stderr
    assert path.stat().st_mtime_ns == before


def test_an_older_one_is_replaced(fal: Program) -> None:
    path = fal.home / PLACES["fish"][0]
    path.parent.mkdir(parents=True)
    path.write_text(f"{scripts.MARK} fish, long ago\n")
    fal("completion", "install", "fish")
    assert path.read_text("utf-8") == scripts.script("fish")


def test_a_strangers_file_is_left_alone(fal: Program) -> None:
    path = fal.home / PLACES["fish"][0]
    path.parent.mkdir(parents=True)
    path.write_text("complete -c fal\n")
    done = fal("completion", "install", "fish", code=2)
    assert "was not written by fal" in done.stderr
    assert path.read_text() == "complete -c fal\n"
    fal("completion", "install", "fish", "--force")
    assert path.read_text("utf-8") == scripts.script("fish")


def test_a_folder_that_cannot_be_made(fal: Program) -> None:
    (fal.home / ".config").write_text("a file")
    done = fal("completion", "install", "fish", code=1)
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr


def test_powershell_is_told_what_to_add(fal: Program) -> None:
    done = fal("completion", "install", "powershell")
    assert done.text == "fal completion powershell | Out-String | Invoke-Expression\n"
    assert "$PROFILE" in done.stderr


def test_the_shell_is_found_out(fal: Program) -> None:
    script = f"{' '.join(fal.argv)} completion install; true"
    done = subprocess.run(["bash", "--norc", "-c", script], env=fal.env, capture_output=True, check=True)
    assert b"bash-completion/completions/fal" in done.stderr


def test_an_unknown_shell_is_asked_for(fal: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    from fal_cli.errors import UsageError

    monkeypatch.setattr(install, "_of_parents", lambda: "")
    with pytest.raises(UsageError, match="'tcsh'"):
        install.current_shell({"SHELL": "/bin/tcsh"})
    with pytest.raises(UsageError, match="cannot tell which shell"):
        install.current_shell({})
    assert install.current_shell({"SHELL": "/usr/bin/zsh"}) == "zsh"


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
class TestZsh:
    def test_its_own_folders_are_preferred(self, fal: Program) -> None:
        own = fal.home / ".zsh" / "completions"
        own.mkdir(parents=True)
        (fal.home / ".zshrc").write_text(f"fpath=({own} $fpath)\n")
        done = fal("completion", "install", "zsh")
        assert (own / "_fal").exists()
        assert ".zshrc" not in done.stderr

    def test_else_the_line_to_add_is_told_and_works(self, fal: Program) -> None:
        done = fal("completion", "install", "zsh")
        lines = [line for line in done.stderr.splitlines() if line.startswith("  ")]
        assert len(lines) == 2
        (fal.home / ".zshrc").write_text("\n".join(lines).replace("&& compinit", "&& compinit -u") + "\n")
        asked = subprocess.run(
            ["zsh", "-i", "-c", "print -r -- $_comps[fal] $_comps[fal-cli]"],
            env=fal.env, stdin=subprocess.DEVNULL, capture_output=True, check=True,
        )  # fmt: skip
        assert asked.stdout.split() == [b"_fal", b"_fal"]

    def test_a_start_that_never_ends_is_not_waited_for(self, fal: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        (fal.home / ".zshrc").write_text("sleep 60\n")
        monkeypatch.setattr(install, "PATIENCE_SECONDS", 0.5)
        assert install._fpath(fal.env) == []


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_finds_it(fal: Program) -> None:
    fal("completion", "install", "fish")
    folder = fal.home / "bin"
    folder.mkdir()
    launcher = folder / "fal"
    launcher.write_text(f'#!/bin/sh\nexec {" ".join(fal.argv)} "$@"\n')
    launcher.chmod(0o755)
    env = fal.env | {"PATH": f"{folder}{os.pathsep}{fal.env['PATH']}"}
    done = subprocess.run(["fish", "-c", "complete -C 'fal sandbox s'"], env=env, capture_output=True, check=True)
    assert [line.partition(b"\t")[0] for line in done.stdout.splitlines()] == [
        b"start",
        b"stop",
        b"status",
        b"serve",
        b"stats",
    ]


def test_places_follow_the_users_own_variables(tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/config"}
    assert install.place_of("bash", env, tmp_path).files[0] == Path("/data/bash-completion/completions/fal")
    assert install.place_of("fish", env, tmp_path).files[0] == Path("/config/fish/completions/fal.fish")
    own = {"BASH_COMPLETION_USER_DIR": "/own"}
    assert install.place_of("bash", own, tmp_path).files[0] == Path("/own/completions/fal")
