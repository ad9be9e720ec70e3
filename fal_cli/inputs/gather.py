"""All inputs of a call into one object, later ones over earlier: stdin, JSON documents, items, raw texts."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from fal_cli.errors import MalformedInput, UsageError
from fal_cli.inputs import documents, items, nesting
from fal_cli.inputs.stdin import Stdin

STDIN = "-"


def gather(
    words: Sequence[str], texts: Sequence[str], stdin: Stdin, *, tell: Callable[[str], None] = lambda guess: None
) -> dict[str, Any]:
    """The input object that the words of a command line, `-t` texts and stdin make together.

    `words` are positional items and the values of `-i`, in order; `texts` are the values of `-t`. `tell` hears
    of each guess. Raises `UsageError`; nothing has been sent then.
    """
    for word in (*words, *texts):
        _refuse_broken_text(word)
    pieces = [word for word in words if _is_document(word)]
    result = _from_stdin(words, texts, stdin)
    for piece in pieces:
        if piece != STDIN:
            result |= _document(piece)
    for word in words:
        if not _is_document(word):
            _apply(result, items.split(word), stdin, tell)
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


def _apply(result: dict[str, Any], item: items.Item, stdin: Stdin, tell: Callable[[str], None]) -> None:
    value = _value(item, stdin)
    nesting.assign(result, nesting.steps(item.key, item.word), value, item.word)
    if item.operator == "=" and not isinstance(value, str):
        tell(f"{item.word} is sent as {json.dumps(value)}, not as text (for text: -t {item.word})")


def _value(item: items.Item, stdin: Stdin) -> object:
    if item.operator in ("@", "=@"):
        raise MalformedInput(
            "files as inputs are not supported yet",
            item.word,
            item.value_at - 1,
            hint="For a plain '@' write key=\\@…, or send the value raw with -t KEY=VALUE.",
        )
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
