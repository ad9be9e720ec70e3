"""An endpoint's schema at one call: what is known of it, and the check of an input before anything is sent."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fal_cli.endpoint import Target
from fal_cli.errors import InputRefused
from fal_cli.terminal.times import seconds_ago

if TYPE_CHECKING:
    from fal_cli.catalog.schemas import Known
    from fal_cli.context import Context
    from fal_cli.schema import Problem

_NOT_OLD_SECONDS = 60.0
_SANDBOX_KEY = "sandbox"
"""The input that orders a request's life in the sandbox; no model there documents it."""


def known(context: "Context", target: Target, *, asks: bool) -> "Known | None":
    """What is known of an endpoint; None where nothing is. Without `asks` only what is kept."""
    from fal_cli.catalog import schemas

    return schemas.schema_for(context, target) if asks else schemas.kept_schema(context, target)


def check(context: "Context", target: Target, known: "Known | None", given: Mapping[str, Any]) -> None:
    """Raises `InputRefused` for what is wrong with an input, after a last look at the schema of today."""
    found = _problems(known, given)
    if found and known and known.age > _NOT_OLD_SECONDS:
        from fal_cli.catalog import schemas

        known = schemas.schema_for(context, target, refresh=True)
        found = _problems(known, given)
    if found and known and known.is_old:
        context.notify.warn(f"by its schema of {seconds_ago(known.age)}: {_in_one_line(found)}")
    elif found:
        raise _refusal(context, target, found)
    elif known:
        _tell_undocumented(context, target, known, given)


def _problems(known: "Known | None", given: Mapping[str, Any]) -> "list[Problem]":
    from fal_cli.schema import problems

    return problems(known.schema, dict(given)) if known else []


def _tell_undocumented(context: "Context", target: Target, known: "Known", given: Mapping[str, Any]) -> None:
    from fal_cli.schema import undocumented

    names = [name for name in undocumented(known.schema, dict(given)) if name != _SANDBOX_KEY]
    if names:
        told = "is no documented input" if len(names) == 1 else "are no documented inputs"
        context.notify.note(f"{', '.join(names)} {told} of {target}; sent as given")


def _refusal(context: "Context", target: Target, found: "list[Problem]") -> InputRefused:
    from fal_cli.schema.report import lines

    return InputRefused(
        f"the input does not fit {target}, so nothing was sent",
        lines=lines(found),
        hint=f"What it takes: {context.tool} schema {target}. To send it as it is: --no-validate",
    )


def _in_one_line(found: "list[Problem]") -> str:
    from fal_cli.schema.report import lines

    return "; ".join(lines(found))
