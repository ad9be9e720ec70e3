"""The command tree, built of the verbs that were typed."""

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated

import typer

from fal_cli import __version__
from fal_cli.cli.binding import bind, help_tail
from fal_cli.cli.help_words import OPTIONS
from fal_cli.cli.registry import VERBS, Verb
from fal_cli.context import Context

_LONGEST_LINE = 64
_EXAMPLES = """\
  fal --sandbox run fal-ai/flux/dev prompt="a cat"    # no key, no network, no cost
  fal models flux
  fal run fal-ai/flux/dev prompt="a cat" -o cat.png"""
_SETTINGS = {"help_option_names": list(OPTIONS)}


def build(words: Sequence[str] | None = None) -> typer.Typer:
    """The command tree. Only the verbs that occur among `words` are imported; all of them if it is None.

    A verb is registered wherever its word stands, since an option's value may come before it; the others
    need no more than their line in the help, and nothing where the first word is the verb.
    """
    tree = typer.Typer(
        name="fal",
        add_completion=False,
        suggest_commands=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
        epilog=help_tail(_EXAMPLES),
    )
    tree.callback()(bind(_root, is_root=True))
    is_named = bool(words) and words is not None and words[0] in VERBS
    for name, verb in VERBS.items():
        if is_named and words is not None and name != words[0]:
            continue
        if words is None or name in words:
            _register(tree, name, verb, words)
        else:
            tree.command(name, help=verb.help, short_help=verb.help, hidden=verb.hidden)(_unreachable)
    return tree


def _root(
    context: Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="With --help --json: a line for each command.")] = False,
) -> None:
    """The command line for fal.ai's model endpoints: call one, follow it through the queue, keep its result."""
    if version:
        context.output.line(f"fal-cli {__version__}", {"program": "fal-cli", "version": __version__})
        raise typer.Exit


def _register(tree: typer.Typer, name: str, verb: Verb, words: Sequence[str] | None) -> None:
    module = import_module(f"fal_cli.commands.{verb.module}")
    subverbs: dict[str, Callable[..., None]] | None = getattr(module, "SUBVERBS", None)
    first = _first_after(name, words) if getattr(module, "TAKES_WORDS", False) else ""
    if subverbs is None or (first and first not in subverbs):
        tree.command(name, hidden=verb.hidden, epilog=help_tail(module.EXAMPLES))(bind(module.VERB))
        return
    # A group with a verb of its own does that where no other is named: `fal history` beside `fal history show`.
    own = None if first else getattr(module, "VERB", None)
    group = typer.Typer(
        suggest_commands=False,
        rich_markup_mode=None,
        help=own.__doc__ if own else verb.help,
        epilog=help_tail(module.EXAMPLES),
    )
    group.callback(invoke_without_command=own is not None)(bind(own or _group, is_group=True))
    for subname, function in subverbs.items():
        tail = help_tail(_examples_of(f"{name} {subname}", module.EXAMPLES))
        group.command(subname, epilog=tail, short_help=_in_short(function))(bind(function))
    tree.add_typer(group, name=name)


def _first_after(name: str, words: Sequence[str] | None) -> str:
    """The word after a group's, which may be one of its own verb's, or name another verb; "" if there is none."""
    after = words[words.index(name) + 1 :] if words is not None and name in words else ()
    return next((word for word in after if not word.startswith("-")), "")


def _group(context: Context) -> None:
    """Takes the global options that stand between a group's word and its verb's."""


def _unreachable() -> None:
    raise AssertionError("a verb that was typed is always registered")


def _in_short(function: Callable[..., None]) -> str:
    """A verb's first sentence, for a list; its beginning where it is long."""
    line = (function.__doc__ or "").partition("\n")[0].partition(". ")[0].rstrip(".")
    return (line if len(line) <= _LONGEST_LINE else re.split(r"[:;,] ", line)[0]) + "."


def _examples_of(path: str, examples: str) -> str:
    """Those of a group's examples that call one of its commands."""
    call = re.compile(rf"\bfal (?:--\S+ )*{path}\b")
    return "\n".join(line for line in examples.splitlines() if call.search(line))
