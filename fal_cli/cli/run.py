"""One command line, parsed and run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from fal_cli.cli import help_words
from fal_cli.cli.program import build
from fal_cli.context import Context
from fal_cli.durations import ANY_AGE
from fal_cli.options import GlobalFlags

if TYPE_CHECKING:
    from fal_cli.cli.help_request import HelpRequest

_JSON = "--json"
_ONCE = "--once"


def run_words(words: Sequence[str], context: Context) -> int:
    """Parses and runs a command line without catching anything."""
    if not words and context.streams.stdout_is_terminal:
        from fal_cli.cli.welcome import welcome

        welcome(context)
        return 0
    if _asks_for_tree(words):
        from fal_cli.cli import tree

        if tree.write(context, [word for word in words if word not in (*help_words.OPTIONS, _JSON)]):
            return 0
    if help_words.may_ask(words) and _helped(words, context):
        return 0
    command = typer.main.get_command(build(words))
    code = command.main(args=_with_ages(words), prog_name=context.program, standalone_mode=False, obj=context)
    return code if isinstance(code, int) else 0


def _helped(words: Sequence[str], context: Context) -> bool:
    """Whether the words asked for help, which is written then. Raises `ReaderGone`."""
    from fal_cli.cli import help_request

    asked = help_request.asked(words)
    if asks_for_json(words) and any(word in help_words.OPTIONS for word in words):
        from fal_cli.cli import tree
        from fal_cli.cli.completion.walk import place

        if tree.write(context, place([word for word in words if word not in help_words.OPTIONS]).path.split()):
            return True  # a command, with words of its own beside it
    if asked:
        _show(asked, words, context)
    return asked is not None


def _with_ages(words: Sequence[str]) -> list[str]:
    """The words with `--once` alone as `--once=any`: a value that may be left out never takes the next word."""
    end = list(words).index("--") if "--" in words else len(words)
    return [f"{_ONCE}={ANY_AGE}" if word == _ONCE and at < end else word for at, word in enumerate(words)]


def asks_for_json(words: Sequence[str]) -> bool:
    """Whether `--json` stands among the options; a verb whose words cannot be parsed never got to say so."""
    options = list(words)[: list(words).index("--")] if "--" in words else words
    return _JSON in options


def _show(asked: "HelpRequest", words: Sequence[str], context: Context) -> None:
    """Writes the help that is asked for. Raises `ReaderGone`."""
    from fal_cli.cli.help_request import columns
    from fal_cli.terminal.output import Screen

    context.add_flags(GlobalFlags(no_color="--no-color" in words))
    inputs: list[str] = []
    if asked.endpoint:
        from fal_cli.cli import endpoint_help

        inputs = endpoint_help.section(words, asked.endpoint, context)
    screen = Screen(context.output)
    width = columns(context.env)
    screen.write(asked.lines(width, program=context.program, color=screen.color, inputs=inputs))


def _asks_for_tree(words: Sequence[str]) -> bool:
    """Whether the words are those of a command, with `--help` and `--json` and nothing else."""
    plain = all(word in (*help_words.OPTIONS, _JSON, "--brief") or not word.startswith("-") for word in words)
    return plain and _JSON in words and any(word in help_words.OPTIONS for word in words)
