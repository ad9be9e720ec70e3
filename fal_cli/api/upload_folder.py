"""A folder sent as one zip file, which is never written to a disk.

Its files are stored in it as they are, so that where each byte of the zip comes from is known beforehand: headers from
memory, all else from the files. Any stretch can be read at any time, by several threads, and sent again.
"""

import os
import stat
import zipfile
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, cast

from fal_cli.api.upload_source import Source, SourceChanged

_BLOCK = 1024 * 1024
ZIP = "application/zip"


class Skipped(NamedTuple):
    """A file of a folder that is not sent, and why."""

    path: Path
    why: str


class _Piece(NamedTuple):
    """A stretch of the zip: bytes in memory, or `length` bytes of a file."""

    length: int
    data: bytes = b""
    path: Path | None = None


def listed(folder: Path) -> Iterator[Path | Skipped]:
    """The files of a folder that are sent, in their order, and those that are not. Raises `OSError`."""
    root = folder.resolve(strict=True)
    for inner, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(inner, name) for name in sorted(names)):
            if path.name.startswith("."):
                yield Skipped(path, "hidden")
            elif not path.resolve().is_relative_to(root):
                yield Skipped(path, "a link out of the folder")
            elif not stat.S_ISREG(path.stat().st_mode):
                yield Skipped(path, "not a file")
            else:
                yield path


class FolderSource(Source):
    """The files of a folder as a zip, in the order of their names. Files that it leaves out are `skipped`.

    Hidden files are left out, and links that lead out of the folder. Raises `OSError`, and `ValueError` where nothing
    is left.
    """

    def __init__(self, folder: Path, *, name: str) -> None:
        self.name = name
        self.content_type = ZIP
        self._path = folder
        self._seen_files: dict[Path, tuple[int, int]] = {}
        self._pieces: list[_Piece] = []
        found = list(listed(folder))
        self.skipped = [one for one in found if isinstance(one, Skipped)]
        self._lay_out([path for path in found if isinstance(path, Path)])
        self._starts = [0]
        for piece in self._pieces:
            self._starts.append(self._starts[-1] + piece.length)
        self.size = self._starts.pop()

    @property
    def count(self) -> int:
        """How many files are in it."""
        return len(self._seen_files)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open between two reads."""

    def read_at(self, offset: int, size: int) -> bytes:
        found = bytearray()
        at = bisect_right(self._starts, offset) - 1
        while len(found) < size and at < len(self._pieces):
            piece, skip = self._pieces[at], offset + len(found) - self._starts[at]
            found += self._read(piece, skip, min(piece.length - skip, size - len(found)))
            at += 1
        return bytes(found)

    def check_unchanged(self) -> None:
        for path, seen in self._seen_files.items():
            if _state(path) != seen:
                raise SourceChanged(f"{path} changed while {self._path} was sent")

    def _read(self, piece: _Piece, skip: int, size: int) -> bytes:
        if piece.path is None:
            return piece.data[skip : skip + size]
        try:
            with piece.path.open("rb") as stream:
                stream.seek(skip)
                data = stream.read(size)
        except OSError as error:
            raise SourceChanged(f"{piece.path} cannot be read any more ({error.strerror or error})") from None
        if len(data) < size:
            raise SourceChanged(f"{piece.path} became shorter while it was sent")
        return data

    def _lay_out(self, paths: list[Path]) -> None:
        """Reads each file once, for its checksum, and notes the pieces of the zip in their order."""
        if not paths:
            raise ValueError("it has no files to send")
        sink = _Sink(self._pieces)
        # A file object as far as a zip that is written from its beginning to its end asks for one.
        with zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_STORED, strict_timestamps=False) as made:
            for path in paths:
                self._seen_files[path] = _state(path)
                inside = path.relative_to(self._path).as_posix()
                info = zipfile.ZipInfo.from_file(path, inside, strict_timestamps=False)
                with path.open("rb") as stream, made.open(info, "w") as entry:
                    sink.source = path
                    while block := stream.read(_BLOCK):
                        entry.write(block)
                    sink.source = None


class _Sink:
    """Where a zip is written to: its headers are kept, and of its files' content only where it comes from."""

    def __init__(self, pieces: list[_Piece]) -> None:
        self._pieces = pieces
        self.source: Path | None = None

    def write(self, data: bytes) -> int:
        last = self._pieces[-1] if self._pieces else None
        if self.source is None:
            self._pieces.append(_Piece(len(data), bytes(data)))
        elif last is not None and last.path == self.source:
            self._pieces[-1] = last._replace(length=last.length + len(data))
        else:
            self._pieces.append(_Piece(len(data), path=self.source))
        return len(data)

    def flush(self) -> None:
        """Nothing waits to be written."""


def _state(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return (seen.st_size, seen.st_mtime_ns)


def _refuse(error: OSError) -> None:
    raise error
