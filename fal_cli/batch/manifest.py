"""The manifest of a batch: a JSON line for each row as it ends, beside the files that it made.

It says nothing that the ledger does not know, so that a program that was killed between the two repairs it: a line that
was cut is taken off, and one that is missing is written when the batch goes on.
"""

import json
import os
from array import array
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from fal_cli.errors import NotSaved

NAME = "manifest.jsonl"
DONE, FAILED, UNKNOWN, CANCELLED = "done", "failed", "unknown", "cancelled"
_BLOCK = 64 * 1024


class Line(NamedTuple):
    """What is told of one row at its end. `seconds` are those of the model's own work, `columns` what its list had.

    `result` is the result itself, of one that names no files.
    """

    row: int
    endpoint: str
    key: str
    state: str
    request_id: str
    media: Sequence[str]
    files: Sequence[str]
    cost: Mapping[str, Any] | None
    seconds: float | None
    input: Any
    error: str
    columns: Mapping[str, Any]
    result: Any

    def facts(self) -> dict[str, Any]:
        """The line as a JSON object."""
        return self._asdict()


def text(line: Line) -> str:
    """A line as it is written, without its end."""
    return json.dumps(line.facts(), ensure_ascii=False, default=_plain, separators=(",", ":"))


def _plain(value: object) -> Any:
    return str(value) if isinstance(value, Decimal | Path) else list(value)  # type: ignore[call-overload]


class Manifest:
    """A manifest that is written to. Raises `NotSaved` where the disk refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._told = bytearray()
        """A bit a row: whether its being done has been told."""
        self._descriptor = -1

    def open(self) -> None:
        """Opens it, made if need be, takes off a line that was cut, and reads which rows are told to be done."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o666)
            self._mend()
            with self.path.open("rb") as stream:
                for data in stream:
                    self._note(_entry(data))
        except OSError as error:
            raise self._failure(error) from None

    def close(self) -> None:
        """Has it on the disk."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.fsync(self._descriptor)
                os.close(self._descriptor)
            self._descriptor = -1

    def says_done(self, row: int) -> bool:
        """Whether a row is told to be done."""
        return row // 8 < len(self._told) and bool(self._told[row // 8] >> row % 8 & 1)

    def write(self, line: Line) -> None:
        """Adds a line, in one write, so that none is mixed with another."""
        data = f"{text(line)}\n".encode("utf-8", "surrogatepass")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            raise self._failure(error) from None
        self._note({"row": line.row, "state": line.state})

    def _note(self, found: Mapping[str, Any]) -> None:
        row = found.get("row")
        if not isinstance(row, int) or row < 0:
            return
        if row // 8 >= len(self._told):
            self._told.extend(bytes(row // 8 + 1 - len(self._told)))
        bit = 1 << row % 8
        self._told[row // 8] = self._told[row // 8] | bit if found.get("state") == DONE else self._told[row // 8] & ~bit

    def _mend(self) -> None:
        """Takes off what a killed process left of its last line."""
        size = os.fstat(self._descriptor).st_size
        end = size
        while end > 0:
            start = max(0, end - _BLOCK)
            at = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            if at >= 0:
                end = start + at + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._descriptor, end)

    def _failure(self, error: OSError) -> NotSaved:
        return NotSaved(f"cannot write {self.path}: {error.strerror or error}")


class Latest:
    """What a manifest told last of each row; nothing where it cannot be read.

    It remembers where each line begins and not what is in it: a result may be large, and rows are many.
    """

    def __init__(self, path: Path, rows: int) -> None:
        """`rows` is the greatest number that a row has."""
        self._begins = array("q", [-1]) * (rows + 1)
        self._stream: BinaryIO | None = None
        with suppress(OSError):
            self._stream = path.open("rb")
            self._read(self._stream, rows)

    def _read(self, stream: BinaryIO, rows: int) -> None:
        begin = 0
        for data in stream:
            row = _entry(data).get("row")
            if isinstance(row, int) and 0 <= row <= rows:
                self._begins[row] = begin
            begin += len(data)

    def of(self, row: int) -> Mapping[str, Any]:
        """The line of a row; empty if there is none."""
        if self._stream is None or self._begins[row] < 0:
            return {}
        self._stream.seek(self._begins[row])
        return _entry(self._stream.readline())

    def close(self) -> None:
        """Gives the file back."""
        if self._stream is not None:
            self._stream.close()


def _entry(data: bytes) -> Mapping[str, Any]:
    """A line of a manifest; empty if it is anything but an object."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
