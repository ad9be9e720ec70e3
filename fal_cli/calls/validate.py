"""The schema of one call at work: it types what is typed, and checks the whole before anything is sent."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fal_cli.endpoint import Target
from fal_cli.errors import InputRefused
from fal_cli.inputs.attachment import Attachment
from fal_cli.inputs.gather import UNKNOWN, is_document
from fal_cli.terminal.times import seconds_ago

if TYPE_CHECKING:
    from fal_cli.catalog.schemas import Known
    from fal_cli.context import Context
    from fal_cli.schema import Problem

_NOT_OLD_SECONDS = 60.0
_SANDBOX_KEY = "sandbox"
"""The input that orders a request's life in the sandbox; no model there documents it."""


class Checking:
    """What is known of an endpoint, asked for when it is first needed.

    Input that is all JSON is a program's, so nothing is asked for it: it is checked against what is kept, if
    anything is. With `asks` it is asked for anyway.
    """

    def __init__(self, context: "Context", target: Target, words: Sequence[str], *, asks: bool = False) -> None:
        self._context = context
        self._target = target
        self._asks = asks or not all(map(is_document, words))
        self._known: Known | None = None
        self._is_settled = False

    def type_value(self, path: tuple[str, ...], value: str | Attachment) -> object:
        """What a key's text, or the file for it, is to its input; `UNKNOWN` where the schema does not say."""
        from fal_cli.schema import find, placed, typed

        known = self.known()
        field = find(known.schema, path) if known else None
        if field is None or not field.kinds:
            return UNKNOWN
        return placed(field, value) if isinstance(value, Attachment) else typed(field, value)

    def check(self, given: Mapping[str, Any]) -> None:
        """Raises `InputRefused` for what is wrong with an input, after a last look at the schema of today."""
        known = self.known()
        found = self._problems(known, given)
        if found and known and known.age > _NOT_OLD_SECONDS:
            known = self._asked_again()
            found = self._problems(known, given)
        if found and known and known.is_old:
            self._context.notify.warn(f"by its schema of {seconds_ago(known.age)}: {_in_one_line(found)}")
        elif found:
            raise self._refusal(found)
        elif known:
            self._tell_undocumented(known, given)

    def known(self) -> "Known | None":
        """What is known of the endpoint; None where nothing is."""
        from fal_cli.catalog import schemas

        if not self._is_settled:
            self._is_settled = True
            learn = schemas.schema_for if self._asks else schemas.kept_schema
            self._known = learn(self._context, self._target)
        return self._known

    def _asked_again(self) -> "Known | None":
        from fal_cli.catalog import schemas

        self._known = schemas.schema_for(self._context, self._target, refresh=True)
        return self._known

    def _problems(self, known: "Known | None", given: Mapping[str, Any]) -> "list[Problem]":
        from fal_cli.schema import problems

        return problems(known.schema, dict(given)) if known else []

    def _tell_undocumented(self, known: "Known", given: Mapping[str, Any]) -> None:
        from fal_cli.schema import undocumented

        names = [name for name in undocumented(known.schema, dict(given)) if name != _SANDBOX_KEY]
        if names:
            told = "is no documented input" if len(names) == 1 else "are no documented inputs"
            self._context.notify.note(f"{', '.join(names)} {told} of {self._target}; sent as given")

    def _refusal(self, found: "list[Problem]") -> InputRefused:
        from fal_cli.schema.report import lines

        tool = self._context.tool
        return InputRefused(
            f"the input does not fit {self._target}, so nothing was sent",
            lines=lines(found),
            hint=f"What it takes: {tool} schema {self._target}. To send it as it is: --no-validate",
        )


def _in_one_line(found: "list[Problem]") -> str:
    from fal_cli.schema.report import lines

    return "; ".join(lines(found))
