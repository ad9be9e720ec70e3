"""The command tree, and the only `except` that ends the process."""

import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated

import typer

from fal_cli import __version__
from fal_cli.commands import VERBS, Verb
from fal_cli.context import Context
from fal_cli.errors import Exit, Report, UsageError, report
from fal_cli.interrupts import Interrupted
from fal_cli.options import GlobalFlags, bind, help_tail
from fal_cli.terminal.output import ReaderGone

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def main(words: Sequence[str], context: Context) -> int:
    """Runs one command line and returns its exit code. Every failure ends here, as a sentence on stderr."""
    try:
        return run_words(words, context)
    except ReaderGone:
        return 0
    except Interrupted as interruption:
        for line in context.stake():
            context.talk.essential(line)
        return interruption.code
    except typer.TyperException as error:
        context.add_flags(GlobalFlags(json=_asks_for_json(words)))
        return _fail(context, _usage_report(error, words))
    except SystemExit:  # Typer's own end when the reader of its help is gone
        return 0
    except Exception as error:
        if context.env.get("FAL_DEBUG"):
            context.talk.debug(traceback.format_exc())
        return _fail(context, _kept(context, report(error, tool=context.tool, lost=context.lost)))


def run_words(words: Sequence[str], context: Context) -> int:
    """Parses and runs a command line without catching anything."""
    command = typer.main.get_command(build(words))
    code = command.main(args=list(words) or ["--help"], prog_name=context.program, standalone_mode=False, obj=context)
    return code if isinstance(code, int) else 0


def build(words: Sequence[str] | None = None) -> typer.Typer:
    """The command tree. Only the verbs that occur among `words` are imported; all of them if it is None.

    A verb is registered wherever its word stands, since an option's value may come before it; the others
    need no more than their line in the help, and nothing where the first word is the verb.
    """
    tree = typer.Typer(
        name="fal",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
        epilog="Begin with: fal --sandbox run fal-ai/flux/dev prompt='a cat'",
    )
    tree.callback()(bind(_root, is_root=True))
    is_named = bool(words) and words is not None and words[0] in VERBS
    for name, verb in VERBS.items():
        if is_named and words is not None and name != words[0]:
            continue
        if words is None or name in words:
            _register(tree, name, verb)
        else:
            tree.command(name, help=verb.help, hidden=verb.hidden)(_unreachable)
    return tree


def _root(
    context: Context, version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False
) -> None:
    """The command line for fal.ai's model endpoints: call one, follow it through the queue, keep its result."""
    if version:
        context.output.line(f"fal-cli {__version__}")
        raise typer.Exit


def _register(tree: typer.Typer, name: str, verb: Verb) -> None:
    module = import_module(f"fal_cli.commands.{verb.module}")
    subverbs: dict[str, Callable[..., None]] | None = getattr(module, "SUBVERBS", None)
    if subverbs is None:
        tree.command(name, hidden=verb.hidden, epilog=help_tail(module.EXAMPLES))(bind(module.VERB))
        return
    # A group with a verb of its own does that where no other is named: `fal history` beside `fal history show`.
    own = getattr(module, "VERB", None)
    group = typer.Typer(
        rich_markup_mode=None, help=own.__doc__ if own else verb.help, epilog=help_tail(module.EXAMPLES)
    )
    group.callback(invoke_without_command=own is not None)(bind(own or _group, is_group=True))
    for subname, function in subverbs.items():
        group.command(subname, epilog=help_tail(""))(bind(function))
    tree.add_typer(group, name=name)


def _group(context: Context) -> None:
    """Takes the global options that stand between a group's word and its verb's."""


def _unreachable() -> None:
    raise AssertionError("a verb that was typed is always registered")


def _usage_report(error: Exception, words: Sequence[str]) -> Report:
    """Typer's own complaint, with a hint where an input was written as an option."""
    message = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    option = str(getattr(error, "option_name", "") or "")
    takes_inputs = bool({"run", "submit", "subscribe", "stream"} & set(words))
    unknown = takes_inputs and option.startswith("--") and "No such option" in message
    hint = f"inputs are written {_as_input(option, words)}" if unknown else _where_help_is(error)
    return report(UsageError(message[:1].lower() + message[1:].rstrip("."), hint=hint))


def _where_help_is(error: Exception) -> str:
    command = getattr(getattr(error, "ctx", None), "command_path", "")
    return f"Usage and examples: {command} --help" if command else ""


def _as_input(option: str, words: Sequence[str]) -> str:
    """`--seed=7` or `--seed 7` as the input that was meant."""
    given = [word for word in words if word == option or word.startswith(f"{option}=")]
    name, equals, value = (given[0] if given else option).partition("=")
    following = list(words)[list(words).index(option) + 1 :] if option in words else []
    if not equals and following and not following[0].startswith("-"):
        value = following[0]
    return f"{name.lstrip('-')}={value or 'VALUE'}"


def _kept(context: Context, told: Report) -> Report:
    """A report that also says where the paid result is, if something failed after it was there."""
    if not context.accepted_id or told.code not in (Exit.FAILED, Exit.NOT_SAVED) or told.request_id:
        return told
    kept = f"The result is kept for a while: {context.tool} result {context.accepted_id}"
    return told._replace(hint=f"{told.hint}\n{kept}" if told.hint else kept)


def _asks_for_json(words: Sequence[str]) -> bool:
    """Whether `--json` stands among the options; a verb whose words cannot be parsed never got to say so."""
    options = list(words)[: list(words).index("--")] if "--" in words else words
    return "--json" in options


def _fail(context: Context, told: Report) -> int:
    context.talk.error(told, tool=context.program)
    return int(told.code)
