"""A result to where it was asked to go: stdout in the form of `--print`, and files by `-o` and `-d`."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fal_cli.api.deadline import Deadline
from fal_cli.context import Context
from fal_cli.errors import CliError, NotSaved, UsageError
from fal_cli.options import PrintFlags, SaveFlags, words_of
from fal_cli.results import destination as places
from fal_cli.results.outcome import Outcome
from fal_cli.results.printing import Selection
from fal_cli.terminal.output import NotShown, ReaderGone

if TYPE_CHECKING:
    from fal_cli.api.wires import Wires

_FLAGS = b"has_nsfw_concepts"


class Delivery:
    """What `--print`, `--query`, `-o` and `-d` ask for together. Raises `UsageError` before anything is sent."""

    def __init__(
        self,
        context: Context,
        shown: PrintFlags,
        save: SaveFlags,
        *,
        many: bool = False,
        within: Path | None = None,
        is_private: bool = False,
    ) -> None:
        """With `many` each result ends with a newline, and `-o`, which names one file, is refused.

        Files leave the folder `within` by no link, if there is one.
        """
        if many and save.output:
            raise UsageError(f"-o {save.output} is one file, and there are several requests", hint="Use: -d FOLDER/")
        self._context = context
        self._many = many
        self._wires: dict[object, Wires] = {}
        self._saving = places.checked(save.output, save.directory, overwrite=save.overwrite, is_json=context.flags.json)
        self._saving = replace(self._saving, within=within)
        self._previews = save.preview
        if save.preview:
            from fal_cli.results import preview

            preview.check(context)
        self._opens = save.open
        self._sidecars = save.sidecar
        if save.sidecar:
            _check_sidecar(self._saving, is_private)
        self._what = shown.print_ or ""
        self._prints_files = shown.print_ == "files" and not shown.query
        context.standing.asked = (*words_of(save), *words_of(shown))
        default = "none" if self._saving.to_stdout else "result"
        self._selection = Selection(context.output, context.notify.note, shown, default=default)
        is_asked_for = bool(shown.print_ or shown.query)
        self.closes = context.output.is_terminal and self._saving.saves and not is_asked_for
        """Whether a line for each file tells what was made, in place of the result: on a terminal, where files are
        saved and nothing else was asked for."""
        if save.open:
            _check_open(context, self._saving)

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Raises `UsageError` if a file is to be named after an input that does not exist."""
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
        """Prints and saves. A failure of one does not stop the other.

        `can_fetch` is False for a result that nothing can fetch again: it is printed as it is where it does not
        fit the form that was asked for, and saved where a terminal cannot show it. Raises `CliError` (code 11 for a
        file), `ReaderGone`.
        """
        context = self._context
        if can_fetch:
            context.standing.leave = partial(_left_behind, context, outcome.request_id)
        names_its_file = context.output.machine and self._is_saved_itself(outcome)
        failure = None if self.closes or names_its_file else self._printed(outcome, can_fetch)
        saved: list[Path] = []
        try:
            self._save(outcome, inputs or {}, deadline, saved)
        except CliError:
            if self.closes:  # what was not saved is at least to be seen
                self._close(outcome, inputs or {}, saved)
            if self.closes or names_its_file:
                self._printed(outcome, can_fetch)
            raise
        if self.closes and not saved:
            failure = self._printed(outcome, can_fetch)
        context.talk.sum_up(files=[str(path) for path in saved] or None)
        if names_its_file:
            context.output.json({"content_type": outcome.result.content_type, "path": str(saved[-1])})
        self._tell_flagged(outcome, saved)
        if self._previews and not (self.closes and saved):
            self._preview(outcome)
        if failure is not None:
            raise failure
        if not saved:
            self._tell_how_long(outcome)
        outcome.entry.delivered([str(path.absolute()) for path in saved], _hashes(saved))
        if self._sidecars:
            self._write_sidecars(outcome, inputs or {}, saved)
        if self.closes:
            self._close(outcome, inputs or {}, saved)
        if self._opens:
            self._open(outcome, saved)

    def _printed(self, outcome: Outcome, can_fetch: bool) -> CliError | ReaderGone | None:
        """Prints the result. Returns the failure, which stops nothing else."""
        try:
            if not self._prints_files:
                self._print(outcome)
        except (CliError, ReaderGone) as error:
            if isinstance(error, CliError) and not can_fetch:
                return self._as_it_is(outcome, error)
            return error
        return None

    def _close(self, outcome: Outcome, inputs: Mapping[str, Any], saved: Sequence[Path]) -> None:
        from fal_cli.results import closing

        if saved and self._context.talk.level >= 0:
            closing.tell(self._context, outcome, inputs, saved, draws=self._previews)

    def _write_sidecars(self, outcome: Outcome, inputs: Mapping[str, Any], saved: Sequence[Path]) -> None:
        from fal_cli.results import sidecar

        if outcome.entry.is_private:
            self._context.notify.warn("the call was private, so no sidecar is saved")
            return
        for path in saved:
            try:
                written = sidecar.write(path, outcome, inputs)
            except OSError as error:
                raise NotSaved(f"cannot save the sidecar of {path}: {error.strerror or error}") from None
            if not self.closes:
                self._context.notify.note(f"saved {written}")

    def _open(self, outcome: Outcome, saved: Sequence[Path]) -> None:
        from fal_cli import media
        from fal_cli.terminal.browser import in_browser, is_web
        from fal_cli.terminal.hyperlinks import file_url

        urls = [file_url(str(path)) for path in saved] or [file.url for file in media.find(outcome.outline)]
        found = next((url for url in urls if url.startswith("file:") or is_web(url)), "")
        if not found:
            self._context.notify.warn("the result names no file to open")
        elif not in_browser(self._context.env, found):
            self._context.notify.note(f"no program to open it with: {found}")

    def _is_saved_itself(self, outcome: Outcome) -> bool:
        """Whether the result is a file that `-o` or `-d` saves, which stdout then names."""
        from fal_cli.results import itself

        saves = bool(self._saving.template) and not self._prints_files
        return saves and self._what in ("", "result") and not outcome.is_json and itself.is_a_file(outcome)

    def _print(self, outcome: Outcome) -> None:
        if outcome.result.is_json and not outcome.result.body.looks_like_json:
            self._context.notify.warn(
                f"the result is not valid JSON, as its content type says ({outcome.result.content_type}); "
                "it is passed on as it came"
            )
        self._selection.write(outcome, ends_line=self._many)

    def _as_it_is(self, outcome: Outcome, failure: CliError) -> CliError:
        """Writes the bytes of a result in any case. Returns the failure that must still be reported."""
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

    def _save(self, outcome: Outcome, inputs: Mapping[str, Any], deadline: Deadline | None, saved: list[Path]) -> None:
        """Saves what is to be saved; `saved` grows by the path of each file, also where another one fails."""
        saving, body = self._saving, outcome.result.body
        if saving.result_file:
            places.save_result(saving.result_file, body.chunks())
            saved.append(saving.result_file)
        if self._prints_files and not saving.template:
            saving = replace(saving, template=places.DEFAULT_NAME)
        if saving.template or saving.to_stdout:
            media: list[Path] = []
            try:
                self._media(outcome, saving, inputs, deadline, media)
            finally:
                saved += media
            if self._prints_files:
                self._print_paths(media)

    def _print_paths(self, paths: list[Path]) -> None:
        """A path a line; for a program a list of them."""
        if self._context.output.machine:
            self._context.output.json([str(path) for path in paths])
            return
        for path in paths:
            self._context.output.line(str(path))

    def _media(
        self,
        outcome: Outcome,
        saving: places.Saving,
        inputs: Mapping[str, Any],
        deadline: Deadline | None,
        saved: list[Path],
    ) -> None:
        from fal_cli.results import download, itself, naming

        def tell(path: Path) -> None:
            saved.append(path)
            if not self.closes:
                self._context.notify.note(f"saved {path}")

        origin = naming.Origin(outcome.endpoint, outcome.request_id, inputs)
        if itself.is_a_file(outcome):
            itself.save(self._context, outcome, saving, origin, tell)
            return
        wires, body = self._wires_for(outcome), outcome.result.body
        saver = download.Saver(
            self._context, saving, wires, body=body, deadline=deadline, saved=outcome.saved, tell=tell
        )
        if saving.to_stdout:
            saver.write(outcome.outline)
        else:
            saver.save(outcome.outline, origin)

    def _wires_for(self, outcome: Outcome) -> "Wires":
        """The connections for its files, kept for the results of the same account that follow."""
        from fal_cli.api.wires import Wires

        account, maker = outcome.account, outcome.endpoint if "://" in outcome.endpoint else ""
        key = (account.hosts, account.credential.authorization, maker) if account else maker
        if key not in self._wires:
            self._wires[key] = Wires(self._context.reading_wire(account, maker=outcome.endpoint))
        return self._wires[key]


def _hashes(saved: Sequence[Path]) -> list[str]:
    """What the files that were saved are known by; nothing of one that is gone already."""
    from fal_cli.files.digest import sha256

    found = []
    for path in saved:
        with suppress(OSError):
            found.append(sha256(path))
    return found


def _check_sidecar(saving: places.Saving, is_private: bool) -> None:
    """Raises `UsageError` where no sidecar can be or may be."""
    if is_private:
        raise UsageError("a private call saves no --sidecar, which would hold the input")
    if not saving.template:
        raise UsageError("--sidecar is for saved files", hint="Save them: -o FILE or -d FOLDER/")


def _check_open(context: Context, saving: places.Saving) -> None:
    """Raises `UsageError` if there will be nothing to open."""
    if saving.to_stdout:
        raise UsageError("--open needs a saved file, and -d - saves none")
    if context.in_sandbox and not saving.saves:
        raise UsageError(
            "a private sandbox serves its files only while the command runs", hint="Save the file: -o FILE"
        )


def _left_behind(context: Context, request_id: str) -> tuple[str, ...]:
    """The lines to print if printing or saving a result is interrupted."""
    return (f"The result is paid for, and stored for a while. To get it: {context.command('result', request_id)}",)
