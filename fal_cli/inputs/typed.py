"""What was gathered, as the input object: each item's text or file as its endpoint's schema has it, else as guessed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fal_cli.errors import MalformedInput
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

    `tell` hears of each file that was read as text, `tell_guess` of each guessed type. `{{expressions}}` look into
    `source`, without one into the JSON on stdin. Raises `UsageError`.
    """
    found = gathered.document
    if source is None and any(items.holds_template(item.value) for item in gathered.items):
        from fal_cli.inputs.expressions import on_stdin

        source = on_stdin(stdin)
    for item in gathered.items:
        steps = nesting.steps(item.key, item.word)
        field = _field(schema, steps)
        nesting.assign(found, steps, _value(item, field, stdin, source, tell, tell_guess), item.word)
    for item in gathered.texts:
        nesting.assign(found, nesting.steps(item.key, item.word), item.value, item.word)
    return found


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
        data = stdin.read(item.word) if item.value == STDIN else documents.read_file(item.value)
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
    from fal_cli.schema import typed as typed_by

    return typed_by(field, plain), guess


def _file(item: Item, field: "Field | None", stdin: Stdin, tell: Tell) -> object:
    """`key@path` is the file's URL to be; so is `key=@path`, but a text key takes the file's text."""
    if not item.value:
        raise MalformedInput("expected a file after '@'", item.word, item.value_at)
    if item.operator == "=@" and items.is_text_key(item.key):
        data = (
            stdin.read(item.word, f"the text of {item.key}") if item.value == STDIN else documents.read_file(item.value)
        )
        tell(f"{item.key}: the text of {'stdin' if item.value == STDIN else item.value}")
        return documents.text(data, item.value)
    if item.value == STDIN:
        attachment = Attachment(key=item.key, path=stdin.spool(item.word, f"the file for {item.key}"), name="stdin")
    else:
        attachment = Attachment(key=item.key, path=Path(os.path.expanduser(item.value)))
    if field is None:
        return attachment
    from fal_cli.schema import placed

    return placed(field, attachment)
