"""A picture in the terminal: kitty's protocol, sixel, or half blocks, whichever the terminal answers to."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from rich.console import Console

_LEFT_FREE = 4  # lines of the window: what was said above stays in sight
_FEWEST_ROWS = 6
_SIXEL_COLORS = 256


class NoPicture(Exception):
    """Bytes that cannot be drawn; the message says why."""


def draw(data: bytes, *, color: bool) -> None:
    """Draws a picture on stderr, as wide as the terminal and at most as high. Raises `NoPicture`."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    console = Console(stderr=True, no_color=not color)
    try:
        with Image.open(io.BytesIO(data)) as picture, _terminal_as_stdin():
            picture.load()
            console.print(_renderable(ImageOps.exif_transpose(picture), console, color=color))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise NoPicture(f"the file cannot be drawn ({error})") from None


@contextmanager
def _terminal_as_stdin() -> Iterator[None]:
    """A block in which the package reads the terminal's answers from the terminal, though stdin is a pipe or a file.

    In the background nobody may read from it: the package sees no stdin then, and asks nothing.
    """
    own = sys.__stdin__
    with ExitStack() as opened:
        found = own
        if not _may_read(own):
            with suppress(OSError):
                found = opened.enter_context(open("/dev/tty", encoding="utf-8"))
        # The package has no parameter for the stream; typeshed calls the name final.
        sys.__stdin__ = found if _may_read(found) else None  # type: ignore[misc]
        try:
            yield
        finally:
            sys.__stdin__ = own  # type: ignore[misc]


def _may_read(stream: Any) -> bool:
    """Whether a stream is a terminal that this process may read from: one in the background would be stopped."""
    if stream is None or stream.closed or not stream.isatty():
        return False
    try:
        return os.name != "posix" or os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except OSError:  # a terminal that controls nobody stops nobody
        return True


def _renderable(picture: Any, console: Console, *, color: bool) -> Any:
    # A terminal that does not answer is no news: the package would log a traceback.
    logging.getLogger("textual_image").setLevel(logging.CRITICAL)
    # The package asks the terminal what it knows when it is imported, through stdout.
    from textual_image import renderable

    kind = renderable.Image if sys.stdout.isatty() else renderable.HalfcellImage
    if not color:
        kind = renderable.UnicodeImage
    rows = max(_FEWEST_ROWS, console.height - _LEFT_FREE)
    # A cell is about twice as high as it is wide.
    is_wide = picture.width / max(picture.height, 1) > console.width / (2 * rows)
    cell = _cell_pixels() if kind is renderable.SixelImage else None
    if cell is not None:
        columns, lines = _cells(picture, console.width, rows, cell, is_wide=is_wide)
        return kind(_dithered(picture, (columns * cell[0], lines * cell[1])), width=columns, height=lines)
    return kind(picture, width=console.width, height="auto") if is_wide else kind(picture, width="auto", height=rows)


def _cell_pixels() -> tuple[int, int] | None:
    """The size of a cell in pixels; None if the terminal does not tell the system."""
    import array
    import fcntl
    import termios

    size = array.array("H", [0, 0, 0, 0])
    try:
        fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, size)
    except OSError:
        return None
    rows, columns, width, height = size
    return (width // columns, height // rows) if columns and rows and width >= columns and height >= rows else None


def _cells(picture: Any, columns: int, rows: int, cell: tuple[int, int], *, is_wide: bool) -> tuple[int, int]:
    """How many columns and lines a picture takes that fills all columns if it `is_wide`, else all rows."""
    ratio = picture.width * cell[1] / (max(picture.height, 1) * cell[0])
    return (columns, max(1, round(columns / ratio))) if is_wide else (max(1, round(rows * ratio)), rows)


def _dithered(picture: Any, size: tuple[int, int]) -> Any:
    """The picture at its size on the screen, in the few colours of sixel: without dots between them a sky has bands."""
    from PIL import Image

    whole = Image.new("RGBA", picture.size, "black")
    whole.alpha_composite(picture.convert("RGBA"))
    small = whole.convert("RGB").resize(size)
    palette = small.quantize(_SIXEL_COLORS, method=Image.Quantize.MEDIANCUT)
    return small.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
