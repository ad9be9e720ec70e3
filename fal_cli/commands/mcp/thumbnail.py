"""A small picture of a saved file, for an agent that asks to see it."""

import io
from collections.abc import Sequence

from fal_cli.extras import mcp_extra

_PIXELS = 256
_QUALITY = 70


def thumbnail(paths: Sequence[str]) -> bytes:
    """The first of the files that is a picture as a JPEG of at most 256 pixels a side; b"" if none is one."""
    with mcp_extra():
        from PIL import Image, ImageOps, UnidentifiedImageError
    for path in paths:
        try:
            with Image.open(path) as picture:
                picture.draft("RGB", (_PIXELS, _PIXELS))
                small = ImageOps.exif_transpose(picture).convert("RGB")
                small.thumbnail((_PIXELS, _PIXELS))
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
            continue
        out = io.BytesIO()
        small.save(out, "JPEG", quality=_QUALITY)
        return out.getvalue()
    return b""
