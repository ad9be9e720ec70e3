"""`fal submit`: put it into the queue and leave."""

from fal_cli.context import Context
from fal_cli.options import As, CallFlags, Endpoint, InputWords, SubmitPrintFlags

EXAMPLES = """\
  id=$(fal submit fal-ai/flux/dev prompt="a cat")
  until [ "$(fal status $id)" = COMPLETED ]; do sleep 1; done; fal result $id
  while read -r line; do fal submit fal-ai/flux/dev -t prompt="$line"; done < prompts.txt"""


def submit(
    context: Context,
    endpoint: Endpoint,
    words: InputWords,
    call: CallFlags,
    shown: SubmitPrintFlags,
    as_: As = None,
) -> None:
    """Put a request into the queue and print its id.

    It is sent once: again only where the service cannot have accepted it. An answer that was lost is
    reported as unknown (exit code 10), never silently sent again.
    """
    from fal_cli.calls import notices, submit
    from fal_cli.calls.endpoints import chosen
    from fal_cli.calls.prepare import prepare

    context.standing.leave = notices.nothing_sent
    endpoint = chosen(context, endpoint)
    ready = prepare(context, endpoint, words, call, uploads=not (as_ or call.dry_run))
    if call.dry_run:
        from fal_cli.calls import dry_run

        dry_run.show(context, ready)
        return
    ready.queued_endpoint  # noqa: B018  # raises for a local app, before anything is recorded
    if as_:
        from fal_cli.snippets import show

        show.show(context, as_, ready, verb="submit", inline=words.inline)
        return
    sent = submit.submit(context, context.wire(), ready)
    if shown.print_ != "none":
        context.output.line(sent.request.request_id if shown.print_ == "id" else sent.request.handle.response_url)
    if sent.adopted:
        context.talk.essential("the answer was cut short, but the request was found in the queue")


VERB = submit
