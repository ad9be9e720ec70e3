"""What is done with a batch that is there: looked at, gone on with, ended, written out, forgotten."""

from typing import Annotated, Literal

import typer

from fal_cli.batch.options import RunFlags
from fal_cli.context import Context
from fal_cli.options import OnInterrupt

Name = Annotated[
    str, typer.Argument(metavar="[NAME]", show_default=False, help="The batch; without a name the newest.")
]


def status(context: Context, name: Name = "") -> None:
    """Show where a batch stands."""
    from fal_cli.batch.beginning import named
    from fal_cli.commands.batch import listing

    listing.show_one(context, named(context, name))


def resume(context: Context, flags: RunFlags, name: Name = "", on_interrupt: OnInterrupt = "detach") -> None:
    """Go on with a batch, without its list: follow what is open, look up what was lost, send what is left."""
    _go_on(context, name, flags, frozenset(), on_interrupt)


def retry(context: Context, flags: RunFlags, name: Name = "", on_interrupt: OnInterrupt = "detach") -> None:
    """Send again the rows of a batch that failed, or whose results are past their time."""
    _go_on(context, name, flags, frozenset(("failed", "expired")), on_interrupt)


def cancel(context: Context, name: Name = "") -> None:
    """Ask the service to stop the open requests of a batch."""
    from fal_cli.batch.beginning import named
    from fal_cli.batch.ending import cancel_all

    cancel_all(context, named(context, name))


def export(
    context: Context,
    name: Name = "",
    form: Annotated[Literal["csv", "jsonl"], typer.Option("--format", help="What is written.")] = "jsonl",
) -> None:
    """Print every row of a batch in the order of its list: its own columns, and what became of it."""
    from fal_cli.batch.beginning import named
    from fal_cli.batch.ending import export_rows

    export_rows(context, named(context, name), form)


def rm(
    context: Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The batch.")],
    force: Annotated[bool, typer.Option("--force", help="Forget it while requests are open, too.")] = False,
) -> None:
    """Forget a batch. Its files and its calls in the history stay."""
    from fal_cli.batch.beginning import named
    from fal_cli.batch.ending import forget

    forget(context, named(context, name), force=force)


def _go_on(context: Context, name: str, flags: RunFlags, again: frozenset[str], on_interrupt: str) -> None:
    from fal_cli.batch.beginning import go_on, named

    batch = named(context, name)
    code = go_on(context, batch.name, flags, again, cancels_on_interrupt=on_interrupt == "cancel")
    if code:
        raise typer.Exit(code)
