"""All inputs of a call into one object, later ones over earlier: stdin, JSON documents, items, raw texts."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from fal_cli.errors import MalformedInput, UsageError
from fal_cli.inputs import documents, items, nesting
from fal_cli.inputs.attachment import Attachment
from fal_cli.inputs.stdin import Stdin

STDIN = "-"
Tell = Callable[[str], None]


def gather(
    words: Sequence[str],
    texts: Sequence[str],
    stdin: Stdin,
    *,
    base: Mapping[str, Any] | None = None,
    tell: Tell = lambda text: None,
    tell_guess: Tell = lambda text: None,
) -> dict[str, Any]:
    """The input object that the words of a command line, `-t` texts and stdin make together.

    With `base` they are changes to that object, and stdin is read only if a word asks for it.

    `words` are positional items and the values of `-i`, in order; `texts` are the values of `-t`. `tell` hears
    of each file that was read as text, `tell_guess` of each guessed type. A file that is to be uploaded stands in
    the object as an `Attachment`. Raises `UsageError`; nothing has been sent then.
    """
    for word in (*words, *texts):
        _refuse_broken_text(word)
    pieces = [word for word in words if _is_document(word)]
    result = dict(deepcopy(base)) if base is not None else {}
    if base is None or STDIN in words:
        result |= _from_stdin(words, texts, stdin)
    for piece in pieces:
        if piece != STDIN:
            result |= _document(piece)
    for word in words:
        if not _is_document(word):
            _apply(result, items.split(word), stdin, tell, tell_guess)
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


def _is_document(word: str) -> bool:
    """Whether a word is a whole document: `-`, `@FILE`, `{…}`, or a file's name that no item could be."""
    return word == STDIN or word.startswith(("@", "{")) or (word.endswith(".json") and not {"=", "@"} & set(word))


def _document(word: str) -> dict[str, Any]:
    if word.startswith("{"):
        return documents.loads_object(word, "the inline JSON")
    path = word.removeprefix("@")
    if path == STDIN:
        raise UsageError("'@-' is not supported here; a lone '-' merges the JSON on stdin")
    return documents.loads_object(documents.read_file(path), path)


def _apply(result: dict[str, Any], item: items.Item, stdin: Stdin, tell: Tell, tell_guess: Tell) -> None:
    value = _value(item, stdin, tell)
    nesting.assign(result, nesting.steps(item.key, item.word), value, item.word)
    if item.operator == "=" and not isinstance(value, str):
        tell_guess(f"{item.word} is sent as {json.dumps(value)}, not as text (for text: -t {item.word})")


def _value(item: items.Item, stdin: Stdin, tell: Tell) -> object:
    if item.operator in ("@", "=@"):
        return _file(item, stdin, tell)
    if item.operator == ":=@":
        data = stdin.read(item.word) if item.value == STDIN else documents.read_file(item.value)
        return documents.loads(data, "stdin" if item.value == STDIN else item.value)
    if item.operator == ":=":
        return documents.loads(item.value, f"the value of {item.key}")
    if items.is_template(item.value):
        raise MalformedInput(
            "{{expressions}} are not supported yet",
            item.word,
            item.value_at,
            hint="For plain braces write key=\\{{…, or send the value raw with -t KEY=VALUE.",
        )
    plain = items.unescaped(item.value)
    return plain if plain != item.value else items.typed(item.key, plain)


def _file(item: items.Item, stdin: Stdin, tell: Tell) -> object:
    """`key@path` is the file's URL to be; so is `key=@path`, but a text key takes the file's text."""
    if not item.value:
        raise MalformedInput("expected a file after '@'", item.word, item.value_at)
    if item.operator == "=@" and items.is_text_key(item.key):
        data = stdin.read(item.word) if item.value == STDIN else documents.read_file(item.value)
        tell(f"{item.key}: the text of {'stdin' if item.value == STDIN else item.value}")
        return documents.text(data, item.value)
    if item.value == STDIN:
        return Attachment(item.key, stdin.spool(item.word), name="stdin")
    return Attachment(item.key, Path(os.path.expanduser(item.value)))


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
