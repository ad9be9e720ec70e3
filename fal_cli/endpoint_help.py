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
    named = _endpoint(words)
    if not named:
        return ""
    from fal_cli import catalogue

    context.add_flags(GlobalFlags(sandbox="--sandbox" in words, profile=_profile(words)))  # not parsed yet
    try:
        return "\n".join(catalogue.help_lines(context, named))
    except CliError:  # hosts, a profile or the sandbox: help is no place to complain
        return ""


def _endpoint(words: Sequence[str]) -> str:
    """The word that names an endpoint or a local app, where a call's help is asked for."""
    here = place([word for word in words if word not in _HELP])
    first = here.words[0] if here.path in _VERBS and here.words else ""
    return first if "/" in first and "=" not in first else ""


def _profile(words: Sequence[str]) -> str:
    for at, word in enumerate(words):
        if word == "--profile":
            return words[at + 1] if at + 1 < len(words) else ""
        if word.startswith("--profile="):
            return word.partition("=")[2]
    return ""
