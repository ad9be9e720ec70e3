"""All inputs of a call into one object, later ones over earlier: stdin, JSON documents, items, raw texts."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from fal_cli.errors import MalformedInput, UsageError
from fal_cli.inputs import documents, expressions, items, nesting
from fal_cli.inputs.attachment import Attachment
from fal_cli.inputs.expressions import Source
from fal_cli.inputs.stdin import Stdin

STDIN = "-"
UNKNOWN = object()
"""What a `TypeValue` answers where it does not know better than the rules for a guess."""
Tell = Callable[[str], None]
TypeValue = Callable[[tuple[str, ...], str | Attachment], object]
"""From the path of a key and its text, or the file that is uploaded for it, to the value that its input wants."""
Wanted = Callable[[str | Attachment], object]
"""The same for one item."""


def gather(
    words: Sequence[str],
    texts: Sequence[str],
    stdin: Stdin,
    *,
    base: Mapping[str, Any] | None = None,
    tell: Tell = lambda text: None,
    tell_guess: Tell = lambda text: None,
    type_value: TypeValue = lambda path, value: UNKNOWN,
    source: Source | None = None,
) -> dict[str, Any]:
    """The input object that the words of a command line, `-t` texts and stdin make together.

    With `base` they are changes to that object, and stdin is read only if a word asks for it.

    `words` are positional items and the values of `-i`, in order; `texts` are the values of `-t`. `tell` hears
    of each file that was read as text, `tell_guess` of each guessed type. `type_value` knows what an input wants; it
    is asked for what `key=value` gives and for uploads. `{{expressions}}` look into `source`, without one into the
    JSON on stdin. A file that is to be uploaded stands in the object as an `Attachment`. Raises `UsageError`; nothing
    has been sent then.
    """
    source = source or expressions.on_stdin(stdin)
    for word in (*words, *texts):
        _refuse_broken_text(word)
    pieces = [word for word in words if is_document(word)]
    result = dict(deepcopy(base)) if base is not None else {}
    if base is None or STDIN in words:
        result |= _from_stdin(words, texts, stdin)
    for piece in pieces:
        if piece != STDIN:
            result |= _document(piece)
    for word in words:
        if not is_document(word):
            _apply(result, items.split(word), stdin, source, tell, tell_guess, type_value)
    for text in texts:
        _apply_text(result, text)
    return result


def _from_stdin(words: Sequence[str], texts: Sequence[str], stdin: Stdin) -> dict[str, Any]:
    claims = list(words).count(STDIN)
    if claims > 1:
        raise UsageError("stdin can be read once, but '-' is given twice")
    if claims or not (words or texts or stdin.is_terminal):
        data = stdin.read("'-'" if claims else "the input")
        return documents.loads_object(data, "the JSON on stdin") if data.strip() else {}
    return {}


def is_document(word: str) -> bool:
    """Whether a word is a whole document: `-`, `@FILE`, `{…}`, or a file's name that no item could be."""
    return word == STDIN or word.startswith(("@", "{")) or (word.endswith(".json") and not {"=", "@"} & set(word))


def _document(word: str) -> dict[str, Any]:
    if word.startswith("{"):
        return documents.loads_object(word, "the inline JSON")
    path = word.removeprefix("@")
    if path == STDIN:
        raise UsageError("'@-' is not supported here; a lone '-' merges the JSON on stdin")
    return documents.loads_object(documents.read_file(path), path)


def _apply(
    result: dict[str, Any],
    item: items.Item,
    stdin: Stdin,
    source: Source,
    tell: Tell,
    tell_guess: Tell,
    type_value: TypeValue,
) -> None:
    path = nesting.steps(item.key, item.word)
    wanted = partial(type_value, tuple(step.name for step in path))
    value = _value(item, stdin, source, tell, wanted)
    if value is UNKNOWN:
        value = _typed(item, wanted, tell_guess)
    nesting.assign(result, path, value, item.word)


def _value(item: items.Item, stdin: Stdin, source: Source, tell: Tell, wanted: Wanted) -> object:
    """What an item gives; `UNKNOWN` for one whose text has yet to be typed."""
    if item.operator in ("@", "=@"):
        return _file(item, stdin, tell, wanted)
    if item.operator == ":=@":
        data = stdin.read(item.word) if item.value == STDIN else documents.read_file(item.value)
        return documents.loads(data, "stdin" if item.value == STDIN else item.value)
    if item.operator == ":=":
        return documents.loads(item.value, f"the value of {item.key}")
    if items.holds_template(item.value):
        return expressions.evaluate(item, source)
    return UNKNOWN


def _typed(item: items.Item, wanted: Wanted, tell: Tell) -> object:
    """What the text of `key=value` means: what the input wants, or by the rules for a guess. The rest is told."""
    plain = items.unescaped(item.value)
    guess = plain if plain != item.value else items.typed(item.key, plain)
    known = wanted(plain)
    value = guess if known is UNKNOWN else known
    why = f", not as text (for text: -t {item.word})" if known is UNKNOWN else ", as the schema has it"
    if not isinstance(value, str):
        tell(f"{item.word} is sent as {json.dumps(value)}{why}")
    elif not isinstance(guess, str):
        tell(f"{item.word} is sent as text{why}")
    return value


def _file(item: items.Item, stdin: Stdin, tell: Tell, wanted: Wanted) -> object:
    """`key@path` is the file's URL to be; so is `key=@path`, but a text key takes the file's text."""
    if not item.value:
        raise MalformedInput("expected a file after '@'", item.word, item.value_at)
    if item.operator == "=@" and items.is_text_key(item.key):
        data = stdin.read(item.word) if item.value == STDIN else documents.read_file(item.value)
        tell(f"{item.key}: the text of {'stdin' if item.value == STDIN else item.value}")
        return documents.text(data, item.value)
    if item.value == STDIN:
        attachment = Attachment(key=item.key, path=stdin.spool(item.word), name="stdin")
    else:
        attachment = Attachment(key=item.key, path=Path(os.path.expanduser(item.value)))
    value = wanted(attachment)
    return attachment if value is UNKNOWN else value


def _apply_text(result: dict[str, Any], text: str) -> None:
    at = items.first_equals(text)
    if at <= 0:
        raise MalformedInput("expected KEY=VALUE after -t", text, len(text) if at < 0 else 0)
    nesting.assign(result, nesting.steps(text[:at], text), text[at + 1 :], text)


def _refuse_broken_text(word: str) -> None:
    try:
        word.encode()
    except UnicodeEncodeError as error:
        raise MalformedInput("this is not valid UTF-8 text", word, error.start) from None
