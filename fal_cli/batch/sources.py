"""Where the rows of a batch come from: tables, JSON, prompts a line, folders. Read as a stream, twice if need be.

A row's data is data: what a cell holds is never parsed again, and what cannot be taken as it stands is refused with
its line and column. Nothing is guessed about encodings: a list is UTF-8, with or without a BOM.
"""

import codecs
import csv
import glob
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from fal_cli.batch.formats import FORMATS
from fal_cli.errors import CliError, UsageError
from fal_cli.files import content_type
from fal_cli.inputs import documents

MOST_CELL_BYTES = 256 * 1024
"""A cell that is larger is a file in the wrong place, or a quote that was never closed."""
PROMPT, FILE, STEM = "prompt", "file", "stem"
_MOST_LINE_BYTES = 4 * MOST_CELL_BYTES
_MOST_JSON_BYTES = 64 * 1024 * 1024
_SNIFFED_BYTES = 64 * 1024
_WIDE = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_GLOB = re.compile(r"[*?\[]")
_MANIFEST_KEYS = {"row", "key", "state", "request_id", "media", "input"}


class Record(NamedTuple):
    """One row of a list: the line that it begins in (from 1; 0 for what has no lines), and what it holds.

    `spares` are files of this machine for URLs that may have expired, for a row that another batch made.
    """

    line: int
    cells: Mapping[str, Any]
    spares: Mapping[str, str] = {}


class BadRow(CliError):
    """A place in a list that cannot be taken as it stands. Nothing was sent."""

    code = UsageError.code
    kind = UsageError.kind


class Source(ABC):
    """A list that is open to be read. `folder` is where the files lie that its cells may name."""

    is_text = True
    """Whether its cells are texts that the schema gives a type; else they have one."""
    columns: tuple[str, ...] | None = None
    """What every row has; None where each row has its own."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.folder = path.parent

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """The rows in their order. Raises `BadRow`, `UsageError`."""

    def bad(self, line: int, why: str, *, column: str = "", hint: str = "") -> BadRow:
        """An error that names the place."""
        where = f", line {line}" if line else ""
        where += f', column "{column}"' if column else ""
        return BadRow(f"{self.name}{where}: {why}", hint=hint)

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Each line with its number, its end kept. Raises `BadRow` for bytes that are not text."""
        with _opened(self.path, self.name) as stream:
            number = 0
            while data := stream.readline(_MOST_LINE_BYTES + 1):
                number += 1
                if number == 1:
                    data = data.removeprefix(codecs.BOM_UTF8)
                yield number, self._text(number, data)

    def _text(self, number: int, data: bytes) -> str:
        if len(data) > _MOST_LINE_BYTES:
            raise self.bad(number, f"it is longer than {_MOST_LINE_BYTES // 1024:,} KB", hint=_LARGE)
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise self.bad(number, f"byte {error.start + 1} is not UTF-8 text", hint=_ENCODING) from None
        if "\0" in text:
            raise self.bad(number, f"character {text.index(chr(0)) + 1} is a NUL")
        return text


_LARGE = "Put large data into a file, and name the file in the list."
_ENCODING = "Save the list as UTF-8, for example: iconv -f LATIN1 -t UTF-8 LIST > NEW"


