"""What `--help` shows of an endpoint that stands beside it: `fal run fal-ai/flux/dev --help`."""

from collections.abc import Sequence

from fal_cli.cli.completion.walk import place
from fal_cli.cli.help_page import WIDEST
from fal_cli.cli.help_request import columns
from fal_cli.cli.help_words import OPTIONS
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.options import GlobalFlags

_NARROWEST = 20


def section(words: Sequence[str], named: str, context: Context) -> list[str]:
    """The inputs of the endpoint that is `named` among the words; nothing if none are known."""
    here = place([word for word in words if word not in OPTIONS])
    flags = GlobalFlags(sandbox="--sandbox" in here.options, profile=here.given("--profile"))
    context.add_flags(flags)  # nothing is parsed yet
    try:
        return inputs_of(context, named)
    except CliError:  # hosts, a profile or the sandbox: help is no place to complain
        return []


def inputs_of(context: Context, word: str) -> list[str]:
    """The inputs of the endpoint that a word names, laid out for the window; nothing if none are known."""
    from fal_cli.catalog.schemas import schema_for
    from fal_cli.endpoint import InvalidEndpoint, parse_target
    from fal_cli.terminal.schema_table import help_lines

    try:
        target = parse_target(_meant(context, word))
    except InvalidEndpoint:
        return []
    known = schema_for(context, target)
    width = max(min(columns(context.env), WIDEST), _NARROWEST)
    return help_lines(known.schema, known.endpoint, width=width) if known else []


def _meant(context: Context, word: str) -> str:
    """The endpoint that an alias stands for; any other word as it is. Raises `UsageError`."""
    from fal_cli.config import aliases
    from fal_cli.endpoint import looks_like_endpoint

    if looks_like_endpoint(word):
        return word
    project = context.project.aliases if context.project else {}
    found = aliases.own(context.env).get(word) or project.get(word)
    return found.endpoint if found else word
