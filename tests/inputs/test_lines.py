"""stdin's lines for one who waits for something else as well."""

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

import pytest

from fal_cli.errors import UsageError
from fal_cli.inputs.stdin import Lines

Ends = tuple[BinaryIO, int]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A pipe as stdin, and the descriptor that writes to it."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        yield stream, writing


def test_a_line_that_comes_in_pieces_is_one(ends: Ends) -> None:
    stream, writing = ends
    lines = Lines(stream)
    taken = []
    for piece in (b"one\ntw", b"o", b"\n\nthree"):
        os.write(writing, piece)
        taken.append(lines.take())
    os.close(writing)
    assert not lines.is_over
    assert [*taken, lines.take()] == [[b"one"], [], [b"two", b""], [b"three"]]
    assert lines.is_over


def test_a_pipe_that_another_program_made_non_blocking_is_waited_for(ends: Ends) -> None:
    stream, writing = ends
    os.set_blocking(stream.fileno(), False)
    lines = Lines(stream)
    threading.Timer(0.1, os.write, (writing, b"late\n")).start()
    assert lines.take() == []  # it waited, and nothing is lost
    assert lines.take() == [b"late"]
    os.close(writing)


def test_what_has_no_descriptor_is_there_at_once() -> None:
    lines = Lines(io.BytesIO(b"a\nb"))
    assert (lines.descriptor, lines.take(), lines.is_over) == (None, [b"a", b"b"], True)


def test_without_stdin_it_is_over_at_once() -> None:
    lines = Lines(None)
    assert (lines.take(), lines.is_over) == ([], True)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(UsageError, match="cannot read stdin"):
            Lines(cast(BinaryIO, SimpleNamespace(fileno=lambda: folder))).take()
    finally:
        os.close(folder)
