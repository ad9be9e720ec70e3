"""What may stand where an endpoint is wanted: one itself, a local app, an alias, on a terminal a word of its name."""

import re
from typing import TYPE_CHECKING, NamedTuple

from fal_cli import endpoint
from fal_cli.context import Context
from fal_cli.endpoint import InvalidEndpoint, Target
from fal_cli.errors import UsageError

if TYPE_CHECKING:
    from fal_cli.api.catalog_entry import Model
    from fal_cli.config.aliases import Alias

_MOST_OFFERED = 9
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")


class Named(NamedTuple):
    """A target, and the alias that stood for it with the items that it sets."""

    target: Target
    alias: "Alias | None" = None

    @property
    def words(self) -> tuple[str, ...]:
        return self.alias.words if self.alias else ()


def named(context: Context, name: str, path: str = "") -> Named:
    """What a word names, with a path appended. One's own alias wins over the project's. Raises `UsageError`."""
    alias = _alias(context, name)
    return Named(parse_target(alias.endpoint if alias else name, path), alias)


def tell(context: Context, found: Named, *, aloud: bool = False) -> None:
    """Says what an alias stands for: with `aloud`, or of the project's, to all; else to those who want decisions."""
    alias = found.alias
    if alias is None:
        return
    is_own = context.project is None or alias.source != str(context.project.path)
    told = f"{alias.name} is {alias.text}" + ("" if is_own else f" ({alias.source})")
    if aloud or not is_own:
        context.notify.note(told)
    else:
        context.notify.decision(told)


def chosen(context: Context, name: str) -> str:
    """The name as it is, or where it is none and somebody is there to choose, one of the models that match it.

    Raises `UsageError` where nothing is chosen.
    """
    if endpoint.looks_like_endpoint(name) or not _WORD.fullmatch(name) or not context.terminal.has_somebody:
        return name
    if _alias(context, name):
        return name
    found = _matching(context, name)
    return _asked(context, name, found) if found else name


def parse_target(name: str, path: str = "") -> Target:
    """The endpoint or local app that a word names, with a path appended. Raises `UsageError`."""
    try:
        return endpoint.parse_target(name).joined(path)
    except InvalidEndpoint as error:
        from fal_cli.cli import suggestions

        hint = suggestions.for_endpoint(name)
        if not hint and _WORD.fullmatch(name):
            hint = f"Look for it: fal models {name}\nTo give an endpoint a short name: fal alias set {name} ENDPOINT"
        raise UsageError(str(error), hint=hint) from None


def _alias(context: Context, name: str) -> "Alias | None":
    if endpoint.looks_like_endpoint(name):
        return None
    from fal_cli.config import aliases

    own = aliases.own(context.env).get(name)
    return own or (context.project.aliases.get(name) if context.project else None)


def _matching(context: Context, name: str) -> "list[Model]":
    """The models that match a word: those with it in their id before others."""
    from fal_cli.catalog import models

    found = models.matching(context, name, 5 * _MOST_OFFERED)
    active = [model for model in found if model.status != "deprecated"]
    return sorted(active, key=lambda model: name.lower() not in model.endpoint.lower())[:_MOST_OFFERED]


def _asked(context: Context, name: str, found: "list[Model]") -> str:
    context.notify.note(f"{name!r} is not an endpoint; these match it:")
    wide = max(len(model.endpoint) for model in found)
    for number, model in enumerate(found, 1):
        context.notify.note(f"  {number}  {model.endpoint:{wide}}  {model.category}".rstrip())
    while True:
        answer = context.terminal.ask(f"Which one (1 to {len(found)}, nothing for none)? ")
        if not answer:
            raise UsageError(f"{name!r} is not an endpoint", hint=f"Look for it: {context.tool} models {name}")
        if answer.isdecimal() and 1 <= int(answer) <= len(found):
            return found[int(answer) - 1].endpoint
        if answer in [model.endpoint for model in found]:
            return answer
