"""`fal help`: a command's help, a topic, or what there is."""

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
_WIDEST = 80


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
        context.output.line(_overview(context.program, _width(context)))
    elif named[0] in VERBS:
        run_words([*named, "--help"], context)
    elif name in topics.SUMMARIES:
        if name == "errors" and machine:
            _print_kinds(context)
            return
        text = topics.text(name, _width(context))
        context.output.line(text, {"topic": name, "text": text})
    else:
        raise _unknown(context, " ".join(named))


def _print_kinds(context: Context) -> None:
    """The kinds of errors, each with its code."""
    from fal_cli.kinds import KINDS

    for word, kind in KINDS.items():
        context.output.json({"kind": word, **kind._asdict()})


def _width(context: Context) -> int:
    from fal_cli.terminal.output import Screen

    return Screen(context.output).width if context.output.is_terminal else _WIDEST


def _overview(program: str, width: int) -> str:
    """What there is, by what it is for, in 80 columns where there are so many."""
    from fal_cli.cli.pages import blank, page, prose, table
    from fal_cli.cli.registry import VERBS
    from fal_cli.cli.topics import SUMMARIES

    commands = [
        (f"{'' if number else title:6}  {name}", VERBS[name].help.rstrip("."))
        for title, names in GROUPS.items()
        for number, name in enumerate(names)
    ]
    blocks = (
        prose(f"Commands ({program} COMMAND --help explains one)"),
        table(commands, indent=1, first=18, gap=1),
        blank,
        prose(f"Topics ({program} help TOPIC)"),
        table(SUMMARIES.items(), indent=1, first=18, gap=1),
        blank,
        prose("--sandbox before or after any command: no key, no network, no cost."),
    )
    return page(blocks, min(width, _WIDEST))


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
