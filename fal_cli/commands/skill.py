"""`fal skill`: what a coding agent has to know to call models, as a file that agents read."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from fal_cli.context import Context
from fal_cli.errors import CliError, UsageError

EXAMPLES = """\
  fal skill | less
  fal skill install
  fal skill install --dir .claude/skills        # for this project alone"""

_FOLDERS = ("~/.agents/skills", "~/.claude/skills")
"""Where agents look for the skills of a person: the folder that many of them share, and that of Claude Code."""

State = Literal["current", "old", "foreign", "missing"]


def skill(context: Context) -> None:
    """Print a skill file for coding agents.

    It tells an agent how to find models, read their inputs and prices, and call them with a bounded cost and without
    paying twice. It is made of this version's commands: run fal skill install again after an update.
    """
    from fal_cli.cli import skill as page

    if context.output.machine:
        context.output.json({"name": page.NAME, "text": page.text()})
    else:
        context.output.data(page.text().encode())


def install(
    context: Context,
    directory: Annotated[
        str,
        typer.Option(
            "--dir", metavar="DIR", help="A folder of skills (default: ~/.agents/skills and ~/.claude/skills)."
        ),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name that fal did not write.")] = False,
) -> None:
    """Write the skill file where coding agents look for skills.

    Running it twice changes nothing.
    """
    from fal_cli.cli import skill as page

    text = page.text()
    paths = [_folder(context, folder) / page.NAME / "SKILL.md" for folder in ([directory] if directory else _FOLDERS)]
    states = [_state_of(path, text) for path in paths]
    for path, state in zip(paths, states, strict=True):
        if state == "foreign" and not force:
            raise UsageError(
                f"{path} was not written by fal, so it is left as it is",
                hint="To replace it: fal skill install --force" + (f" --dir {directory}" if directory else ""),
            )
    for path, state in zip(paths, states, strict=True):
        if state != "current":
            _write(path, text)
        context.talk.note(f"{path} is current" if state == "current" else f"wrote {path}")
        if context.output.machine:
            context.output.json({"path": str(path), "written": state != "current"})


def _folder(context: Context, folder: str) -> Path:
    home = context.env.get("HOME") or os.path.expanduser("~")
    return Path(home, folder[2:]) if folder.startswith("~/") else Path(folder)


def _state_of(path: Path, text: str) -> State:
    """Whether a file is the skill as it is now, an older one, somebody else's, or not there. Raises `CliError`."""
    from fal_cli.cli.skill import MARK

    try:
        found = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise CliError(f"cannot read {path}: {error.strerror or error}") from None
    if found == text:
        return "current"
    return "old" if MARK in found else "foreign"


def _write(path: Path, text: str) -> None:
    """Puts the whole file in its place. Raises `CliError`."""
    from fal_cli.files import atomic

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(Path(os.path.realpath(path)), text.encode())
    except OSError as error:
        raise CliError(f"cannot write {path}: {error.strerror or error}") from None


VERB = skill
SUBVERBS = {"install": install}
