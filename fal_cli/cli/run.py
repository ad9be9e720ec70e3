"""One command line, parsed and run."""

from collections.abc import Sequence

import typer

from fal_cli.cli.program import HELP_OPTIONS, build
from fal_cli.context import Context

_JSON = "--json"


def run_words(words: Sequence[str], context: Context) -> int:
    """Parses and runs a command line without catching anything."""
    if not words and context.streams.stdout_is_terminal:
        from fal_cli.cli.welcome import welcome

        welcome(context)
        return 0
    if _asks_for_tree(words):
        from fal_cli.cli import tree

        if tree.write(context, [word for word in words if word not in (*HELP_OPTIONS, _JSON)]):
            return 0
    if asks_for_json(words) and any(word in HELP_OPTIONS for word in words):
        from fal_cli.cli import tree
        from fal_cli.cli.completion.walk import place

        if tree.write(context, place([word for word in words if word not in HELP_OPTIONS]).path.split()):
            return 0  # a command, with words of its own beside it
    section = ""
    if any(word in HELP_OPTIONS for word in words):
        from fal_cli.cli import endpoint_help

        section = endpoint_help.section(words, context)
    command = typer.main.get_command(build(words, section=section))
    if context.streams.stdout_is_terminal and any(word in HELP_OPTIONS for word in words):
        from fal_cli.cli.help_layout import lay_out

        lay_out(command)
    code = command.main(args=list(words) or ["--help"], prog_name=context.program, standalone_mode=False, obj=context)
    return code if isinstance(code, int) else 0


def asks_for_json(words: Sequence[str]) -> bool:
    """Whether `--json` stands among the options; a verb whose words cannot be parsed never got to say so."""
    options = list(words)[: list(words).index("--")] if "--" in words else words
    return _JSON in options


def _asks_for_tree(words: Sequence[str]) -> bool:
    """Whether the words are those of a command, with `--help` and `--json` and nothing else."""
    plain = all(word in (*HELP_OPTIONS, _JSON, "--brief") or not word.startswith("-") for word in words)
    return plain and _JSON in words and any(word in HELP_OPTIONS for word in words)
