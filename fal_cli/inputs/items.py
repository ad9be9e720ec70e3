"""The grammar of one input item. Pure: text to values, no file is opened here.

item     = key operator value          split at its first operator and never again
operator = "="  typed    | ":="  JSON        | "=@"  a file's text or its upload
         | "@"  uploaded | ":=@" JSON of a file
key      = segment *( "." segment | "[" index "]" | "[]" )
"\\" in a key makes the next character plain; a value may begin with "\\@" or "\\{{" for a plain "@", "{{"
a value of "=" that is "{{" expression "}}" as a whole is what the expression finds (`expressions`)
"""

import re
from typing import Literal, NamedTuple

from fal_cli.errors import MalformedInput

Operator = Literal["=", ":=", "=@", ":=@", "@"]

_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_MOST_DIGITS = 15
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_OPERATORS: tuple[Operator, ...] = (":=@", ":=", "=@", "=", "@")
_LITERAL: tuple[Operator, ...] = (":=", "=")
_TEXT_KEYS = ("prompt", "text", "script")


class Item(NamedTuple):
    """One word, split: `key` is still written as typed, `value_at` is where the value begins."""

    word: str
    key: str
    operator: Operator
    value: str
    value_at: int


def split(word: str, *, is_literal: bool = False) -> Item:
    """Splits a word at its first operator; one that is literal at `=` or `:=`, since `@` means nothing in it.

    Raises `MalformedInput`, pointing at the character, where there is none or no key before it.
    """
    at, escaped = 0, False
    while at < len(word):
        operator = None if escaped else _operator_at(word, at, _LITERAL if is_literal else _OPERATORS)
        if operator:
            return _item(word, at, operator)
        escaped = word[at] == "\\" and not escaped
        at += 1
    raise MalformedInput(
        "expected key=value", word, len(word), hint="Quote the whole item if it holds spaces: prompt='a cat'"
    )


def is_bare(word: str, *, is_literal: bool = False) -> bool:
    """Whether a word has no operator, or an unescaped blank before its first one."""
    escaped = False
    for at, character in enumerate(word):
        if character.isspace() and not escaped:
            return True
        if not escaped and _operator_at(word, at, _LITERAL if is_literal else _OPERATORS):
            return False
        escaped = character == "\\" and not escaped
    return True


def first_equals(text: str) -> int:
    """Where the first `=` stands that is not escaped; -1 if there is none."""
    match = re.match(r"(?:[^\\=]|\\.)*=", text, re.DOTALL)
    return match.end() - 1 if match else -1


def typed(key: str, value: str) -> object:
    """What `key=value` means without a schema: a plain number, true, false and null are JSON, all else is text.

    Text keys are never guessed, so that `prompt=42` is a prompt. A number has no exponent, no leading
    zero and at most 15 digits: more would not survive every reader of JSON.
    """
    if is_text_key(key):
        return value
    if value in _LITERALS:
        return _LITERALS[value]
    if _PLAIN_NUMBER.fullmatch(value) and sum(map(str.isdigit, value)) <= _MOST_DIGITS:
        return float(value) if "." in value else int(value)
    return value


def unescaped(value: str) -> str:
    """A value whose first `@` or `{{` was escaped, without the escape."""
    return value[1:] if value.startswith(("\\@", "\\{{")) else value


def is_template(value: str) -> bool:
    """Whether the whole value is a `{{expression}}`."""
    return len(value) >= 4 and value.startswith("{{") and value.endswith("}}")


def holds_template(value: str) -> bool:
    """Whether `{{…}}` stands anywhere in a value whose beginning is not escaped."""
    at = value.find("{{")
    return at >= 0 and "}}" in value[at + 2 :] and value == unescaped(value)


def _operator_at(word: str, at: int, operators: tuple[Operator, ...]) -> Operator | None:
    for operator in operators:
        if word.startswith(operator, at):
            return operator
    return None


def _item(word: str, at: int, operator: Operator) -> Item:
    if at == 0:
        raise MalformedInput(f"expected a key before {operator!r}", word, 0)
    return Item(word, word[:at], operator, word[at + len(operator) :], at + len(operator))


def is_text_key(key: str) -> bool:
    """Whether an input of this name is text by its nature, so that it is never guessed to be anything else."""
    last = re.split(r"[.\[\]]+", key.rstrip("]"))[-1]
    return last in _TEXT_KEYS or last.endswith("_prompt")
