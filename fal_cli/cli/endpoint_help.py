"""What `--help` shows of an endpoint that stands beside it: `fal run fal-ai/flux/dev --help`."""

from collections.abc import Sequence

from fal_cli.cli.completion.walk import place
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.options import GlobalFlags

_WIDEST, _NARROWEST, _INDENT = 100, 20, 4
_VERBS = ("run", "submit", "stream", "realtime")
_HELP = ("-h", "--help")


def section(words: Sequence[str], context: Context) -> str:
    """The inputs of the endpoint that is named, as a section of a plain help text; "" if none is, or none are known."""
    here = place([word for word in words if word not in _HELP])
    named = here.words[0] if here.path in _VERBS and here.words else ""
    if "/" not in named or "=" in named:
        return ""
    flags = GlobalFlags(sandbox="--sandbox" in here.options, profile=here.given("--profile"))
    context.add_flags(flags)  # nothing is parsed yet
    try:
        return "\n".join(inputs_of(context, named))
    except CliError:  # hosts, a profile or the sandbox: help is no place to complain
        return ""


def inputs_of(context: Context, word: str) -> list[str]:
    """The inputs of the endpoint that a word names, laid out for the window; nothing if none are known."""
    from shutil import get_terminal_size

    from fal_cli.catalog.schemas import schema_for
    from fal_cli.endpoint import InvalidEndpoint, parse_target
    from fal_cli.terminal.schema_table import help_lines

    try:
        target = parse_target(word)
    except InvalidEndpoint:
        return []
    known = schema_for(context, target)
    width = max(min(get_terminal_size().columns, _WIDEST) - _INDENT, _NARROWEST)
    return help_lines(known.schema, known.endpoint, width=width) if known else []
