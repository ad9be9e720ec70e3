"""Putting a completion script where a shell looks for it: for this user alone, and only once.

| shell | place |
|---|---|
| bash | `~/.local/share/bash-completion/completions/`, which the package bash-completion reads |
| zsh | a folder of `$fpath` under the home folder, else `~/.local/share/zsh/site-functions/` and a line for `.zshrc` |
| fish | `~/.config/fish/completions/` |
| powershell | none: a line for `$PROFILE` |
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from fal_cli.cli.completion.scripts import MARK, SHELLS, script
from fal_cli.context import Context
from fal_cli.errors import CliError, UsageError
from fal_cli.files import atomic

PATIENCE_SECONDS = 5.0
_BASH_COMPLETION = (
    "/usr/share/bash-completion/bash_completion",
    "/usr/local/share/bash-completion/bash_completion",
    "/opt/homebrew/etc/profile.d/bash_completion.sh",
    "/usr/local/etc/profile.d/bash_completion.sh",
    "/etc/bash_completion",
)
_POWERSHELL_LINE = "fal completion powershell | Out-String | Invoke-Expression"
_NAMES = {"bash": ("fal", "fal-cli"), "zsh": ("_fal",), "fish": ("fal.fish", "fal-cli.fish")}

State = Literal["current", "old", "foreign", "missing"]


class Place(NamedTuple):
    """Where the script of a shell is to be, and what its user has to add to the shell's own configuration."""

    files: tuple[Path, ...]
    advice: tuple[str, ...] = ()


def install(context: Context, shell: str, *, force: bool) -> None:
    """Writes the script of a shell and says what was done. Raises `UsageError` for a stranger's file, `CliError`."""
    if shell == "powershell":
        context.talk.note("PowerShell has no folder for it; add this line to the file that $PROFILE names:")
        context.output.line(_POWERSHELL_LINE, {"line": _POWERSHELL_LINE})
        return
    place = place_of(shell, context.env, context_home(context.env))
    for path in place.files:
        state = state_of(path, shell)
        if state == "foreign" and not force:
            raise UsageError(f"{path} was not written by fal", hint="To replace it: fal completion install --force")
        if state == "current":
            context.talk.note(f"{path} already exists")
        else:
            _write(path, script(shell))
            context.talk.note(f"wrote {path}")
        if context.output.machine:
            context.output.json({"path": str(path), "written": state != "current"})
    for line in place.advice:
        context.talk.note(line)
    context.talk.note(_how_to_begin(shell, place))


def current_shell(env: Mapping[str, str]) -> str:
    """The shell that this is typed in, or else the login shell. Raises `UsageError` for one that has no script."""
    name = _of_parents() or Path(env.get("SHELL", "")).name
    name = {"pwsh": "powershell"}.get(name, name)
    if name not in SHELLS:
        raise UsageError(
            f"no script for {name!r}" if name else "cannot tell which shell you use",
            hint=f"Name one: fal completion install {'|'.join(SHELLS)}",
        )
    return name


def place_of(shell: str, env: Mapping[str, str], home: Path) -> Place:
    """Where the script of a shell is to be. Of zsh its folders are asked for."""
    data = Path(env.get("XDG_DATA_HOME") or home / ".local/share")
    if shell == "bash":
        folder = Path(env.get("BASH_COMPLETION_USER_DIR") or data / "bash-completion") / "completions"
        has_loader = any(os.path.exists(path) for path in _BASH_COMPLETION)
        advice = () if has_loader else _bash_advice(folder)
    elif shell == "fish":
        folder, advice = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "fish/completions", ()
    else:
        own = data / "zsh/site-functions"
        found = [path for path in _fpath(env) if _is_for_us(path, home)]
        folder, advice = (found[0], ()) if found else (own, _zsh_advice(own, home))
    return Place(tuple(folder / name for name in _NAMES[shell]), advice)


def state_of(path: Path, shell: str) -> State:
    """Whether a file is the script of a shell as it is now, an older one, somebody else's, or not there."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return "missing"
    if text == script(shell):
        return "current"
    return "old" if MARK in text else "foreign"


def context_home(env: Mapping[str, str]) -> Path:
    """The home folder."""
    return Path(env.get("HOME") or os.path.expanduser("~"))


def _bash_advice(folder: Path) -> tuple[str, ...]:
    return (
        "bash reads it only with the package bash-completion, which was not found.",
        f"Without it, add to ~/.bashrc:  source {folder / 'fal'}",
    )


def _zsh_advice(folder: Path, home: Path) -> tuple[str, ...]:
    shown = f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)
    return (
        "zsh does not look there yet. Add to ~/.zshrc, before any compinit:",
        f"  fpath=({shown} $fpath)",
        "  autoload -Uz compinit && compinit",
    )


def _how_to_begin(shell: str, place: Place) -> str:
    if place.advice:
        return f"Then it works in the next {shell}."
    once = "; if it does not: rm -f ~/.zcompdump* && exec zsh" if shell == "zsh" else ""
    return f"It works in the next {shell}{once}."


def _fpath(env: Mapping[str, str]) -> list[Path]:
    """The folders in which an interactive zsh looks for functions; none if it does not say so soon."""
    mark = "@fal-fpath@"
    try:
        done = subprocess.run(
            ["zsh", "-i", "-c", f"print -rl -- {mark} $fpath"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=dict(env),
            timeout=PATIENCE_SECONDS,
            start_new_session=True,  # what its user's files start has no terminal to speak to
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    said = done.stdout.decode("utf-8", "replace").partition(f"{mark}\n")[2]
    return [Path(line) for line in said.splitlines() if line.startswith("/")]


def _is_for_us(folder: Path, home: Path) -> bool:
    """Whether a folder of `$fpath` is this user's own, made for what programs put there."""
    is_own = folder.is_relative_to(home) and folder.is_dir() and os.access(folder, os.W_OK)
    return is_own and folder.name in ("site-functions", "completions", "functions", ".zfunc", "zfunc")


def _of_parents() -> str:
    """The nearest of our parents that is a shell with a script; "" if none is, or where they are not known."""
    try:
        from shellingham import ShellDetectionFailure, detect_shell
    except ImportError:
        return ""
    try:
        found: str = detect_shell()[0]
    except (ShellDetectionFailure, OSError):
        return ""
    return found.lower()


def _write(path: Path, text: str) -> None:
    """Puts a whole file in its place. Raises `CliError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(Path(os.path.realpath(path)), text.encode())
    except OSError as error:
        raise CliError(f"cannot write {path}: {error.strerror or error}") from None
