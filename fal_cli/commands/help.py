"""`fal help`: a command's help, a topic, or what there is.

`cli.help_request` answers it before a verb is looked for; left for this verb are JSON, and words that name nothing.
"""

from typing import Annotated

import typer

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
        list[str] | None, typer.Argument(metavar="[COMMAND…|TOPIC]", help="A command or a topic. Default: list them.")
    ] = None,
) -> None:
    """Explain a command or a topic, or list them all."""
    from fal_cli.cli import help_request
    from fal_cli.cli.registry import VERBS
    from fal_cli.cli.run import run_words
    from fal_cli.terminal.output import Screen

    named = list(words or ())
    asked = help_request.named(named)
    if context.flags.json and (not named or named[0] in VERBS):
        run_words([*named, "--help", "--json"], context)
    elif asked and context.flags.json:
        _as_json(context, asked.topic)
    elif asked:
        lines = asked.lines(help_request.columns(context.env), program=context.program, color=False)
        Screen(context.output).write(lines)
    else:
        raise _unknown(context, " ".join(named))


def _as_json(context: Context, topic: str) -> None:
    """A topic for a program: of errors each kind, with its code, of others the page."""
    from fal_cli.cli.topics import markdown
    from fal_cli.kinds import KINDS

    if topic == "errors":
        for word, kind in KINDS.items():
            context.output.json({"kind": word, **kind._asdict()})
    else:
        context.output.json({"topic": topic, "text": markdown(topic)})


def _unknown(context: Context, words: str) -> UsageError:
    from difflib import get_close_matches

    from fal_cli.cli.registry import VERBS
    from fal_cli.cli.topics import SUMMARIES

    known = [name for name, verb in VERBS.items() if not verb.hidden] + list(SUMMARIES)
    near = get_close_matches(words.lower(), known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    hint = f"Use: {context.program} help {near[0]}" if near else f"List them: {context.program} help"
    return UsageError(f"no command or topic {words!r}{meant}", hint=hint)


VERB = show_help
