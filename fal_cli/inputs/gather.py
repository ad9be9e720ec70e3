"""All inputs of a call gathered: stdin and JSON documents as one object, and the items that are to change it.

Later ones win: stdin, then documents, then items, then raw texts. What an item's text means is `typed`'s.
"""

import marshal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fal_cli import limits
from fal_cli.errors import MalformedInput, UsageError
from fal_cli.inputs import documents, items
from fal_cli.inputs.items import Item
from fal_cli.inputs.reach import ANYWHERE, OUTSIDE, Reach
from fal_cli.inputs.stdin import Stdin
from fal_cli.inputs.words import as_text

STDIN = "-"


class Gathered(NamedTuple):
    """What was given, split but not typed: `texts` are keys with their raw text.

    `presets` are what an alias stands for, under all else. `bare` are words that are no items (see `inputs.bare`),
    `may_be_bare` those that may be none.
    """

    document: dict[str, Any]
    items: tuple[Item, ...] = ()
    texts: tuple[Item, ...] = ()
    presets: tuple[Item, ...] = ()
    bare: tuple[str, ...] = ()
    may_be_bare: frozenset[str] = frozenset()

    @property
    def is_document(self) -> bool:
        """Whether it is all JSON, as a program gives it."""
        return not (self.items or self.texts or self.presets or self.bare)


def gather(
    words: Sequence[str],
    texts: Sequence[str],
    stdin: Stdin,
    *,
    base: Mapping[str, Any] | None = None,
    reach: Reach = ANYWHERE,
    may_be_bare: Iterable[str] = (),
    presets: Sequence[str] = (),
) -> Gathered:
    """What the words of a command line, `-t` texts and stdin give; `reach` says which files they may name.

    With `base` they are changes to that object, and stdin is read only if a word asks for it. `words` are positional
    items and the values of `-i`, in order; `texts` are the values of `-t`. Those of `words` that `may_be_bare` need not
    be items. `presets` are items that all else wins over. Raises `UsageError`.
    """
    words, texts = [_text(word) for word in words], [_text(text) for text in texts]
    free = frozenset(map(_text, may_be_bare))
    plain = [word for word in words if not is_document(word)]
    bare = [word for word in plain if word in free and items.is_bare(word, is_literal=reach.is_literal)]
    found = [items.split(word, is_literal=reach.is_literal) for word in plain if word not in bare]
    raw = [_raw(text) for text in texts]
    document = dict(marshal.loads(marshal.dumps(dict(base)))) if base is not None else {}
    if base is None or STDIN in words:
        document |= _from_stdin(words, texts, stdin)
    for word in words:
        if is_document(word) and word != STDIN:
            document |= _read(word, reach)
    _refuse_deep(document)
    return Gathered(document, tuple(found), tuple(raw), tuple(map(items.split, presets)), tuple(bare), free)


def _refuse_deep(document: Mapping[str, Any]) -> None:
    level: list[Any] = [document]
    for _ in range(limits.NESTING):
        inner = [list(one.values()) if isinstance(one, Mapping) else one for one in level]
        level = [value for values in inner for value in values if isinstance(value, (Mapping, list))]
        if not level:
            return
    raise UsageError(f"the input is nested more than {limits.NESTING} levels deep")


def _from_stdin(words: Sequence[str], texts: Sequence[str], stdin: Stdin) -> dict[str, Any]:
    claims = list(words).count(STDIN)
    if claims > 1:
        raise UsageError("stdin can be read once, but '-' is given twice")
    if claims:
        return _object(stdin.read_something("'-'"))
    if words or texts or stdin.is_terminal:
        return {}
    if stdin.is_device:
        data = stdin.read("the input", is_asked=False)
        return _object(data) if data.strip() else {}
    return _object(stdin.read_something("the input", why="no other input was given", is_asked=False))


def _object(data: bytes) -> dict[str, Any]:
    return documents.loads_object(data, "the JSON on stdin")


def is_document(word: str) -> bool:
    """Whether a word is a whole document: `-`, `@FILE`, `{…}`, or a file's name that no item could be."""
    return word == STDIN or word.startswith(("@", "{")) or (word.endswith(".json") and not {"=", "@"} & set(word))


def _document(word: str, reach: Reach) -> dict[str, Any]:
    if word.startswith("{"):
        return documents.loads_object(word, "the inline JSON")
    if reach.is_literal:
        raise UsageError(
            f"{word} names a file, and --literal reads no files", hint="Write inputs as KEY=…", kind=OUTSIDE
        )
    path = word.removeprefix("@")
    if path == STDIN:
        raise UsageError("'@-' is not supported here; a lone '-' merges the JSON on stdin")
    return documents.loads_object(documents.read_file(path, reach), path)


def _read(word: str, reach: Reach) -> dict[str, Any]:
    """The same; where it cannot be read and may have been meant as text, the error says how to send that."""
    try:
        return _document(word, reach)
    except UsageError as error:
        if _may_be_text(word):
            from shlex import quote

            error.hint = "\n".join(filter(None, (error.hint, f"To send it as text: -t {quote(f'KEY={word}')}")))
        raise


def _may_be_text(word: str) -> bool:
    """Whether a document's word has blanks as a text has: `@home is sweet`, `{x} on a board`."""
    return any(map(str.isspace, word)) and (word.startswith("@") or '"' not in word)


def _raw(text: str) -> items.Item:
    at = items.first_equals(text)
    if at <= 0:
        raise MalformedInput("expected KEY=VALUE after -t", text, len(text) if at < 0 else 0)
    return items.Item(text, text[:at], "=", text[at + 1 :], at + 1)


def _text(word: str) -> str:
    try:
        return as_text(word)
    except UnicodeError:  # bytes that are not UTF-8, or half a character that never were bytes
        at = next(at for at, character in enumerate(word) if "\ud800" <= character <= "\udfff")
        raise MalformedInput("this is not valid UTF-8 text", word, at) from None
