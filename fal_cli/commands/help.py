"""`fal help`: a command's help, or a topic."""

from typing import Annotated

import typer

from fal_cli.context import Context
from fal_cli.errors import EXIT_CODES, UsageError

EXAMPLES = """\
  fal help exit-codes
  fal help run"""

TOPICS = ("exit-codes",)


def show_help(
    context: Context,
    word: Annotated[
        str, typer.Argument(metavar="[COMMAND|TOPIC]", help=f"A command, or a topic: {', '.join(TOPICS)}.")
    ] = "",
) -> None:
    """Explain a command or a topic."""
    from fal_cli.app import run_words
    from fal_cli.commands import VERBS

    if word == "exit-codes":
        context.output.line(exit_codes())
    elif not word or word in VERBS:
        run_words([word, "--help"] if word else ["--help"], context)
    else:
        raise UsageError(f"no command or topic {word!r}", hint=f"Topics: {', '.join(TOPICS)}. Commands: fal --help")


def exit_codes() -> str:
    """The table of exit codes as text."""
    wide = max(len(code) for code, _, _ in EXIT_CODES)
    lines = [f"{'code'.ljust(wide)}  meaning", f"{''.ljust(wide)}    may I run it again?"]
    for code, meaning, again in EXIT_CODES:
        lines.append(f"{code.ljust(wide)}  {meaning}")
        if again:
            lines.append(f"{''.ljust(wide)}    {again}")
    return "\n".join(lines)


VERB = show_help
