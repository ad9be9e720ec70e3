"""What is wrong with a text that should be JSON: the fault in words, its place, and the right spelling."""

import json
import re
from typing import NamedTuple

_WORD = re.compile(r"[A-Za-z_$][\w$-]*")
_OTHER_NUMBER = re.compile(r"[+.]\.?[0-9]|-?0[0-9]|-?\.[0-9]")
_PYTHONS = {
    "True": "true", "False": "false", "None": "null", "undefined": "null", "nil": "null", "TRUE": "true",
    "FALSE": "false", "NULL": "null", "yes": "true", "no": "false",
}  # fmt: skip
_FAR = 1000
_CURLY = "“”„‘’"
_MISSING = {"Expecting ',' delimiter": "a comma is missing", "Expecting ':' delimiter": "a colon is missing"}
_ZERO = ("not how JSON writes a number", "Leave the zero before it out, or put it in double quotes.")


class Fault(NamedTuple):
    """The fault, the line it is in with its number, the place in that line (both from 0), and what to write instead."""

    message: str
    line: str
    number: int
    column: int
    hint: str = ""


def fault(text: str, error: json.JSONDecodeError) -> Fault:
    """Explains what Python's reader found at the place where it stopped."""
    at, closing = _last_comma(text, error.pos)
    message, hint = _explained(text, at, error.msg)
    if closing:
        message, hint = f"a comma before {closing}", "Leave the comma out."
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start : len(text) if end < 0 else end]
    return Fault(message, line.rstrip("\r"), text.count("\n", 0, at), at - start, hint)


def _last_comma(text: str, at: int) -> tuple[int, str]:
    """The place of a comma with nothing behind it, and the bracket that follows; else `at` itself."""
    place = at if text[at : at + 1] == "," else len(text[:at].rstrip()) - 1
    following = text[place + 1 : place + 1 + _FAR].lstrip()[:1]
    is_last = text[place : place + 1] == "," and following in ("}", "]")
    return (place, following) if is_last else (at, "")


def _explained(text: str, at: int, told: str) -> tuple[str, str]:
    """What stands at a place where something else was wanted, and what to write instead."""
    here = text[at : at + 1]
    if told.startswith("Invalid control character"):
        return _control(here)
    if told.startswith("Unterminated string"):
        return "a text begins here and does not end", 'A text ends with ", and a " inside is written \\".'
    if told.startswith("Invalid \\"):
        return _escape(text, at)
    if not here:
        return "it ends too early", 'A }, ] or " is missing at the end.'
    if told.startswith("Extra data"):
        return _after_the_end(text, at)
    return _unexpected(text, at, told)


def _unexpected(text: str, at: int, told: str) -> tuple[str, str]:
    here, wants_key = text[at], "property name" in told
    word = _WORD.match(text, at)
    if here == "'":
        return "single quotes", "JSON has double quotes: \"a\", not 'a'."
    if here in _CURLY:
        return "typographic quotes", 'JSON has straight quotes: "a".'
    if here in "/#":
        return "a comment", "JSON has no comments: leave it out."
    if here == ",":
        return "a comma too many", "Leave it out."
    if told in _MISSING:
        return _between(text, at, told)
    if word and not wants_key and word[0] in _PYTHONS:
        return f"{word[0]} is not JSON's spelling", f"Write it as {_PYTHONS[word[0]]}."
    if word:
        return f"{'a key' if wants_key else 'a text'} without quotes", f'Write it as "{word[0]}".'
    if wants_key:
        return 'a key in double quotes is missing here, such as "prompt"', ""
    if _OTHER_NUMBER.match(text, at):
        return "not how JSON writes a number", "Write it like 0.5 or -3: no +, no zero before it, none left out."
    return "a value is missing here", ""


def _between(text: str, at: int, told: str) -> tuple[str, str]:
    """What is missing between two parts."""
    here, last = text[at], text[:at].rstrip()[-1:]
    if "':'" in told:
        hint = "Write : rather than =." if here == "=" else "Put a colon between a key and its value."
    elif last == "0" and here.isdigit():
        return _ZERO
    else:
        is_cut = last == '"' and here not in '"{['
        hint = 'A " inside a text is written \\".' if is_cut else "Put a comma between two values."
    return f"{_MISSING[told]} before this", hint


def _control(here: str) -> tuple[str, str]:
    if here in "\r\n":
        return "a line break inside a text", "Write it as \\n."
    return ("a tab inside a text", "Write it as \\t.") if here == "\t" else ("a control character inside a text", "")


def _escape(text: str, at: int) -> tuple[str, str]:
    written = text[text.rfind("\\", 0, at + 1) :][:2] or "\\"
    return f"{written} is not one of JSON's escapes", "A plain backslash is written \\\\."


def _after_the_end(text: str, at: int) -> tuple[str, str]:
    if text[at] in "/#":
        return "a comment", "JSON has no comments: leave it out."
    if _OTHER_NUMBER.match(text) and text[:at].strip("-").isdigit():
        return _ZERO
    return "something follows the end of the JSON", "Give one JSON value."
