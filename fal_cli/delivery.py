"""A result to where it was asked to go: stdout in the form of `--print`, and files by `-o` and `-d`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fal_cli import saving as places
from fal_cli.api.events import Result
from fal_cli.context import Context
from fal_cli.following import Outcome
from fal_cli.options import PrintFlags, SaveFlags
from fal_cli.saving import Saving
from fal_cli.terminal.selection import Selection


class Delivery:
    """What `--print`, `--query`, `-o` and `-d` ask for together. Raises `UsageError` before anything is sent."""

    def __init__(self, context: Context, shown: PrintFlags, save: SaveFlags) -> None:
        self._context = context
        self._saving = places.checked(save.output, save.directory, overwrite=save.overwrite)
        self._prints_files = shown.print_ == "files" and not shown.query
        default = "none" if self._saving.to_stdout else "result"
        self._selection = Selection(context.output, context.talk.note, shown, default=default)

    def deliver(self, outcome: Outcome, *, endpoint: str, inputs: Mapping[str, Any] | None = None) -> None:
        """Prints first and saves then, so that a file that cannot be saved costs no result.

        Raises `CliError`, with code 11 for a file.
        """
        if not self._prints_files:
            self._selection.write(
                outcome.result,
                endpoint=endpoint,
                request_id=outcome.request_id,
                url=outcome.url,
                seconds=outcome.inference_seconds,
            )
        self._save(outcome.result, endpoint, outcome.request_id, inputs or {})

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
