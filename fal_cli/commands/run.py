"""`fal run`: queue it, follow it live, print the result."""

from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.options import (
    As,
    CallFlags,
    Endpoint,
    InputWords,
    Logs,
    OnceFlags,
    OnInterrupt,
    OnTimeout,
    PrintFlags,
    SaveFlags,
    SpendFlags,
    Timeout,
)

if TYPE_CHECKING:
    from fal_cli.results.deliver import Delivery

EXAMPLES = """\
  fal run fal-ai/flux/dev prompt="a cat"
  fal run fal-ai/flux/dev prompt="a cat" seed=7 image_size.width=640 image_size.height=480
  fal run fal-ai/flux/dev prompt="a cat" num_images=4 -d out/
  fal run fal-ai/flux/dev prompt="a cat" -o cat.png --once --budget 5/day
  fal run fal-ai/esrgan image_url=@photo.jpg -o big.png
  fal run fal-ai/flux/dev prompt="a cat" | fal run fal-ai/esrgan image_url='{{media[0]}}'
  fal run fal-ai/flux/dev prompt="a cat" --as python > cat.py
  echo '{"prompt":"a cat"}' | fal run fal-ai/flux/dev --print urls
  fal --sandbox run fal-ai/flux/dev prompt="a cat" --query 'images[0].url'"""

Direct = Annotated[
    bool,
    typer.Option("--direct", help="Skip the queue. Risk: if the connection is lost, so is the paid result."),
]


def run(
    context: Context,
    endpoint: Endpoint,
    words: InputWords,
    call: CallFlags,
    once: OnceFlags,
    spend: SpendFlags,
    shown: PrintFlags,
    save: SaveFlags,
    timeout: Timeout = None,
    on_timeout: OnTimeout = "detach",
    on_interrupt: OnInterrupt = "detach",
    direct: Direct = False,
    logs: Logs = False,
    as_: As = None,
) -> None:
    """Call an endpoint: queue it, follow it live, print the result.

    Progress and logs go to stderr, the result to stdout: byte for byte in a pipe, indented on a terminal. Ctrl-C leaves
    the request running and prints the command that picks it up. A lost network does not end the command.
    """
    from fal_cli.api.deadline import Deadline
    from fal_cli.calls import endpoints, run
    from fal_cli.calls.model import Ending
    from fal_cli.calls.notices import nothing_sent
    from fal_cli.calls.prepare import is_private, prepare
    from fal_cli.calls.terms import terms
    from fal_cli.results.deliver import Delivery

    context.standing.leave = nothing_sent
    ending = Ending(
        Deadline(timeout), on_timeout, on_interrupt
    )  # it counts from here: uploads and the submit take time
    endpoint = endpoints.chosen(context, endpoint)
    delivery = Delivery(context, shown, save) if as_ else _delivery(context, endpoint, call, shown, save)
    if direct:
        _refuse_queue_options(call, shown, on_timeout)
    if as_:
        from fal_cli.snippets import show

        written = prepare(context, endpoint, words, call, uploads=False, extension=delivery.extension)
        show.show(context, as_, written, direct=direct, inline=words.inline, beside=(shown, save))
        return
    if call.dry_run:
        from fal_cli.calls import dry_run

        dry_run.show(context, prepare(context, endpoint, words, call, uploads=False, extension=delivery.extension))
        return
    asked = terms(context, spend, once, is_private=is_private(context, call))
    ready = prepare(context, endpoint, words, call, uploads=False, extension=delivery.extension)
    delivery.check(ready.input_json)
    directly = direct or ready.is_local
    outcome = run.run(
        context, ready, asked, ending, directly=directly, logs=logs, inline=words.inline, closes=not delivery.closes
    )
    delivery.deliver(outcome, inputs=run.inputs_of(outcome, ready), can_fetch=not directly, deadline=ending.deadline)


def _delivery(context: Context, endpoint: str, call: CallFlags, shown: PrintFlags, save: SaveFlags) -> "Delivery":
    """What becomes of the result, by the command line or else by the project."""
    from fal_cli.calls import endpoints
    from fal_cli.config import settings
    from fal_cli.results import project_output
    from fal_cli.results.deliver import Delivery

    named = endpoints.named(context, endpoint, call.path)
    is_private = call.private or settings.is_private(context.env)
    alias = named.alias.name if named.alias else ""
    save, within = project_output.applied(context, save, alias=alias, endpoint=str(named.target), is_private=is_private)
    return Delivery(context, shown, save, within=within, is_private=is_private)


def _refuse_queue_options(call: CallFlags, shown: PrintFlags, on_timeout: str) -> None:
    others = {"--print url": shown.print_ == "url", "--on-timeout cancel": on_timeout == "cancel"}
    for option in (*call.of_the_queue, *(option for option, given in others.items() if given)):
        raise UsageError(f"{option} is for the queue, which --direct skips")


VERB = run
