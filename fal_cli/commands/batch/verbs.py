"""The commands for an existing batch: status, resume, retry, cancel, export, rm."""

from typing import Annotated, Literal

import typer

from fal_cli.batch.options import Attach, RunFlags
from fal_cli.context import Context
from fal_cli.options import OnInterrupt

Name = Annotated[str, typer.Argument(metavar="[NAME]", show_default=False, help="The batch. Default: the newest.")]


def status(context: Context, name: Name = "") -> None:
    """Show the progress of a batch."""
    from fal_cli.batch.beginning import named
    from fal_cli.commands.batch import listing

    listing.show_one(context, named(context, name))


def resume(
    context: Context,
    flags: RunFlags,
    name: Name = "",
    on_interrupt: OnInterrupt = "detach",
    attach: Attach = False,
) -> None:
    """Continue a batch without its list: follow open requests, look up lost ones, send the rest."""
    if attach:
        from fal_cli.batch import attaching

        _end(attaching.attach(context, attaching.running_one(context, name), flags))
        return
    _go_on(context, name, flags, frozenset(), on_interrupt)


def retry(context: Context, flags: RunFlags, name: Name = "", on_interrupt: OnInterrupt = "detach") -> None:
    """Send again the rows of a batch that failed or whose results expired."""
    _go_on(context, name, flags, frozenset(("failed", "expired")), on_interrupt)


def cancel(context: Context, name: Name = "") -> None:
    """Ask the service to stop the open requests of a batch."""
    from fal_cli.batch.beginning import named
    from fal_cli.batch.ending import cancel_all

    cancel_all(context, named(context, name))


def export(
    context: Context,
    name: Name = "",
    form: Annotated[Literal["csv", "jsonl"], typer.Option("--format", help="What to write.")] = "jsonl",
) -> None:
    """Print every row of a batch in the order of its list: its own columns, and its outcome."""
    from fal_cli.batch.beginning import named
    from fal_cli.batch.ending import export_rows

    export_rows(context, named(context, name), form)


def rm(
    context: Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The batch.")],
    force: Annotated[bool, typer.Option("--force", help="Delete it even if requests are open.")] = False,
) -> None:
    """Delete a batch. Its files and its calls in the history stay."""
    from fal_cli.batch.beginning import named
    from fal_cli.batch.ending import forget

    forget(context, named(context, name), force=force)


def _go_on(context: Context, name: str, flags: RunFlags, again: frozenset[str], on_interrupt: str) -> None:
    from fal_cli.batch.beginning import go_on, named

    batch = named(context, name)
    _end(go_on(context, batch.name, flags, again, cancels_on_interrupt=on_interrupt == "cancel"))


def _end(code: int) -> None:
    if code:
        raise typer.Exit(code)
