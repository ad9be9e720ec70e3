"""`fal batch`: many calls of one list, each paid for once."""

from typing import Annotated, Literal

import typer

from fal_cli.batch.options import Attach, RowFlags, RunFlags
from fal_cli.commands.batch.verbs import cancel, export, resume, retry, rm, status
from fal_cli.context import Context
from fal_cli.durations import age
from fal_cli.options import CallFlags, OnInterrupt

EXAMPLES = """\
  fal batch fal-ai/flux/dev cats.csv --dry-run
  fal batch fal-ai/flux/dev cats.csv -d out/ --budget 25
  fal batch fal-ai/flux/dev prompts.txt num_images=2 --yes
  fal batch fal-ai/flux/dev zoo.csv prompt='a {{animal}}' -d 'zoo/{row.animal}.{ext}' --yes
  fal batch fal-ai/esrgan photos/ -d big/ --yes
  fal batch fal-ai/flux/dev prompt="a cat" --vary seed=1..10 --name seeds --yes
  fal batch fal-ai/flux/dev,fal-ai/flux/schnell prompt="a cat" --vary seed=1..4 --yes
  fal batch status cats
  fal batch resume cats
  fal batch resume cats --attach
  fal batch retry cats --yes
  fal batch cancel cats
  fal batch export cats --format csv > done.csv
  fal batch rm cats"""

Directory = Annotated[
    str,
    typer.Option(
        "-d",
        "--directory",
        metavar="DIR|TEMPLATE",
        help="Save the files there: 'out/', 'out/{row.name}-{index}.{ext}'.",
    ),
]
Again = Annotated[
    Literal["failed", "expired", "both"] | None,
    typer.Option("--again", help="Send again: failed rows, expired ones, or both."),
]
Once = Annotated[bool, typer.Option("--once", help="Use results of any earlier call of yours, not only of this batch.")]

Adopt = Annotated[
    float | None,
    typer.Option(
        "--adopt",
        parser=age,
        metavar="AGE",
        help="Use requests of the account, at most so old (7d), for rows with the same input.",
    ),
]


def batch(
    context: Context,
    *,
    endpoint: Annotated[
        str | None,
        typer.Argument(metavar="[ENDPOINT]", show_default=False, help="Such as fal-ai/flux/dev; several: A,B."),
    ] = None,
    rows: RowFlags,
    call: CallFlags,
    flags: RunFlags,
    directory: Directory = "",
    again: Again = None,
    once: Once = False,
    adopt: Adopt = None,
    on_interrupt: OnInterrupt = "detach",
    attach: Attach = False,
) -> None:
    """Make many calls of one list, each paid for once.

    The whole list is checked first. Invalid rows are reported with line and column, and nothing is sent. Run the same
    command again to go on where the last one ended; nothing is sent twice. Several endpoints, with commas between them,
    get every row each. Without arguments it lists the batches.
    """
    if endpoint is None:
        from fal_cli.commands.batch import listing

        listing.show(context)
        return
    from fal_cli.batch.beginning import begin

    code = begin(
        context,
        endpoint,
        rows,
        call,
        flags,
        directory,
        frozenset(("failed", "expired") if again == "both" else (again,) if again else ()),
        once=once,
        adopts=adopt,
        cancels_on_interrupt=on_interrupt == "cancel",
        attaches=attach,
    )
    if code:
        raise typer.Exit(code)


VERB = batch
SUBVERBS = {
    "status": status,
    "resume": resume,
    "retry": retry,
    "cancel": cancel,
    "export": export,
    "rm": rm,
}
TAKES_WORDS = True
"""Its own verb takes words of its own, so that a word after it may name one of the others or an endpoint."""
