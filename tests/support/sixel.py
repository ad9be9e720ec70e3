"""What a terminal would draw of a sixel stream: enough of a decoder to look at a picture again."""

import re

from PIL import Image

_STREAM = re.compile(rb"\x1bP[0-9;]*q(.*?)\x1b\\", re.DOTALL)
_WORDS = re.compile(r'"[\d;]*|#(\d+)(?:;2;(\d+);(\d+);(\d+))?|(?:!(\d+))?([?-~])|[$-]')


def decoded(data: bytes) -> Image.Image:
    """The first picture in the bytes that a terminal was sent."""
    found = _STREAM.search(data)
    assert found, data[:500]
    colors: dict[str, tuple[int, ...]] = {}
    color, x, top, dots = "", 0, 0, {}
    for word in _WORDS.finditer(found[1].decode("ascii")):
        number, red, green, blue, count, cells = word.groups()
        if number is not None:
            color = number
            if red is not None:
                colors[number] = tuple(round(int(part) * 255 / 100) for part in (red, green, blue))
        elif cells is not None:
            for column in range(x, x + int(count or 1)):
                dots |= {(column, top + row): color for row in range(6) if (ord(cells) - 63) >> row & 1}
            x += int(count or 1)
        elif word[0] == "$":
            x = 0
        elif word[0] == "-":
            x, top = 0, top + 6
    size = max(x for x, _ in dots) + 1, max(y for _, y in dots) + 1
    picture = Image.new("RGB", size)
    for place, name in dots.items():
        picture.putpixel(place, colors[name])
    return picture
