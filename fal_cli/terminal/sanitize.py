"""Strangers' text made harmless: what a model or a server sends is shown, never obeyed. Pure."""

import unicodedata

_ALLOWED = {"\t"}
_ESCAPE_PICTURES = {"\x7f": "␡"}
_HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_JOINERS = {"\u200d", "\u200c"}  # emoji and several scripts are written with them


def visible(text: str) -> str:
    """One line of text with every control, direction and format character shown as a mark.

    C0 become control pictures (`␛`), all others `<U+202E>`. Tabs stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _is_harmless(character) else _mark(character) for character in text)


def visible_lines(text: str) -> list[str]:
    """Text of several lines as visible lines. A carriage return begins a new one, as it would overwrite."""
    return [visible(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]


def visible_json(text: str) -> str:
    """JSON text with its literal control and format characters as `\\u` escapes, which mean the same."""
    return "".join(
        character if character == "\n" or _is_harmless(character) else _json_escape(character) for character in text
    )


def _is_harmless(character: str) -> bool:
    return character in _ALLOWED or character in _JOINERS or unicodedata.category(character) not in _HIDDEN_CATEGORIES


def _mark(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return _ESCAPE_PICTURES.get(character, f"<U+{code:04X}>")


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
