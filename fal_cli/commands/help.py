"""`fal help`: a command's help, a topic, or what there is."""

from collections.abc import Iterator
from typing import Annotated

import typer

from fal_cli.cli.registry import GROUPS
from fal_cli.context import Context
from fal_cli.errors import UsageError

EXAMPLES = """\
  fal help
  fal help inputs
  fal help exit-codes
  fal help auth login"""


def show_help(
    context: Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND…|TOPIC]", help="A command, or a topic; without, all of them are listed."),
    ] = None,
) -> None:
    """Explain a command or a topic, or list them all."""
    from fal_cli.cli import topics
    from fal_cli.cli.registry import VERBS
    from fal_cli.cli.run import run_words

    named = list(words or ())
    name = "-".join(named).lower()
    machine = ["--json"] if context.flags.json else []
    if machine and (not named or named[0] in VERBS):
        run_words([*named, "--help", *machine], context)
    elif not named:
        context.output.line("\n".join(_overview(context.program)))
    elif named[0] in VERBS:
        run_words([*named, "--help"], context)
    elif name in topics.SUMMARIES:
        context.output.line(topics.text(name))
    else:
        raise _unknown(context, " ".join(named))


def _overview(program: str) -> Iterator[str]:
    """What there is, by what it is for, in 80 columns."""
    from fal_cli.cli.registry import VERBS
    from fal_cli.cli.topics import SUMMARIES

    yield f"Commands ({program} COMMAND --help explains one)"
    for title, names in GROUPS.items():
        for number, name in enumerate(names):
            yield f" {'' if number else title:6}  {name:10} {VERBS[name].help.rstrip('.')}"
    yield ""
    yield f"Topics ({program} help TOPIC)"
    for name, summary in SUMMARIES.items():
        yield f" {name:18} {summary}"
    yield ""
    yield "--sandbox before or after any command: no key, no network, no cost."


def _unknown(context: Context, words: str) -> UsageError:
    from difflib import get_close_matches

    from fal_cli.cli.registry import VERBS
    from fal_cli.cli.topics import SUMMARIES

    known = [name for name, verb in VERBS.items() if not verb.hidden] + list(SUMMARIES)
    near = get_close_matches(words.lower(), known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    hint = f"Use: {context.program} help {near[0]}" if near else f"What there is: {context.program} help"
    return UsageError(f"there is no command or topic {words!r}{meant}", hint=hint)


VERB = show_help
