"""The files of one row onto the disk, by the name that the plan gave it.

A row that is saved once more finds its own files there: what has the same bytes is taken for the one that was meant to
be written, so that a kill between the file and the ledger leaves no second copy. Nobody's file is replaced unasked.
"""

import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fal_cli import media
from fal_cli.api.body import Body
from fal_cli.api.deadline import Deadline
from fal_cli.api.download import Download, fetch
from fal_cli.api.errors import ApiError
from fal_cli.api.events import Result
from fal_cli.api.wire import Wire
from fal_cli.batch.names import Names
from fal_cli.batch.planned import Planned
from fal_cli.errors import NotSaved, report
from fal_cli.files import content_type
from fal_cli.files import names as filenames
from fal_cli.files.atomic import Part
from fal_cli.files.attachment import written
from fal_cli.media import MediaFile
from fal_cli.results import naming
from fal_cli.results.download import first_bytes
from fal_cli.results.naming import Head, Origin

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class DiskFull(NotSaved):
    """The disk takes nothing more: what is to come would fail in the same way."""


class Kept(NamedTuple):
    """A file that was saved, and the SHA-256 of its bytes."""

    path: Path
    sha256: str


class Saver:
    """Saves the files of rows, any number of threads at a time."""

    def __init__(self, names: Names, mark: str, *, overwrite: bool, deadline: Deadline) -> None:
        """`mark` stands in the names of files that are not whole yet."""
        self._names = names
        self._mark = mark
        self._overwrite = overwrite
        self._deadline = deadline

    def save(self, wire: Wire, planned: Planned, request_id: str, body: Body, outline: Any) -> list[Kept]:
        """Saves every file that a result names and returns their paths. Raises `NotSaved`, `DiskFull` for the first
        that cannot be; the others are saved all the same.
        """
        saved: list[Kept] = []
        failure: NotSaved | None = None
        origin = Origin(str(planned.endpoint), request_id, written(dict(planned.input_json)))
        for index, file in enumerate(media.find(outline)):
            values = {**naming.values(origin, outline, file, index), **planned.fields}
            try:
                saved.append(self._saved(wire, file, body, values))
            except DiskFull:
                raise
            except NotSaved as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return saved

    def save_itself(self, planned: Planned, request_id: str, result: Result) -> Kept:
        """Saves a result that is a file itself. Raises as `save`."""
        file = MediaFile("", result.content_type)
        head = Head(result.body.head(content_type.HEAD_BYTES), result.content_type)
        origin = Origin(str(planned.endpoint), request_id, written(dict(planned.input_json)))
        values = {**naming.values(origin, None, file, 0), **planned.fields, "ext": naming.extension(file, head)}
        target = naming.truthful(Path(filenames.filled(self._names.template, values)), head)
        try:
            return self._written(target, Head(b""), result.body.chunks())
        except OSError as error:
            kind = DiskFull if error.errno in _NO_ROOM else NotSaved
            raise kind(f"cannot save {target}: {error.strerror or error}") from None

    def _saved(self, wire: Wire, file: MediaFile, body: Body, values: dict[str, str]) -> Kept:
        download = Download(file.url, body)
        pieces = fetch(wire, download, deadline=self._deadline)
        try:
            head = Head(first_bytes(pieces), download.content_type)
            if why := naming.wrong_content(file, head):
                raise _not_fetched(file, why)
            values["ext"] = naming.extension(file, head)
            target = naming.truthful(Path(filenames.filled(self._names.template, values)), head)
            return self._written(target, head, pieces)
        except ApiError as error:
            raise _not_fetched(file, error.message) from None
        except OSError as error:
            kind = DiskFull if error.errno in _NO_ROOM else NotSaved
            raise kind(f"cannot save {naming.shown(file.url)}: {error.strerror or error}") from None
        except (ValueError, LookupError) as error:  # a stranger's URL or header that some library cannot read
            raise _not_fetched(file, report(error).message) from None

    def _written(self, target: Path, head: Head, pieces: Iterator[bytes]) -> Kept:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(head.data)
        with Part(target, mark=self._mark) as part:
            part.write(head.data)
            for piece in pieces:
                part.write(piece)
                digest.update(piece)
            if not self._overwrite and part.holds_the_same_as(target):
                return Kept(target, digest.hexdigest())
            return Kept(part.place(target, overwrite=self._overwrite), digest.hexdigest())


def clear_parts(folder: Path, mark: str) -> None:
    """Removes what a killed process of the same batch left half-written. Raises `OSError`."""
    if folder.is_dir():
        for path in folder.rglob(f".*.{mark}*.part"):
            path.unlink(missing_ok=True)


def _not_fetched(file: MediaFile, why: str) -> NotSaved:
    return NotSaved(f"cannot save {naming.shown(file.url)}: {why}")
