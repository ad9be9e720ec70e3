"""`fal submit`: put it into the queue and leave."""

from typing import TYPE_CHECKING

from fal_cli.context import Context
from fal_cli.options import As, CallFlags, Endpoint, InputWords, OnceFlags, SpendFlags, SubmitPrintFlags

if TYPE_CHECKING:
    from fal_cli.calls.put import Placed

EXAMPLES = """\
  id=$(fal submit fal-ai/flux/dev prompt="a cat")
  until [ "$(fal status $id)" = COMPLETED ]; do sleep 1; done; fal result $id
  while read -r line; do fal submit fal-ai/flux/dev -t prompt="$line"; done < prompts.txt"""


def submit(
    context: Context,
    endpoint: Endpoint,
    words: InputWords,
    call: CallFlags,
    once: OnceFlags,
    spend: SpendFlags,
    shown: SubmitPrintFlags,
    as_: As = None,
) -> None:
    """Put a request into the queue and print its id.

    It is sent once. It is repeated only when the service cannot have accepted it. If the answer is lost, the outcome is
    reported as unknown (code 10); the request is never silently sent again.
    """
    from fal_cli.calls import notices, put
    from fal_cli.calls.endpoints import chosen
    from fal_cli.calls.prepare import is_private, prepare
    from fal_cli.calls.terms import terms

    context.standing.leave = notices.nothing_sent
    endpoint = chosen(context, endpoint)
    ready = prepare(context, endpoint, words, call, uploads=False)
    if call.dry_run:
        from fal_cli.calls import dry_run

        dry_run.show(context, ready)
        return
    ready.queued_endpoint  # noqa: B018  # raises for a local app, before anything is recorded
    if as_:
        from fal_cli.snippets import show

        show.show(context, as_, ready, verb="submit", inline=words.inline)
        return
    asked = terms(context, spend, once, is_private=is_private(context, call))
    found = put.put(context, ready, asked, inline=words.inline)
    _print(context, found, shown.print_)
    if found.adopted:
        context.talk.essential("the answer was cut short, but the request was found in the queue")


def _print(context: Context, placed: "Placed", what: str | None) -> None:
    if what == "url":
        context.output.line(placed.urls.get("response_url", ""))
    elif what == "id":
        context.output.line(placed.request_id)
    elif what is None:
        from fal_cli.calls.put import URLS

        facts = {
            "request_id": placed.request_id,
            "endpoint": placed.endpoint,
            "queue_position": placed.position,
            **{name: placed.urls.get(name, "") for name in URLS},
            "reused": placed.reused,
        }
        context.output.line(placed.request_id, facts)


VERB = submit
