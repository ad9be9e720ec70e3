"""What a service reads a JSON value as. fal's own framework stands on pydantic, whose lax rules are the measure here:

| wanted | also taken |
|---|---|
| an integer | `42.0`, the text `"42"` or `" 42 "`, `true` and `false` |
| a number | the same, and `"1e3"` |
| true or false | 0 and 1, and the texts yes, no, on, off, t, f, y, n, 0, 1 in any case |
| a text with a format (a date, a time, an address) | a number |

This may take more than a service does, and never less.
"""

import math
from typing import Any

from fal_cli.schema.fields import Field, Number, fits, same

TRUE = ("true", "yes", "on", "t", "y", "1")
FALSE = ("false", "no", "off", "f", "n", "0")
_LONGEST_NUMBER = 400
_TEXT_FORMATS = ("", "uri", "url", "uri-reference", "binary", "byte", "base64", "base64url", "password", "path")


def takes(shape: Field, value: Any) -> bool:
    """Whether a service that wants one of these types takes the value, as it is or converted."""
    if fits(shape.kinds, value):
        return True
    kinds = set(shape.kinds)
    if kinds & {"integer", "number"} and number(value, whole="number" not in kinds) is not None:
        return True
    if "boolean" in kinds and truth(value) is not None:
        return True
    if "string" in kinds and shape.format not in _TEXT_FORMATS and isinstance(value, int | float):
        return True
    return "array" in kinds and shape.item is None and isinstance(value, dict)  # a tuple with names


def alike(choice: Any, value: Any) -> bool:
    """Whether a value is a choice, or becomes one when it is converted: 5 and the text "5", 1 and `true`."""
    if same(choice, value):
        return True
    if isinstance(value, dict | list) or (isinstance(choice, str) and isinstance(value, str)):
        return False
    if isinstance(choice, bool) or isinstance(value, bool):
        return truth(choice) is not None and truth(choice) == truth(value)
    one, other = number(choice), number(value)
    return one is not None and one == other


def number(value: Any, *, whole: bool = False) -> Number | None:
    """The number that a value is read as; None for none. With `whole` only an integer. Too long a text is infinite."""
    if isinstance(value, str):
        value = _of_text(value)
    if not isinstance(value, int | float):
        return None
    if whole and isinstance(value, float) and math.isfinite(value) and not value.is_integer():
        return None
    return int(value) if isinstance(value, bool) else value


def truth(value: Any) -> bool | None:
    """True or false as a value is read; None for neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    text = value.strip().lower() if isinstance(value, str) and len(value) <= _LONGEST_NUMBER else ""
    return True if text in TRUE else False if text in FALSE else None


def _of_text(text: str) -> Number | None:
    if len(text) > _LONGEST_NUMBER:
        return math.inf if text.strip().lstrip("+-").isdigit() else None
    for make in (int, float):
        try:
            return make(text)
        except (ValueError, OverflowError):
            continue
    return None
