"""How wide a text is in a terminal. Pure, and cheap to import: help is laid out with it."""

import unicodedata

_EMOJI_STYLE = "\ufe0f"  # asks for the character before it to be drawn as an emoji, which is wider


def cells(text: str) -> int:
    """How many columns a terminal may give to a text.

    Some draw joined emoji as one, others each of its parts: what would fit only the former might wrap.
    """
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def cut(text: str, most: int, *, keeps_end: bool = False) -> str:
    """`text` in at most so many cells, an ellipsis for what is missing."""
    if cells(text) <= most:
        return text
    left, kept = most - 1, []
    for character in reversed(text) if keeps_end else text:
        left -= _cells_of(character)
        if left < 0:
            break
        kept.append(character)
    return "…" + "".join(reversed(kept)).lstrip() if keeps_end else "".join(kept).rstrip() + "…"


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 1 if character == _EMOJI_STYLE else 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
