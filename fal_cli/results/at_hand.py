"""The files of an earlier result: those that were saved and are still there, and the way to fetch the others."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import unquote, urlsplit

from fal_cli import media
from fal_cli.api.download import Download, fetch
from fal_cli.api.errors import ApiError, NotReached
from fal_cli.api.wire import Wire
from fal_cli.files.content_type import extension_for
from fal_cli.files.names import base_name
from fal_cli.ledger.rows import Row
from fal_cli.media import MediaFile

_CLOCK_SECONDS = 2.0  # some file systems keep times no finer
_RESULT_SUFFIX = ".json"


class Sink(Protocol):
    """Something that bytes can be written to."""

    def write(self, data: bytes, /) -> object: ...


class AtHand(NamedTuple):
    """A file of a result, and where it was saved; `path` is None where it was not, or is gone.

    `is_changed`: the saved file was written to since, so that it may be another's by now.
    """

    file: MediaFile
    path: Path | None = None
    is_changed: bool = False


class NotHad(Exception):
    """A file that cannot be fetched; the message says why, briefly. `is_out_of_reach`: its host did not answer."""

    def __init__(self, why: str, *, is_out_of_reach: bool = False) -> None:
        super().__init__(why)
        self.is_out_of_reach = is_out_of_reach


class TooLarge(NotHad):
    """A file that is larger than allowed; `size` in bytes, if known."""

    def __init__(self, size: int | None) -> None:
        super().__init__("too large")
        self.size = size


def owners(rows: Iterable[Row]) -> dict[str, int]:
    """The number of the call that each saved file belongs to: the newest that was saved under its name."""
    found: dict[str, int] = {}
    for row in rows:
        for path in row.files:
            found[path] = max(row.local_id, found.get(path, 0))
    return found


def files(row: Row | None, data: Any, owned: Mapping[str, int] | None = None, *, is_whole: bool = True) -> list[AtHand]:
    """The files of a call's result `data`, in its order. Where it names none, the files that were saved of it.

    With `owned`, as `owners` tells, a file that another call has overwritten is not taken for this one's. `row` is
    None for a call that another machine made. Of `data` that is not whole the files within were cut.
    """
    named = [file if is_whole or not file.url.startswith("data:") else _cut(file) for file in media.find(data)]
    if row is None:
        return [AtHand(file) for file in named]
    saved = _saved(row, owned or {})
    if not named:
        return [AtHand(MediaFile("", file_name=path.name), path, _is_changed(path, row)) for path in saved if path]
    found = []
    for index, file in enumerate(named):
        # Each time that a result was saved, its files were recorded in its order. The last are the likeliest.
        same = saved[index :: len(named)] if len(saved) % len(named) == 0 else saved[index : index + 1]
        path = next((path for path in reversed(same) if path), None)
        found.append(AtHand(file, path, path is not None and _is_changed(path, row)))
    return found


def bring(wire: Wire, file: MediaFile, target: Sink, *, most: int) -> Download:
    """Fetches a file into `target` and tells what its host said of it.

    Raises `TooLarge` for more than `most` bytes, before fetching any if the size is known, and `NotHad`.
    """
    download, count = _download(file), 0
    with _told(), _pieces(wire, download) as pieces:
        for piece in pieces:
            count += len(piece)
            if max(count, download.size or 0) > most:
                raise TooLarge(download.size)
            target.write(piece)
    return download


def beginning(wire: Wire, file: MediaFile, *, count: int) -> tuple[bytes, Download]:
    """The first `count` bytes of a file, or somewhat more, and what its host said of it. Raises `NotHad`."""
    download, head = _download(file), b""
    with _told(), _pieces(wire, download) as pieces:
        for piece in pieces:
            head += piece
            if len(head) >= count:
                break
    return head, download


def _download(file: MediaFile) -> Download:
    if not file.url:
        raise NotHad("it was not stored")
    return Download(file.url)


def _pieces(wire: Wire, download: Download) -> "closing[Generator[bytes]]":
    """The fetched pieces; leaving the block ends the exchange."""
    return closing(cast("Generator[bytes]", fetch(wire, download)))


def name_of(file: MediaFile, number: int) -> str:
    """What a file is called that was not saved: by the result or its address, else by its number from 0."""
    try:
        named = file.file_name or ("" if file.url.startswith("data:") else unquote(urlsplit(file.url).path))
    except ValueError:  # an address that is none
        named = ""
    return base_name(named) if named.strip("/") else f"file {number + 1}{extension_for(file.content_type)}"


@contextmanager
def _told() -> Iterator[None]:
    """Failures of the request layer and of the disk inside, in a few words."""
    try:
        yield
    except OSError as error:
        raise NotHad(f"no room for it: {error.strerror or error}") from None
    except ValueError:
        raise NotHad("its URL is malformed") from None
    except ApiError as error:
        if error.status in (404, 410):
            raise NotHad("no longer there") from None
        why = f"HTTP {error.status}" if error.status else error.message
        raise NotHad(why, is_out_of_reach=isinstance(error, NotReached) and not error.status) from None


def _cut(file: MediaFile) -> MediaFile:
    """A file that stood in the result itself and is not there any more."""
    kind = file.content_type or file.url.removeprefix("data:").partition(",")[0].partition(";")[0]
    return MediaFile("", kind, file.file_name)


def _saved(row: Row, owned: Mapping[str, int]) -> Sequence[Path | None]:
    """The saved media, in order; None for one that is gone, or is not this call's alone."""
    times = Counter(row.files)
    found: list[Path | None] = []
    for name in row.files:
        if name.lower().endswith(_RESULT_SUFFIX):
            continue
        path = Path(name)
        is_own = times[name] == 1 and owned.get(name, row.local_id) == row.local_id
        found.append(path if is_own and _is_file(path) else None)
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_changed(path: Path, row: Row) -> bool:
    try:
        return path.stat().st_mtime > row.updated_at.timestamp() + _CLOCK_SECONDS
    except OSError:
        return True
