"""What `--help` shows of an endpoint that stands beside it: `fal run fal-ai/flux/dev --help`."""

from collections.abc import Sequence

from fal_cli.completion.walk import place
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.options import GlobalFlags

_VERBS = ("run", "submit", "stream", "realtime")
_HELP = ("-h", "--help")


def section(words: Sequence[str], context: Context) -> str:
    """The inputs of the endpoint that is named, as a section of a plain help text; "" if none is, or none are known."""
    here = place([word for word in words if word not in _HELP])
    named = here.words[0] if here.path in _VERBS and here.words else ""
    if "/" not in named or "=" in named:
        return ""
    from fal_cli import catalogue

    flags = GlobalFlags(sandbox="--sandbox" in here.options, profile=here.given("--profile"))
    context.add_flags(flags)  # nothing is parsed yet
    try:
        return "\n".join(catalogue.help_lines(context, named))
    except CliError:  # hosts, a profile or the sandbox: help is no place to complain
        return ""
