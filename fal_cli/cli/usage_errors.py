"""Typer's complaints about a command line, told in our words, with what was probably meant."""

import re
from collections.abc import Sequence
from typing import Any

from fal_cli.cli import suggestions
from fal_cli.cli.suggestions import Suggestion
from fal_cli.context import Context
from fal_cli.errors import UsageError

_NO_COMMAND = re.compile(r"No such command (.+)\.", re.DOTALL)
_NO_CHOICE = re.compile(r"'([^']*)' is not one of ")


def explained(error: Exception, words: Sequence[str], context: Context) -> UsageError:
    """An error of Typer's own as one of ours."""
    message = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    typer_context: Any = getattr(error, "ctx", None)
    if typer_context is None:
        return UsageError(_sentence(message))
    unknown = _NO_COMMAND.fullmatch(message)
    if unknown:
        return _no_command(unknown[1], words, typer_context, context)
    if hasattr(error, "option_name") and message.startswith("No such option"):
        return _no_option(error.option_name, words, typer_context)
    if message == "Missing command.":
        return _missing_command(typer_context)
    sentence, where, words = _sentence(message), _where_help_is(typer_context), _help_words(typer_context)
    if message.startswith("Missing argument") and _param_name(error).startswith("endpoint"):
        return UsageError(sentence, hint=f"To find one: {context.program} models QUERY\n{where}", next=words)
    choice = _NO_CHOICE.search(message)
    near = suggestions.for_choice(choice[1], _choices(error)) if choice else ""
    return UsageError(f"{sentence}; did you mean {near}?" if near else sentence, hint=where, next=words)


def _no_command(shown: str, words: Sequence[str], typer_context: Any, context: Context) -> UsageError:
    """`shown` is the word as Python writes it."""
    word = next((word for word in words if repr(word) == shown), shown.strip("'\""))
    group = " ".join(typer_context.command_path.split()[1:])
    known = [name for name, command in typer_context.command.commands.items() if not command.hidden]
    meant = suggestions.for_command(word, words, group, known, tool=context.program, env=context.env)
    below = f" of '{typer_context.command_path}'" if group else ""
    names = ", ".join(known)
    return UsageError(
        f"no such command {word!r}{below}{meant.reason}",
        hint=meant.hint or f"Choose from: {names}",
        kind="unknown_command",
        next=_help_words(typer_context),
    )


def _no_option(option: str, words: Sequence[str], typer_context: Any) -> UsageError:
    command = typer_context.command
    known = [name for parameter in command.get_params(typer_context) for name in parameter.opts]
    takes_inputs = any(parameter.name == "items" for parameter in command.params)
    meant: Suggestion = suggestions.for_option(option, words, known, takes_inputs=takes_inputs)
    hint = meant.hint if meant.hint and not meant.reason else _where_help_is(typer_context)
    return UsageError(
        f"no such option: {option}{meant.reason}", hint=hint, kind="unknown_option", next=_help_words(typer_context)
    )


def _missing_command(typer_context: Any) -> UsageError:
    known = ", ".join(name for name, command in typer_context.command.commands.items() if not command.hidden)
    return UsageError(
        f"name a command of '{typer_context.command_path}': {known}",
        hint=_where_help_is(typer_context),
        next=_help_words(typer_context),
    )


def _sentence(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")


def _where_help_is(typer_context: Any) -> str:
    return f"Usage and examples: {typer_context.command_path} --help" if typer_context.command_path else ""


def _help_words(typer_context: Any) -> tuple[str, ...]:
    """The command that explains one to a program."""
    return (*typer_context.command_path.split()[1:], "--help", "--json")


def _param_name(error: Exception) -> str:
    return str(getattr(getattr(error, "param", None), "name", ""))


def _choices(error: Exception) -> list[str]:
    parameter = getattr(error, "param", None)
    return [str(choice) for choice in getattr(getattr(parameter, "type", None), "choices", ())]
