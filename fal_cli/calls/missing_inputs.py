"""Asking a person for the inputs that an endpoint requires and that were not given.

Only where stdin and stderr are terminals and no `CI` is set: a script never waits for an answer.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fal_cli.context import Context
from fal_cli.errors import UsageError
from fal_cli.files.attachment import Attachment
from fal_cli.inputs.reach import Reach
from fal_cli.schema import Field, missing, placed, typed
from fal_cli.schema.check import mismatch
from fal_cli.schema.report import lines
from fal_cli.terminal.sanitize import visible

if TYPE_CHECKING:
    from fal_cli.catalog.schemas import Known

_LONGEST_DESCRIPTION = 100


def completed(context: Context, known: "Known | None", given: Mapping[str, Any]) -> dict[str, Any]:
    """The input with what the person answers added. Raises `UsageError` where an answer is refused (Ctrl-D)."""
    found = dict(given)
    for field in missing(known.schema, found) if known and context.terminal.has_somebody else ():
        found[field.name] = _asked(context, field)
    return found


def _asked(context: Context, field: Field) -> Any:
    """One answer that fits its field."""
    for line in _introduced(field):
        context.notify.note(line)
    while True:
        value = _value(field, _line(context, field), context.reach)
        wrong = mismatch(field, value) if value != "" else []
        if value != "" and not wrong:
            return value
        for line in lines(wrong):
            context.notify.note(f"  {line}")


def _introduced(field: Field) -> list[str]:
    told = " ".join(field.description.split())
    told = f"{told[:_LONGEST_DESCRIPTION]}…" if len(told) > _LONGEST_DESCRIPTION else told
    choices = f"one of {', '.join(map(str, field.choices))}" if field.choices else ""
    file = "a file here, or a URL" if field.takes_file else ""
    return [visible(text) for text in (told, choices, file) if text]


def _line(context: Context, field: Field) -> str:
    line = context.terminal.ask(f"{visible(field.name)}: ")
    if line is None:
        raise UsageError(f"{field.name} is required", hint=f"Give it as {field.name}=…")
    return line


def _value(field: Field, text: str, reach: Reach) -> Any:
    if field.takes_file and "://" not in text and reach.file_there(text.removeprefix("@")):
        return placed(field, Attachment(key=field.name, path=reach.path(text.removeprefix("@"))))
    return typed(field, text)
