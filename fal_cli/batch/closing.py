"""The last words about a batch: what came of it, where it is, how to go on."""

import os
from pathlib import Path

from fal_cli.context import Context
from fal_cli.terminal.hyperlinks import as_typed
from fal_cli.terminal.progress.standing import Standing, summary


def summarize(context: Context, standing: Standing, manifest: Path, stopped: str) -> None:
    """Says what came of a batch. `stopped` is why no more was sent than was; "" if all was."""
    talk, name = context.talk, standing.name
    talk.event(
        {"event": "summary", "batch": name, **standing.counts(), "left": standing.left, "stopped": stopped or None}
    )
    if not talk.machine:
        where = f" · in {as_typed(str(manifest.parent))}{os.sep}" if standing.done else ""
        talk.note(f"{name}: {summary(standing)}{where}")
    if standing.failed or standing.cancelled:
        talk.note(
            f"The failed rows are in {as_typed(str(manifest))}. To send them again: {context.tool} batch retry {name}"
        )
    elif standing.left or standing.unsaved:
        talk.note(to_continue(context, name))


def to_continue(context: Context, name: str) -> str:
    """The command that goes on with a batch."""
    return f"To continue: the same command, or {context.tool} batch resume {name}"
