"""The files of a result onto the disk: named by a plan, written beside their target, renamed when whole.

Whatever happens to one of them is that file's failure: the others are saved.
"""

import itertools
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fal_cli import media
from fal_cli.api.body import Body
from fal_cli.api.deadline import Deadline
from fal_cli.api.download import Download, fetch
from fal_cli.api.errors import ApiError
from fal_cli.api.wire import Wire
from fal_cli.api.wires import Wires
from fal_cli.concurrency import Turns, in_parallel
from fal_cli.context import Context
from fal_cli.errors import CliError, NotSaved, report
from fal_cli.files import content_type, names
from fal_cli.files.atomic import Part
from fal_cli.media import MediaFile
from fal_cli.results import naming
from fal_cli.results.destination import Saving, check_within, not_saved, tell_taken
from fal_cli.results.naming import Head, Origin
from fal_cli.terminal.output import NotShown
from fal_cli.terminal.progress.transfer import Transfer

PARALLEL = 4
_BLOCK = 1024 * 1024
_NOT_HERE = "Save it: -d FOLDER/; or pipe it: … -d - > FILE"


class Saver:
    """Saves the files of one result. `body` is what holds the files that are embedded in `data`."""

    def __init__(
        self,
        context: Context,
        saving: Saving,
        wires: Wires,
        *,
        body: Body | None = None,
        deadline: Deadline | None = None,
        saved: Mapping[str, Path] | None = None,
        tell: Callable[[Path], None] | None = None,
    ) -> None:
        """`saved` are files that are on this machine already, by their URLs; `tell` hears of each that was saved."""
        self._saved_before = saved or {}
        self._context = context
        self._saving = saving
        self._wires = wires
        self._body = body
        self._deadline = deadline
        self._tell = tell or (lambda path: context.notify.note(f"saved {path}"))
        self._stop = threading.Event()
        # Where names may be the same, a number is added: in the result's order, not in that of the hosts' speed.
        self._turns = None if {"index", "name"} & set(names.fields_of(saving.template)) else Turns()

    def save(self, data: Any, origin: Origin) -> list[Path]:
        """Saves every file that a result names and returns their paths in its order.

        Raises `CliError` (code 11) if one cannot be saved; the others are saved anyway.
        """
        files = media.find(data)
        if not files:
            self._context.notify.warn("the result names no files, so none was saved")
            return []
        label = "1 file" if len(files) == 1 else f"{len(files)} files"
        try:
            with self._context.terminal.transfer("saving", label, None) as transfer:
                jobs = [
                    partial(self._attempt, index, file, naming.values(origin, data, file, index), transfer)
                    for index, file in enumerate(files)
                ]
                outcomes = in_parallel(jobs, PARALLEL)
            return self._gathered(outcomes)
        finally:
            self._stop.set()

    def write(self, data: Any) -> None:
        """Writes the bytes of every file that a result names to stdout, one after the other. Raises `NotSaved`."""
        files = media.find(data)
        if not files:
            raise NotSaved("the result names no files")
        for file in files:
            try:
                download = Download(file.url, self._body)
                with self._wires.one() as wire:
                    pieces = self._pieces(wire, download)
                    first = next(pieces, b"")  # whose headers say what it is
                    kind = download.content_type or file.content_type
                    self._context.output.chunks(itertools.chain([first], pieces), kind)
            except NotShown as error:
                told = error.message.replace("result", "file")
                raise NotSaved(f"{naming.shown(file.url)}: {told}", hint=_NOT_HERE) from None
            except ApiError as error:
                raise _not_fetched(file, error.message) from None

    def _gathered(self, outcomes: Sequence[Path | CliError]) -> list[Path]:
        """The saved paths. Raises the first failure, after reporting the rest."""
        for path in outcomes:
            if isinstance(path, Path):
                self._tell(path)
        failures = [error for error in outcomes if isinstance(error, CliError)]
        for error in failures[1:]:
            self._context.notify.warn(error.message)
        if failures:
            raise failures[0]
        return [path for path in outcomes if isinstance(path, Path)]

    def _attempt(self, index: int, file: MediaFile, values: dict[str, str], transfer: Transfer) -> Path | CliError:
        try:
            return self._saved(index, file, values, transfer)
        except CliError as error:
            return error
        except Exception as error:  # an untrusted URL or header that some library cannot read
            return _not_fetched(file, report(error).message)
        finally:
            if self._turns:
                self._turns.done(index)

    def _saved(self, index: int, file: MediaFile, values: dict[str, str], transfer: Transfer) -> Path:
        with self._wires.one() as wire:
            return self._fetched(wire, index, file, values, transfer)

    def _fetched(self, wire: Wire, index: int, file: MediaFile, values: dict[str, str], transfer: Transfer) -> Path:
        download = Download(file.url, self._body)
        pieces = self._pieces(wire, download)
        try:
            head = Head(first_bytes(pieces), download.content_type)
            if why := naming.wrong_content(file, head):
                raise _not_fetched(file, why)
            target = self._target(file, head, values)
            if "{id}" in self._saving.template and _is_whole(target, download):
                return target
            return self._written(index, target, head, pieces, download, transfer)
        except ApiError as error:
            raise _not_fetched(file, error.message) from None

    def _pieces(self, wire: Wire, download: Download) -> Iterator[bytes]:
        """A file's bytes, of the copy that was saved before if there is one."""
        saved = self._saved_before.get(download.url)
        return _copied(saved, download) if saved else fetch(wire, download, deadline=self._deadline)

    def _target(self, file: MediaFile, head: Head, values: dict[str, str]) -> Path:
        values["ext"] = naming.extension(file, head)
        wanted = Path(names.filled(self._saving.template, values))
        target = naming.truthful(wanted, head)
        if target != wanted:
            held = content_type.by_content(head.data)
            self._context.notify.warn(f"{naming.shown(file.url)} is {held}, so it is saved as {target.name}")
        return target

    def _written(
        self, index: int, target: Path, head: Head, pieces: Iterator[bytes], download: Download, transfer: Transfer
    ) -> Path:
        try:
            check_within(self._saving, target)
            target.parent.mkdir(parents=True, exist_ok=True)
            transfer.expect(download.size or 0)
            with Part(target) as part:
                part.write(head.data)
                transfer.advance(len(head.data))
                for chunk in pieces:
                    if self._stop.is_set():
                        raise NotSaved("given up")
                    part.write(chunk)
                    transfer.advance(len(chunk))
                if self._turns:
                    self._turns.wait(index)
                placed = part.place(target, overwrite=self._saving.overwrite)
        except OSError as error:
            raise not_saved(target, error) from None
        if index == 0:  # the others have numbers, too
            tell_taken(self._context, self._saving, target, placed)
        return placed


def _copied(path: Path, download: Download) -> Iterator[bytes]:
    with path.open("rb") as file:
        download.size = os.fstat(file.fileno()).st_size
        while piece := file.read(_BLOCK):
            yield piece


def first_bytes(pieces: Iterator[bytes]) -> bytes:
    """Enough of a file's beginning to tell what it is, or all of a shorter one."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= content_type.HEAD_BYTES:
            break
    return head


def _not_fetched(file: MediaFile, why: str) -> NotSaved:
    return NotSaved(f"cannot save {naming.shown(file.url)}: {why}")


def _is_whole(target: Path, download: Download) -> bool:
    """Whether the same request's file is there already, as long as it should be."""
    try:
        return download.size is not None and target.stat().st_size == download.size
    except OSError:
        return False
