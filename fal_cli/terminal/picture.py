"""A picture in the terminal: kitty's protocol, sixel, or half blocks, whichever the terminal answers to."""

import io
import logging
import sys
from typing import Any

from rich.console import Console

_LEFT_FREE = 4  # lines of the window: what was said above stays in sight
_FEWEST_ROWS = 6


class NoPicture(Exception):
    """Bytes that cannot be drawn; the message says why."""


def draw(data: bytes, *, color: bool) -> None:
    """Draws a picture on stderr, as wide as the terminal and at most as high. Raises `NoPicture`."""
    from PIL import Image, UnidentifiedImageError

    console = Console(stderr=True, no_color=not color)
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            console.print(_renderable(picture, console, color=color))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise NoPicture(f"the file cannot be drawn ({error})") from None


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
    return kind(picture, width=console.width, height="auto") if is_wide else kind(picture, width="auto", height=rows)
