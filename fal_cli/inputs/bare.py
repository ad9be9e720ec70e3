"""Bare texts: words of a command line that are no items, one of which may be the endpoint's prompt. Pure.

A word is bare where it has no operator, or an unescaped blank before its first one: `a cat`, `mail me @home`. So is
`E=mc2 on a board`: it holds a blank, and what stands before its operator could be no input's name and is not like one.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fal_cli.errors import MalformedInput, UsageError
from fal_cli.inputs import items
from fal_cli.inputs.items import Item
from fal_cli.inputs.reach import ANYWHERE, Reach

if TYPE_CHECKING:
    from fal_cli.inputs.gather import Gathered
    from fal_cli.schema import Field, Schema

_PROMPT = "prompt"
_NOT_WANTED = "negative_prompt"
_NAME = re.compile(r"[a-z_][\w-]*(?:[.\[].*)?", re.DOTALL)
_SHOWN_CHARACTERS = 40


def placed(gathered: "Gathered", schema: "Schema | None", *, reach: Reach = ANYWHERE) -> "Gathered":
    """The same with its bare text as the raw text of the endpoint's prompt; `reach` says which files it may name.

    Raises `UsageError` for more than one, for one that may be meant otherwise, and where there is no place for it.
    """
    texts = [*gathered.bare, *(item.word for item in gathered.items if _is_bare_here(item, gathered, schema))]
    if not texts:
        return gathered
    if len(texts) > 1:
        shown = ", ".join(_shown(text) for text in texts[:3]) + (", …" if len(texts) > 3 else "")
        raise UsageError(
            f"{len(texts)} words are not inputs, and only one can be the prompt: {shown}",
            hint=f"Write an input as KEY=VALUE. Quote a prompt of several words: {_shown(' '.join(texts))}",
        )
    (text,) = texts
    field = _prompt(text, schema, reach)
    others = tuple(item for item in gathered.items if item.word != text)
    for item in (*others, *gathered.texts):
        if item.key == field.name:
            raise UsageError(f"{field.name} is given twice: {_shown(text)} and {_shown(item.word)}")
    raw = Item(text, field.name, "=", text, 0)
    return gathered._replace(items=others, texts=(raw, *gathered.texts), bare=())


def _is_bare_here(item: Item, gathered: "Gathered", schema: "Schema | None") -> bool:
    """Whether a word that can be split as an item is a text all the same."""
    if schema is None or item.word not in gathered.may_be_bare or not any(map(str.isspace, item.word)):
        return False
    from fal_cli.schema.edits import nearest

    known = [field.name for field in schema.inputs]
    if "\\" in item.key:  # who escapes in a name means it as one
        return False
    return not _NAME.fullmatch(item.key) and not nearest(item.key.lower(), known) and item.key not in known


def _prompt(text: str, schema: "Schema | None", reach: Reach) -> "Field":
    """The input that a bare text is. Raises `MalformedInput` where there is none, or more than one."""
    if not text.strip():
        raise MalformedInput("expected key=value", text, 0, hint="A bare text is the prompt, and this one is empty.")
    if schema is None:
        raise _no_place(
            text, f"the inputs of this endpoint are not known here; write KEY=TEXT, as in {_as_prompt(text)}"
        )
    if text in [field.name for field in schema.inputs]:
        raise _no_place(text, f"{text} is an input: {text}=VALUE")
    if not any(map(str.isspace, text)) and reach.file_there(text):
        raise _no_place(text, f"a file is sent as the value of an input: KEY=@{text}")
    found = _prompts(schema)
    if len(found) == 1:
        return found[0]
    names = ", ".join(field.name for field in found)
    raise _no_place(text, f"it may be one of {names}" if found else "this endpoint takes no prompt")


def _prompts(schema: "Schema") -> "Sequence[Field]":
    """The inputs that a bare text may be: `prompt`, else the text that is required, else any that is a prompt."""
    texts = [field for field in schema.inputs if items.is_text_key(field.name) and field.takes_any_text]
    texts = [field for field in texts if not field.takes_file and field.name != _NOT_WANTED]
    by_name = [field for field in texts if field.name == _PROMPT]
    return by_name or [field for field in texts if field.is_required] or texts


def _as_prompt(text: str) -> str:
    import shlex

    return shlex.quote(f"{_PROMPT}={text if len(text) <= _SHOWN_CHARACTERS else 'TEXT'}")


def _no_place(text: str, why: str) -> MalformedInput:
    return MalformedInput("expected key=value", text, len(text), hint=f"A bare text is the prompt, but {why}.")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