class Table(Source):
    """CSV and TSV: a header, and rows of as many cells."""

    def __init__(self, path: Path, name: str, delimiter: str) -> None:
        super().__init__(path, name)
        self._delimiter = delimiter
        self.columns = self._header(next(self._rows(), None))

    def records(self) -> Iterator[Record]:
        assert self.columns is not None
        rows = self._rows()
        next(rows)
        columns, wide = self.columns, len(self.columns)
        for line, cells in rows:
            if len(cells) != wide:
                raise self.bad(line, f"it has {_cells(len(cells))}, and the header has {wide}", hint=_RAGGED)
            yield Record(line, dict(zip(columns, cells, strict=True)))

    def _header(self, found: tuple[int, list[str]] | None) -> tuple[str, ...]:
        if found is None:
            raise UsageError(f"{self.name} is empty")
        line, names = found
        for place, name in enumerate(names, 1):
            if not name.strip():
                raise self.bad(line, f"column {place} of the header has no name")
            if name in names[: place - 1]:
                raise self.bad(line, f"two columns are called {name!r}")
        if len(names) == 1 and self._delimiter == "," and names[0].count(";") + names[0].count("\t"):
            other = ";" if ";" in names[0] else "a tab"
            raise self.bad(line, f"the header is a single column; its cells seem to be separated by {other}", hint=_TSV)
        return tuple(names)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not blank, each with the line that it begins in."""
        csv.field_size_limit(MOST_CELL_BYTES)
        last = 0

        def lines() -> Iterator[str]:
            nonlocal last
            for number, text in self._lines():
                last = number
                yield text

        reader = csv.reader(lines(), delimiter=self._delimiter, strict=True)
        while True:
            begins = last + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise self.bad(begins, _csv_fault(str(error)), hint=_LARGE if "limit" in str(error) else "") from None
            if cells:
                yield begins, cells


def _csv_fault(text: str) -> str:
    if "field limit" in text:
        return f"a cell is larger than {MOST_CELL_BYTES // 1024} KB, or its closing quote is missing"
    if "unexpected end" in text:
        return "a quote is never closed"
    if "expected after" in text:
        return "a cell goes on after its closing quote; write a quote inside it twice"
    if "new-line" in text:
        return "a lone carriage return ends no line; save the list with \\n or \\r\\n"
    return text


_RAGGED = "Put a cell with a comma in quotes."
_TSV = "Name the format: --format tsv; or save it with commas."


def _cells(number: int) -> str:
    return "1 cell" if number == 1 else f"{number} cells"


class Prompts(Source):
    """A text file: a prompt a line."""

    columns = (PROMPT,)

    def records(self) -> Iterator[Record]:
        for line, text in self._lines():
            text = text.rstrip("\r\n")
            if len(text) > MOST_CELL_BYTES:
                raise self.bad(line, f"it is longer than {MOST_CELL_BYTES // 1024} KB", hint=_LARGE)
            if text.strip():
                yield Record(line, {PROMPT: text})


class JsonLines(Source):
    """A JSON object a line."""

    is_text = False

    def records(self) -> Iterator[Record]:
        for line, text in self._lines():
            if text.strip():
                yield Record(line, self._object(line, text))

    def _object(self, line: int, text: str) -> dict[str, Any]:
        try:
            found = documents.loads_object(text, f"{self.name}, line {line}")
        except UsageError as error:
            raise BadRow(error.message, hint=error.hint) from None
        self._check(line, found)
        return found

    def _check(self, line: int, found: Mapping[str, Any]) -> None:
        for key, value in found.items():
            if isinstance(value, str) and len(value) > MOST_CELL_BYTES:
                raise self.bad(line, f"it is larger than {MOST_CELL_BYTES // 1024} KB", column=key, hint=_LARGE)
            if _holds_nul(value):
                raise self.bad(line, "it contains a NUL", column=key)


class JsonList(JsonLines):
    """A JSON document: a list of objects. It is read in one piece."""

    def records(self) -> Iterator[Record]:
        with _opened(self.path, self.name) as stream:
            data = stream.read(_MOST_JSON_BYTES + 1)
        if len(data) > _MOST_JSON_BYTES:
            raise UsageError(f"{self.name} is too large to read at once", hint="Write it as JSON lines: .jsonl")
        found = documents.loads(data, self.name)
        if not isinstance(found, list):
            raise UsageError(f"{self.name} is not a list of objects")
        for place, row in enumerate(found, 1):
            if not isinstance(row, dict):
                raise UsageError(f"{self.name}: entry {place} of the list is not an object")
            self._check(0, row)
            yield Record(0, row)


class Manifest(JsonLines):
    """What another batch made: its rows that are done, with their columns, inputs, media and saved files."""

    def records(self) -> Iterator[Record]:
        with _opened(self.path, self.name) as stream:
            for line, offset in self._done(stream):
                stream.seek(offset)
                found = self._entry(line, stream.readline())
                yield Record(line, _of_manifest(found), _spares(found, self.folder))

    def _done(self, stream: IO[bytes]) -> list[tuple[int, int]]:
        """Where the last word about each row that is done begins: its line and offset, in the order of the rows."""
        last: dict[int, tuple[int, int, bool]] = {}
        line = offset = 0
        while data := stream.readline(_MOST_LINE_BYTES + 1):
            line += 1
            if data.strip():
                found = self._entry(line, data)
                last[found["row"]] = (line, offset, found.get("state") == "done")
            offset += len(data)
        return [(line, offset) for _, (line, offset, is_done) in sorted(last.items()) if is_done]

    def _entry(self, line: int, data: bytes) -> dict[str, Any]:
        found = self._object(line, self._text(line, data))
        if not isinstance(found.get("row"), int):
            raise self.bad(line, "it is not a row of a batch")
        return found


def _of_manifest(found: Mapping[str, Any]) -> dict[str, Any]:
    own = found.get("columns")
    told = {name: found.get(name) for name in ("row", "request_id", "media", "files", "input")}
    whose = {"endpoint": found["endpoint"]} if "endpoint" in found else {}
    return {**whose, **(own if isinstance(own, dict) else {}), **told}


def _spares(found: Mapping[str, Any], folder: Path) -> dict[str, str]:
    media, files = found.get("media"), found.get("files")
    if not isinstance(media, list) or not isinstance(files, list) or len(media) != len(files):
        return {}
    pairs = zip(media, files, strict=True)
    return {url: str(folder / file) for url, file in pairs if isinstance(url, str) and isinstance(file, str)}


class Files(Source):
    """The files of a folder, or those that a pattern names, in the order of their names."""

    is_text = False
    columns = (FILE, STEM)

    def __init__(self, path: Path, name: str, *, pattern: str = "") -> None:
        super().__init__(path, name)
        self._pattern = pattern
        self.folder = path

    def records(self) -> Iterator[Record]:
        for path in self._found():
            yield Record(0, {FILE: str(path.absolute()), STEM: path.stem})

    def _found(self) -> Iterator[Path]:
        if self._pattern:
            names = sorted(glob.glob(self._pattern, recursive=True))
            yield from (Path(name) for name in names if os.path.isfile(name))
            return
        with os.scandir(self.path) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file())
        for name in names:
            if not _is_list(name):
                yield self.path / name


def _is_list(name: str) -> bool:
    """Whether a file lies among pictures as a list or a manifest of them does."""
    return name.rpartition(".")[2].lower() in FORMATS


def opened(word: str, form: str = "") -> Source:
    """The list that a word names: a file, a folder, or a pattern. `form` is one of `FORMATS`, "" for what its
    name says.

    Raises `UsageError`, `BadRow`.
    """
    path = Path(os.path.expanduser(word))
    if path.is_dir():
        return Files(path, word)
    if not path.exists():
        if _GLOB.search(word):
            return _matching(path, word)
        raise UsageError(f"no file {word}")
    return of_file(path, word, form)


def _matching(path: Path, word: str) -> Source:
    fixed = Path(*path.parts[: _first_pattern(path.parts)])
    source = Files(fixed, word, pattern=str(path))
    if next(source.records(), None) is None:
        raise UsageError(f"no file matches {word}")
    return source


def _first_pattern(parts: tuple[str, ...]) -> int:
    return next(place for place, part in enumerate(parts) if _GLOB.search(part))


def of_file(path: Path, name: str, form: str = "") -> Source:
    """A list in a file. Raises as `opened`."""
    form = form or path.suffix.lower().removeprefix(".")
    form = "jsonl" if form == "ndjson" else form
    if form not in FORMATS:
        raise UsageError(f"{name}: its format is not known", hint=f"Name its format: --format {'|'.join(FORMATS)}")
    head = _head(path, name)
    if form in ("csv", "tsv"):
        return Table(path, name, "," if form == "csv" else "\t")
    if form == "txt":
        return Prompts(path, name)
    if form == "json":
        return JsonList(path, name)
    return Manifest(path, name) if _is_manifest(head) else JsonLines(path, name)


def _head(path: Path, name: str) -> bytes:
    """The beginning of a list. Raises `UsageError` for what surely is none."""
    with _opened(path, name) as stream:
        head = stream.read(_SNIFFED_BYTES)
    if not head.strip():
        raise UsageError(f"{name} is empty")
    for mark, encoding in _WIDE.items():
        if head.startswith(mark):
            raise UsageError(
                f"{name}, line 1, column 1: it is {encoding} text", hint=f"iconv -f {encoding} -t UTF-8 LIST > NEW"
            )
    if b"\0" in head[:1024]:
        kind = content_type.by_content(head)
        raise UsageError(f"{name}, line {head[: head.index(0)].count(10) + 1}: it is not text{_being(kind)}")
    return head


def _being(kind: str) -> str:
    return f" but {kind}" if kind and kind != content_type.UNKNOWN else ""


def _is_manifest(head: bytes) -> bool:
    try:
        first = json.loads(head.partition(b"\n")[0])
    except ValueError:
        return False
    return isinstance(first, dict) and first.keys() >= _MANIFEST_KEYS


def _opened(path: Path, name: str) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror or error}") from None


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _holds_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))
