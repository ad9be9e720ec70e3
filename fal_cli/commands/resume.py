"""`fal resume`: picks up unfinished requests, as if `run` had never stopped."""

from collections.abc import Sequence
from typing import Annotated

import typer

from fal_cli.commands import taking
from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.options import Logs, OnTimeout, PrintFlags, SaveFlags, Timeout

EXAMPLES = """\
  fal resume -d out/                    # everything unfinished, the most urgent first
  fal resume last
  fal resume @12 --retry-unknown        # its answer was lost and it was not found"""

RetryUnknown = Annotated[
    bool,
    typer.Option("--retry-unknown", help="Resend a call that was looked up and not found. It may cost twice."),
]


def resume(
    context: Context,
    shown: PrintFlags,
    save: SaveFlags,
    filters: taking.Filters,
    refs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ENDPOINT] [REF]…", help="Requests; without any, everything unfinished."),
    ] = None,
    timeout: Timeout = None,
    on_timeout: OnTimeout = "detach",
    logs: Logs = False,
    retry_unknown: RetryUnknown = False,
) -> None:
    """Pick up unfinished requests, as if run had never stopped.

    Follows them to the end, prints their results and saves their files. A call whose answer was lost is looked up in
    your account and adopted if it is there. It is resent only if you pass --retry-unknown.
    """
    from fal_cli.api.deadline import Deadline
    from fal_cli.calls import refs as references
    from fal_cli.calls.follow import wait_for
    from fal_cli.calls.model import Ending, Tracked
    from fal_cli.calls.resume import Resumption, again
    from fal_cli.ledger.rows import Row
    from fal_cli.results.deliver import Delivery

    found: Sequence[Tracked | Row]
    if refs:
        if filters.is_given:
            raise UsageError("a request that is named needs no --tag, --endpoint, --since or --batch")
        found = references.calls(context, refs)
    else:
        found = taking.take(context, filters)
    delivery = Delivery(context, shown, save, many=len(found) > 1)
    ending = Ending(Deadline(timeout), on_timeout)
    if not found:
        context.talk.note("nothing is unfinished")
        return
    first = found[0]
    if len(found) == 1 and isinstance(first, Row) and references.is_in_queue(first) and not first.has_result:
        first = references.of_row(context, first)
    if len(found) == 1 and isinstance(first, Tracked):
        inputs = first.entry.inputs()
        delivery.check(inputs)
        outcome = wait_for(context, first, ending, logs=logs, closes=not delivery.closes)
        delivery.deliver(outcome, inputs=inputs)
        return
    resumption = Resumption(
        context,
        ending,
        take=lambda outcome, inputs: delivery.deliver(outcome, inputs=inputs),
        again=again(context) if retry_unknown else None,
    )
    worst = resumption.run(found)
    if worst:
        raise typer.Exit(worst)


VERB = resume
