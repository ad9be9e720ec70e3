"""`fal stream`: an endpoint's events as they come."""

from typing import Annotated

import typer

from fal_cli.context import Context
from fal_cli.durations import seconds
from fal_cli.errors import UsageError
from fal_cli.options import As, CallFlags, Endpoint, SpendFlags, StreamSaveFlags, StreamWords

EXAMPLES = """\
  fal stream fal-ai/any-llm prompt="tell me a story" --text | tee story.txt
  fal stream fal-ai/flux/dev prompt="a cat" --final -d out/
  fal stream fal-ai/any-llm prompt=@question.txt | while read -r event; do …; done"""


def stream(
    context: Context,
    endpoint: Endpoint,
    words: StreamWords,
    call: CallFlags,
    spend: SpendFlags,
    save: StreamSaveFlags,
    text_only: Annotated[bool, typer.Option("--text", help="Print only the text, as it grows.")] = False,
    final: Annotated[bool, typer.Option("--final", help="Print only the last event.")] = False,
    idle_timeout: Annotated[
        float | None,
        typer.Option(
            "--idle-timeout",
            parser=seconds,
            metavar="TIME",
            help="Give up after TIME without an event; 0 never (default: 120s).",
        ),
    ] = None,
    as_: As = None,
) -> None:
    """Print an endpoint's events as they come.

    In a pipe: one JSON value a line, at once. On a terminal, growing text is written as it grows. A stream is not
    queued: it ends when you interrupt it, and its events cannot be fetched later.
    """
    from fal_cli.calls import stream as streaming
    from fal_cli.calls.admission import admit, held
    from fal_cli.calls.endpoints import chosen
    from fal_cli.calls.notices import nothing_sent
    from fal_cli.calls.prepare import prepare
    from fal_cli.calls.terms import terms
    from fal_cli.results.destination import check_fields, checked

    if text_only and final:
        raise UsageError("give either --text or --final")
    for option in call.of_the_queue:
        raise UsageError(f"{option} is for the queue, and a stream is not queued")
    context.standing.leave = nothing_sent
    saving = checked(save.output, save.directory, overwrite=save.overwrite, is_json=context.flags.json)
    if save.preview:
        from fal_cli.results import preview

        preview.check(context)
    endpoint = chosen(context, endpoint)
    how = "text" if text_only else "final" if final else "events"
    if as_:
        from fal_cli.snippets import show

        written = prepare(context, endpoint, words, call, uploads=False)
        show.show(context, as_, written, verb="stream", inline=words.inline, beside=(save,))
        return
    if call.dry_run:
        from fal_cli.calls import dry_run

        dry_run.show(context, prepare(context, endpoint, words, call, uploads=False))
        return
    ready = prepare(context, endpoint, words, call, uploads=False)
    ready = admit(context, ready, terms(context, spend), "stream", inline=words.inline)
    with held(context, ready):
        check_fields(saving, ready.input_json)
        streaming.stream(context, ready, how=how, idle_timeout=idle_timeout, saving=saving, preview=save.preview)


VERB = stream
