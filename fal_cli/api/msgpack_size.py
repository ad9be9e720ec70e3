"""How many values a msgpack frame has, counted before any of them is made: one byte can become an object of seventy.

Only large frames are counted, and only up to the limit.
"""

from fal_cli import limits

_FREE_BYTES = limits.MIB  # whatever is in so few bytes fits into memory

# The bytes that follow a value's first one: of its length, if it has one, and of what it is.
_FIXED = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_FIXED |= {0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}
_SIZED = {0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1)}
_SIZED |= {0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0)}
_LISTS = {0xDC: 2, 0xDD: 4}
_MAPS = {0xDE: 2, 0xDF: 4}


def is_crowded(data: bytes, most: int = limits.FRAME_VALUES, free: int = _FREE_BYTES) -> bool:
    """Whether a frame has more than `most` values. One that is malformed has as many as can be read of it."""
    if len(data) <= free:
        return False
    at, left, seen = 0, 1, 0
    while left and at < len(data):
        code, at, left, seen = data[at], at + 1, left - 1, seen + 1
        if 0x80 <= code < 0xC0:
            count = code & 0x0F if code < 0xA0 else code & 0x1F
            if code < 0x90:
                left += 2 * count
            elif code < 0xA0:
                left += count
            else:
                at += count
        elif code in _SIZED:
            width, more = _SIZED[code]
            at += width + more + int.from_bytes(data[at : at + width], "big")
        elif code in _LISTS or code in _MAPS:
            width = _LISTS.get(code) or _MAPS[code]
            left += int.from_bytes(data[at : at + width], "big") * (2 if code in _MAPS else 1)
            at += width
        else:  # a number, which may be its own first byte
            at += _FIXED.get(code, 0)
        if seen + left > most:
            return True
    return False
