"""What was gathered, as the input object: each item's text or file as its endpoint's schema has it, else as guessed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fal_cli.errors import MalformedInput, UsageError
from fal_cli.files.attachment import Attachment
from fal_cli.inputs import documents, items, nesting
from fal_cli.inputs.gather import STDIN, Gathered
from fal_cli.inputs.items import Item
from fal_cli.inputs.stdin import Stdin

if TYPE_CHECKING:
    from fal_cli.inputs.expressions import Source
    from fal_cli.schema import Field, Schema

Tell = Callable[[str], None]


def typed(
    gathered: Gathered,
    stdin: Stdin,
    *,
    schema: "Schema | None" = None,
    source: "Source | None" = None,
    tell: Tell = lambda text: None,
    tell_guess: Tell = lambda text: None,
) -> dict[str, Any]:
    """The input object. A file that is to be uploaded stands in it as an `Attachment`.

    `tell` hears of each file that was read as text, of inputs that are empty or given twice, `tell_guess` of each
    guessed type. `{{expressions}}` look into `source`, without one into the JSON on stdin. Raises `UsageError`.
    """
    given = (*gathered.presets, *gathered.items)
    if source is None and any(items.holds_template(item.value) for item in given):
        from fal_cli.inputs.expressions import on_stdin

        source = on_stdin(stdin)
    found: dict[str, Any] = {}
    for item in gathered.presets:
        steps = nesting.steps(item.key, item.word)
        value = _value(item, _field(schema, steps), stdin, source, tell, tell_guess)
        nesting.assign(found, steps, value, item.word)
    found |= gathered.document
    places = _Places(tell)
    for item in gathered.items:
        steps = nesting.steps(item.key, item.word)
        value = _value(item, _field(schema, steps), stdin, source, tell, tell_guess)
        places.set(item, steps, value)
        nesting.assign(found, steps, value, item.word)
    for item in gathered.texts:
        steps = nesting.steps(item.key, item.word)
        places.set(item, steps, item.value)
        nesting.assign(found, steps, item.value, item.word)
    return found


class _Places:
    """Where items were set, to tell of one that drops another, and of one that is nothing."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._keys: dict[tuple[str, ...], str] = {}

    def set(self, item: Item, steps: tuple[nesting.Step, ...], value: object) -> None:
        if value == "" and item.operator in ("=", "=@"):
            self._tell(f"{item.key} is sent as an empty text")
        path = tuple(step.name for step in steps)
        if any(step.appends for step in steps):
            return  # each of them is a place of its own
        if path in self._keys:
            self._tell(f"{item.key} is given twice; only the last one is sent")
        for place in [place for place in self._keys if len(place) > len(path) and place[: len(path)] == path]:
            self._tell(f"{self._keys.pop(place)} is dropped, since {item.key} comes after it")
        self._keys[path] = item.key


def uploads(schema: "Schema | None", key: str) -> bool:
    """Whether `key=@path` uploads the file, rather than read its text."""
    return not _reads_text(_field(schema, nesting.steps(key, key)), key)


def meaning(schema: "Schema | None", key: str, written: str) -> object:
    """What `key=written` is taken for, which is no file and no expression."""
    return _meaning(_field(schema, nesting.steps(key, key)), key, written)[0]


def _field(schema: "Schema | None", steps: tuple[nesting.Step, ...]) -> "Field | None":
    """What the schema says of a key; None where it says nothing."""
    if schema is None:
        return None
    from fal_cli.schema import find

    field = find(schema, tuple(step.name for step in steps))
    return field if field is not None and field.kinds else None


def _value(
    item: Item, field: "Field | None", stdin: Stdin, source: "Source | None", tell: Tell, tell_guess: Tell
) -> object:
    if item.operator in ("@", "=@"):
        return _file(item, field, stdin, tell)
    if item.operator == ":=@":
        data = (
            stdin.read_something(item.word, f"the text of {item.key}")
            if item.value == STDIN
            else documents.read_file(item.value)
        )
        return documents.loads(data, "stdin" if item.value == STDIN else item.value)
    if item.operator == ":=":
        return documents.loads(item.value, f"the value of {item.key}")
    if items.holds_template(item.value):
        from fal_cli.inputs.expressions import evaluate

        assert source is not None  # made for the first of them
        return evaluate(item, source)
    return _text(item, field, tell_guess)


def _text(item: Item, field: "Field | None", tell: Tell) -> object:
    """What the text of `key=value` means. What a reader would not think is told."""
    value, guess = _meaning(field, item.key, item.value)
    why = f", not as text (for text: -t {item.word})" if field is None else ", as the schema has it"
    if not isinstance(value, str):
        tell(f"{item.word} is sent as {json.dumps(value)}{why}")
    elif not isinstance(guess, str):
        tell(f"{item.word} is sent as text{why}")
    return value


def _meaning(field: "Field | None", key: str, written: str) -> tuple[object, object]:
    """What a text means, and what it would without a schema."""
    plain = items.unescaped(written)
    guess = plain if plain != written else items.typed(key, plain)
    if field is None:
        return guess, guess
    if plain == "null" and items.is_text_key(key) and field.takes_any_text:
        return plain, guess  # never guessed
    from fal_cli.schema import typed as typed_by

    return typed_by(field, plain), guess


def _reads_text(field: "Field | None", key: str) -> bool:
    """Whether a file's text is wanted rather than its URL. Where no schema says what is, the name decides."""
    from fal_cli.schema.values import wants_text

    wanted = wants_text(field) if field is not None else None
    return items.is_text_key(key) if wanted is None else wanted


def _file(item: Item, field: "Field | None", stdin: Stdin, tell: Tell) -> object:
    """`key@path` is the file's URL to be; so is `key=@path`, but where a text is wanted it is the file's text."""
    if not item.value:
        raise MalformedInput("expected a file after '@'", item.word, item.value_at)
    if item.operator == "=@" and _reads_text(field, item.key):
        return _file_text(item, field, stdin, tell)
    if item.value == STDIN:
        path = stdin.spool_something(item.word, f"the file for {item.key}")
        attachment = Attachment(key=item.key, path=path, name="stdin")
    else:
        is_folder = item.value.endswith(("/", os.sep)) and os.path.isdir(os.path.expanduser(item.value))
        attachment = Attachment(key=item.key, path=Path(os.path.expanduser(item.value)), is_folder=is_folder)
        if _is_empty(attachment.path):
            tell(f"{item.key}: {item.value} is an empty file")
    if field is None:
        return attachment
    from fal_cli.schema import placed

    return placed(field, attachment)


def _is_empty(path: Path) -> bool:
    """Whether a file holds nothing. Those that a kernel makes as they are read have no size either."""
    try:
        if not path.is_file() or path.stat().st_size:
            return False
        with path.open("rb") as stream:
            return not stream.read(1)
    except (OSError, ValueError):
        return False  # opening it tells what is wrong


def _file_text(item: Item, field: "Field | None", stdin: Stdin, tell: Tell) -> object:
    name = "stdin" if item.value == STDIN else item.value
    data = (
        stdin.read_something(item.word, f"the text of {item.key}")
        if item.value == STDIN
        else documents.read_file(item.value)
    )
    try:
        found = documents.text(data, name)
    except UsageError as error:
        raise UsageError(f"{item.key}: {error.message}", hint=f"To upload it: {item.key}@{item.value}") from None
    tell(f"{item.key}: the text of {name}")
    if field is None:
        return found
    from fal_cli.schema.values import of_file

    return of_file(field, found)
