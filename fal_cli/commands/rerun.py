"""`fal rerun`: an earlier call again, with changes."""

from typing import Annotated

import typer

from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.options import (
    As,
    CallFlags,
    InputWords,
    Logs,
    OnInterrupt,
    OnTimeout,
    PrintFlags,
    SaveFlags,
    SpendFlags,
    Timeout,
)

EXAMPLES = """\
  fal rerun last
  fal rerun last seed=2 -d out/
  fal rerun cat.jpg seed=8              # the call that made this file
  fal rerun last --as js > again.mjs
  fal rerun 6f0c2e0e prompt="a dog" --priority low"""


def rerun(
    context: Context,
    ref: Annotated[
        str,
        typer.Argument(metavar="REF", show_default=False, help="An earlier call: an id, 'last', @N, or a saved file."),
    ],
    words: InputWords,
    call: CallFlags,
    spend: SpendFlags,
    shown: PrintFlags,
    save: SaveFlags,
    timeout: Timeout = None,
    on_timeout: OnTimeout = "detach",
    on_interrupt: OnInterrupt = "detach",
    logs: Logs = False,
    as_: As = None,
) -> None:
    """Make an earlier call again with the same input and options, and your changes.

    It is a new call and costs as much as one. A direct call is made directly again.
    """
    from fal_cli.api.deadline import Deadline
    from fal_cli.calls import refs as references
    from fal_cli.calls import run
    from fal_cli.calls.model import Ending
    from fal_cli.calls.notices import nothing_sent
    from fal_cli.calls.prepare import prepare_again
    from fal_cli.calls.terms import terms
    from fal_cli.config import settings
    from fal_cli.ledger.rows import Row
    from fal_cli.results.deliver import Delivery

    context.standing.leave = nothing_sent
    is_private = call.private or settings.is_private(context.env)
    delivery = Delivery(context, shown, save, is_private=is_private)
    row = references.earlier(context, ref)
    if as_:
        from fal_cli.snippets import show, snippet

        written = prepare_again(context, row, words, call, uploads=False, extension=delivery.extension)
        verb: snippet.Verb = "stream" if row.mode == "stream" else "run"
        is_direct = row.mode == "direct"
        show.show(context, as_, written, verb=verb, direct=is_direct, inline=words.inline, beside=(shown, save))
        return
    if row.mode in ("stream", "realtime"):
        raise UsageError(
            f"{ref} was a {row.mode} call; rerun repeats only queued and direct ones",
            hint=f"Use: {context.tool} {row.mode}",
        )
    if isinstance(row, Row) and "://" not in row.endpoint:
        context.accounts.use(references.account_like(context, row))
    if call.dry_run:
        from fal_cli.calls import dry_run

        dry_run.show(context, prepare_again(context, row, words, call, uploads=False, extension=delivery.extension))
        return
    ending = Ending(Deadline(timeout), on_timeout, on_interrupt)
    ready = prepare_again(context, row, words, call, uploads=False, extension=delivery.extension)
    delivery.check(ready.input_json)
    directly = row.mode == "direct" or ready.is_local
    asked = terms(context, spend)
    outcome = run.run(
        context, ready, asked, ending, directly=directly, logs=logs, inline=words.inline, closes=not delivery.closes
    )
    delivery.deliver(outcome, inputs=run.inputs_of(outcome, ready), can_fetch=not directly, deadline=ending.deadline)


VERB = rerun
