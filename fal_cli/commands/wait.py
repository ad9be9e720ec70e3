"""`fal wait`: know when requests have ended."""

from typing import Annotated

import typer

from fal_cli.context import Context
from fal_cli.options import Refs, Timeout
from fal_cli.results.outcome import Outcome

EXAMPLES = """\
  fal wait $id && fal result $id
  fal wait $a $b $c
  fal wait --any $a $b --timeout 10m"""


def wait(
    context: Context,
    refs: Refs,
    first: Annotated[bool, typer.Option("--any", help="Return when the first one finishes.")] = False,
    timeout: Timeout = None,
) -> None:
    """Wait for requests to finish. Prints ID<TAB>ok or ID<TAB>failed as each one does.

    Exits 1 if one failed. Results are saved in your history as they come.
    """
    from fal_cli.api.deadline import Deadline
    from fal_cli.calls import refs as references
    from fal_cli.calls.model import Ending
    from fal_cli.calls.resume import Resumption

    def ended(name: str, is_ok: bool) -> None:
        word = "ok" if is_ok else "failed"
        context.output.line(f"{name}\t{word}", {"request_id": name, "verdict": word})

    def taken(outcome: Outcome, inputs: object) -> None:
        row = outcome.entry.row()
        if row is not None and row.has_result:  # one that is not stored must still be fetched
            outcome.entry.delivered()

    resumption = Resumption(
        context,
        Ending(Deadline(timeout)),
        take=taken,
        ended=ended,
        stops_at_first=first,
    )
    worst = resumption.run(references.resolve(context, refs))
    if worst:
        raise typer.Exit(worst)


VERB = wait
