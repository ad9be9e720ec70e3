"""A result to where it was asked to go: stdout in the form of `--print`, and files by `-o` and `-d`."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fal_cli.api.deadline import Deadline
from fal_cli.context import Context
from fal_cli.errors import CliError, UsageError
from fal_cli.options import PrintFlags, SaveFlags, words_of
from fal_cli.results import destination as places
from fal_cli.results.outcome import Outcome
from fal_cli.results.printing import Selection
from fal_cli.terminal.output import NotShown, ReaderGone

_FLAGS = b"has_nsfw_concepts"


class Delivery:
    """What `--print`, `--query`, `-o` and `-d` ask for together. Raises `UsageError` before anything is sent."""

    def __init__(self, context: Context, shown: PrintFlags, save: SaveFlags, *, many: bool = False) -> None:
        """With `many` each result ends with a newline, and `-o`, which names one file, is refused."""
        if many and save.output:
            raise UsageError(f"-o {save.output} is one file, and there are several requests", hint="Use: -d FOLDER/")
        self._context = context
        self._many = many
        self._saving = places.checked(save.output, save.directory, overwrite=save.overwrite, is_json=context.flags.json)
        self._previews = save.preview
        if save.preview:
            from fal_cli.results import preview

            preview.check(context)
        self._what = shown.print_ or ""
        self._prints_files = shown.print_ == "files" and not shown.query
        context.standing.asked = (*words_of(save), *words_of(shown))
        default = "none" if self._saving.to_stdout else "result"
        self._selection = Selection(context.output, context.notify.note, shown, default=default)

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Raises `UsageError` if a file is to be named after an input that there is none of."""
        places.check_fields(self._saving, inputs)

    @property
    def extension(self) -> str:
        """The extension that files are to have (`.png`), if the command names one; else ""."""
        return places.extension_of(self._saving)

    def deliver(
        self,
        outcome: Outcome,
        *,
        inputs: Mapping[str, Any] | None = None,
        can_fetch: bool = True,
        deadline: Deadline | None = None,
    ) -> None:
        """Prints and saves; a failure of the one does not keep the other from being done.

        `can_fetch` is False for a result that nothing can fetch again: it is printed as it is where it does not
        fit the form that was asked for, and saved where a terminal cannot show it. Raises `CliError` (code 11 for a
        file), `ReaderGone`.
        """
        context = self._context
        if can_fetch:
            context.standing.leave = partial(_left_behind, context, outcome.request_id)
        failure: CliError | ReaderGone | None = None
        names_its_file = context.output.machine and self._is_saved_itself(outcome)
        try:
            if not self._prints_files and not names_its_file:
                self._print(outcome)
        except (CliError, ReaderGone) as error:
            failure = error
            if isinstance(error, CliError) and not can_fetch:
                failure = self._as_it_is(outcome, error)
        try:
            files = self._save(outcome, inputs or {}, deadline)
        except CliError:
            if names_its_file:
                self._print(outcome)
            raise
        context.talk.sum_up(files=[str(path) for path in files] or None)
        if names_its_file:
            context.output.json({"content_type": outcome.result.content_type, "path": str(files[-1])})
        self._tell_flagged(outcome, files)
        if self._previews:
            self._preview(outcome)
        if failure is not None:
            raise failure
        if not files:
            self._tell_how_long(outcome)
        outcome.entry.delivered([str(path.absolute()) for path in files])

    def _is_saved_itself(self, outcome: Outcome) -> bool:
        """Whether the result is a file that `-o` or `-d` saves, which stdout then names."""
        from fal_cli.results import itself

        saves = bool(self._saving.template) and not self._prints_files
        return saves and self._what in ("", "result") and not outcome.is_json and itself.is_a_file(outcome)

    def _print(self, outcome: Outcome) -> None:
        if outcome.result.is_json and not outcome.result.body.looks_like_json:
            self._context.notify.warn(
                f"the result is not the JSON that its content type says ({outcome.result.content_type}); "
                "it is given as it came"
            )
        self._selection.write(outcome, ends_line=self._many)

    def _as_it_is(self, outcome: Outcome, failure: CliError) -> CliError:
        """Gives the bytes of a result out in any case. Answers the failure that is left to be told."""
        from fal_cli.results import unshown

        try:
            self._context.output.chunks(outcome.result.body.chunks(), outcome.result.content_type)
        except NotShown as error:
            return unshown.saved(error, outcome.endpoint, outcome.request_id)
        return failure

    def _tell_how_long(self, outcome: Outcome) -> None:
        """Says of the URLs of a private sandbox that they end with this command."""
        from fal_cli import media

        shows_urls = self._what in ("", "result", "envelope", "urls") and not self._saving.to_stdout
        if self._context.in_sandbox and shows_urls and media.find(outcome.data):
            self._context.notify.note(
                "a private sandbox serves these URLs only while the command runs; to keep the files: -d FOLDER/"
            )

    def _tell_flagged(self, outcome: Outcome, files: list[Path]) -> None:
        """Names the pictures that the model marked, by where they were saved if they were."""
        from fal_cli import media
        from fal_cli.api.body import IN_MEMORY_BYTES

        body = outcome.result.body
        is_small = len(body) <= IN_MEMORY_BYTES
        if not outcome.result.is_json or (_FLAGS not in body.read() if is_small else not files):
            return
        data = outcome.outline
        for file in media.flagged(data):
            place = media.find(data).index(file)
            saved = [path for path in files if path.suffix != ".json"]
            name = str(saved[place]) if place < len(saved) else file.url.partition(",")[0]
            self._context.notify.warn(f"{name}: the model marked it as not safe for work; it may be blacked out")

    def _preview(self, outcome: Outcome) -> None:
        from fal_cli.results import preview

        preview.show(self._context, outcome.outline, body=outcome.result.body, maker=outcome.endpoint)

    def _save(self, outcome: Outcome, inputs: Mapping[str, Any], deadline: Deadline | None) -> list[Path]:
        saving, body = self._saving, outcome.result.body
        saved = []
        if saving.result_file:
            places.save_result(saving.result_file, body.chunks())
            saved.append(saving.result_file)
        if self._prints_files and not saving.template:
            saving = replace(saving, template=places.DEFAULT_NAME)
        if saving.template or saving.to_stdout:
            media = self._media(outcome, saving, inputs, deadline)
            if self._prints_files:
                self._print_paths(media)
            saved += media
        return saved

    def _print_paths(self, paths: list[Path]) -> None:
        """A path a line; for a program a list of them."""
        if self._context.output.machine:
            self._context.output.json([str(path) for path in paths])
            return
        for path in paths:
            self._context.output.line(str(path))

    def _media(
        self, outcome: Outcome, saving: places.Saving, inputs: Mapping[str, Any], deadline: Deadline | None
    ) -> list[Path]:
        from fal_cli.results import download, itself, naming

        origin = naming.Origin(outcome.endpoint, outcome.request_id, inputs)
        if itself.is_a_file(outcome):
            return itself.save(self._context, outcome, saving, origin)
        wire, body = self._context.reading_wire(outcome.account, maker=outcome.endpoint), outcome.result.body
        saver = download.Saver(self._context, saving, wire, body=body, deadline=deadline, saved=outcome.saved)
        if saving.to_stdout:
            saver.write(outcome.outline)
            return []
        return saver.save(outcome.outline, origin)


def _left_behind(context: Context, request_id: str) -> tuple[str, ...]:
    """What is said where the printing or the saving of a result is interrupted."""
    return (f"The result is paid for and kept for a while. To have it: {context.command('result', request_id)}",)
