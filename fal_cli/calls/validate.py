"""An endpoint's schema for one call, and the check of its input before anything is sent."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fal_cli.api.catalog_entry import DEPRECATED
from fal_cli.endpoint import EndpointId, LocalApp, Target
from fal_cli.errors import FieldFault, InputRefused, NotFound
from fal_cli.terminal.times import seconds_ago

if TYPE_CHECKING:
    from fal_cli.catalog.schemas import Known, Looked
    from fal_cli.context import Context
    from fal_cli.inputs.literals import Literal
    from fal_cli.schema import Problem

NOT_OLD_SECONDS = 60.0
_MOST_NAMED = 10
_MOST_ROWS = 50
_SANDBOX_KEY = "sandbox"
"""The input that orders a request's life in the sandbox; no model there documents it."""


def look(context: "Context", target: Target) -> "Looked":
    """The schema of an endpoint: cached, or fetched."""
    from fal_cli.catalog import schemas

    return schemas.look(context, target)


def tell_deprecated(context: "Context", target: Target, known: "Known | None") -> None:
    """Warns of an endpoint that the catalogue calls deprecated, and names its successor where the catalogue does."""
    if known is None or known.status != DEPRECATED:
        return
    instead = f"; its successor is {known.successor}" if known.successor else ""
    context.notify.warn(f"{target} is deprecated{instead}")


def known(context: "Context", target: Target) -> "Known | None":
    """The cached schema of an endpoint. Sends nothing."""
    from fal_cli.catalog import schemas

    return schemas.kept_schema(context, target)


def check_endpoint(context: "Context", target: Target, looked: "Looked") -> None:
    """Raises `NotFound` for an endpoint that surely is misspelt: the service knows none of that name, and one like it.

    A private app or a new one is not listed either, so nothing else is refused: what was called here before, a
    workflow, another number in the name.
    """
    if not looked.is_unknown or not isinstance(target, EndpointId) or target.namespace or _was_called(context, target):
        return
    from fal_cli.catalog.models import nearest_endpoint
    from fal_cli.catalog.schemas import look
    from fal_cli.schema.edits import is_near

    near = nearest_endpoint(context, target, asks=looked.is_asked)
    if near == str(target):
        return  # it is listed all the same
    if near and is_near(str(target), near):
        now = looked if looked.is_asked else look(context, target, refresh=True)
        if now.is_unknown and now.is_asked:
            raise NotFound(
                f"no endpoint {target}, so nothing was sent",
                hint=f"Did you mean {near}? To send it as it is: --no-validate",
                kind="endpoint_not_found",
                next=("schema", near),
            )
    elif looked.is_asked:
        perhaps = f" (there is {near})" if near else ""
        context.notify.note(f"the service does not list {target}{perhaps}; sent anyway")


def check(
    context: "Context", target: Target, known: "Known | None", given: Mapping[str, Any], *, is_complete: bool = True
) -> "Known | None":
    """Raises `InputRefused` for an invalid input, after checking it against today's schema.

    Missing inputs count only if it `is_complete`. Returns the schema that was used.
    """
    found = _problems(known, given, is_complete=is_complete)
    if found and known and known.age > NOT_OLD_SECONDS:
        from fal_cli.catalog import schemas

        known = schemas.schema_for(context, target, refresh=True)
        found = _problems(known, given, is_complete=is_complete)
    if found and known and known.is_old:
        if is_complete:
            context.notify.warn(f"by its schema of {seconds_ago(known.age)}: {_in_one_line(found)}")
        found = []
    literals = [one for one in _literals(context, known, given) if one.is_refused and not isinstance(target, LocalApp)]
    places = [one.path for one in literals]
    found = [problem for problem in found if problem.path not in places]
    if found or literals:
        raise _refusal(context, target, found, literals, _faults(known, given, found, literals))
    return known


def tell(context: "Context", target: Target, known: "Known | None", given: Mapping[str, Any]) -> None:
    """Notes oddities of an input that is sent anyway."""
    for literal in _literals(context, known, given):
        context.notify.note(str(literal))
    if known:
        _tell_undocumented(context, target, known, given)


def _was_called(context: "Context", target: Target) -> bool:
    """Whether the service has run this endpoint for a call from here."""
    from fal_cli.ledger.rows import Search, State

    if not context.ledger_path.exists():
        return False
    rows = context.journal.search(Search(endpoint=str(target), limit=_MOST_ROWS))
    return any(row.endpoint == str(target) and row.state in (State.RUNNING, State.COMPLETED) for row in rows)


def _problems(known: "Known | None", given: Mapping[str, Any], *, is_complete: bool) -> "list[Problem]":
    from fal_cli.schema import problems

    found = problems(known.schema, dict(given)) if known else []
    return [problem for problem in found if is_complete or problem.kind != "missing"]


def _literals(context: "Context", known: "Known | None", given: Mapping[str, Any]) -> "list[Literal]":
    from fal_cli.inputs.literals import literals

    return literals(known.schema if known else None, dict(given), context.reach)


def _tell_undocumented(context: "Context", target: Target, known: "Known", given: Mapping[str, Any]) -> None:
    from fal_cli.schema import undocumented

    names = [name for name in undocumented(known.schema, dict(given)) if name != _SANDBOX_KEY]
    if names:
        left = len(names) - _MOST_NAMED
        named = ", ".join(names[:_MOST_NAMED]) + (f" and {left} more" if left > 0 else "")
        which = "is not a documented input" if len(names) == 1 else "are not documented inputs"
        context.notify.note(f"{named} {which} of {target}; sent as given")


def _faults(
    known: "Known | None", given: Mapping[str, Any], found: "list[Problem]", literals: "list[Literal]"
) -> tuple[FieldFault, ...]:
    from fal_cli.schema.report import faults

    of_schema = faults(known.schema, given, found) if known else ()
    of_files = (
        FieldFault(one.path, "local_file", str(one), one.text, "a URL", f"@{one.file}" if one.file else None)
        for one in literals
    )
    return (*of_schema, *of_files)


def _refusal(
    context: "Context",
    target: Target,
    found: "list[Problem]",
    literals: "list[Literal]",
    faults: tuple[FieldFault, ...],
) -> InputRefused:
    from fal_cli.schema.report import lines

    takes = f"See its inputs: {context.tool} schema {target}. " if found else ""
    return InputRefused(
        f"the input does not fit {target}, so nothing was sent",
        lines=(*lines(found), *map(str, literals)),
        hint=f"{takes}To send it as it is: --no-validate",
        next=("schema", str(target)),
        fields=faults,
    )


def _in_one_line(found: "list[Problem]") -> str:
    from fal_cli.schema.report import lines

    return "; ".join(lines(found))
