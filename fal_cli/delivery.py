"""A result to where it was asked to go: stdout in the form of `--print`, and files by `-o` and `-d`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fal_cli import saving as places
from fal_cli.api.events import Result
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.following import Outcome
from fal_cli.options import PrintFlags, SaveFlags
from fal_cli.saving import Saving
from fal_cli.terminal.output import ReaderGone
from fal_cli.terminal.selection import Selection


class Delivery:
    """What `--print`, `--query`, `-o` and `-d` ask for together. Raises `UsageError` before anything is sent."""

    def __init__(self, context: Context, shown: PrintFlags, save: SaveFlags) -> None:
        self._context = context
        self._saving = places.checked(save.output, save.directory, overwrite=save.overwrite)
        self._prints_files = shown.print_ == "files" and not shown.query
        default = "none" if self._saving.to_stdout else "result"
        self._selection = Selection(context.output, context.talk.note, shown, default=default)

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Raises `UsageError` if a file is to be named after an input that there is none of."""
        places.check_fields(self._saving, inputs)

    def deliver(
        self, outcome: Outcome, *, endpoint: str, inputs: Mapping[str, Any] | None = None, can_fetch: bool = True
    ) -> None:
        """Prints and saves; a failure of the one does not keep the other from being done.

        `can_fetch` is False for a result that nothing can fetch again: it is printed as it is where it does not
        fit the form that was asked for. Raises `CliError` (code 11 for a file), `ReaderGone`.
        """
        failure: CliError | ReaderGone | None = None
        try:
            if not self._prints_files:
                self._print(outcome, endpoint)
        except (CliError, ReaderGone) as error:
            failure = error
            if isinstance(error, CliError) and not can_fetch:
                self._context.output.data(outcome.result.body)
        self._save(outcome.result, endpoint, outcome.request_id, inputs or {})
        if failure is not None:
            raise failure

    def _print(self, outcome: Outcome, endpoint: str) -> None:
        self._selection.write(
            outcome.result,
            endpoint=endpoint,
            request_id=outcome.request_id,
            url=outcome.url,
            seconds=outcome.inference_seconds,
        )

    def _save(self, result: Result, endpoint: str, request_id: str, inputs: Mapping[str, Any]) -> None:
        from fal_cli import downloads

        saving = self._saving
        if saving.to_stdout:
            downloads.write_media(self._context, result.body)
        if saving.result_file:
            places.save_result(saving.result_file, result.body)
        if self._prints_files and not saving.template:
            saving = replace(saving, template=places.DEFAULT_NAME)
        if saving.template:
            self._save_media(saving, result, endpoint, request_id, inputs)

    def _save_media(
        self, saving: Saving, result: Result, endpoint: str, request_id: str, inputs: Mapping[str, Any]
    ) -> None:
        from fal_cli import downloads

        origin = downloads.Origin(endpoint, request_id, inputs)
        for path in downloads.save_media(self._context, saving, result.body, origin):
            if self._prints_files:
                self._context.output.line(str(path))
