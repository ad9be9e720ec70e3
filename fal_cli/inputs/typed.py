"""What was gathered, as the input object: each item's text or file as its endpoint's schema has it, else as guessed."""

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fal_cli.errors import MalformedInput, UsageError
from fal_cli.files.attachment import Attachment, Digest
from fal_cli.inputs import documents, items, nesting
from fal_cli.inputs.gather import STDIN, Gathered
from fal_cli.inputs.items import Item
from fal_cli.inputs.reach import ANYWHERE, Reach
from fal_cli.inputs.stdin import Stdin

if TYPE_CHECKING:
    from fal_cli.inputs.expressions import Source
    from fal_cli.schema import Field, Schema

Tell = Callable[[str], None]


class Typed(NamedTuple):
    """An input object as it is sent, and as it was `given`: without a schema, a file that was read as its digest."""

    input_json: dict[str, Any]
    given: dict[str, Any]


class _Value(NamedTuple):
    """What one item is sent as, and what was given."""

    sent: object
    given: object


def typed(
    gathered: Gathered,
    stdin: Stdin,
    *,
    schema: "Schema | None" = None,
    source: "Source | None" = None,
    tell: Tell = lambda text: None,
    tell_guess: Tell = lambda text: None,
    reach: Reach = ANYWHERE,
) -> Typed:
    """The input object. A file that is to be uploaded stands in it as an `Attachment`; `reach` says which may.

    `tell` hears of each file that was read as text, of inputs that are empty or given twice, `tell_guess` of each
    guessed type. `{{expressions}}` look into `source`, without one into the JSON on stdin. Raises `UsageError`.
    """
    split = (*gathered.presets, *(() if reach.is_literal else gathered.items))
    if source is None and any(items.holds_template(item.value) for item in split):
        from fal_cli.inputs.expressions import on_stdin

        source = on_stdin(stdin)

    found: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for item in gathered.presets:  # the user's own words, whatever those of the call may do
        steps = nesting.steps(item.key, item.word)
        value = _value(item, _field(schema, steps), stdin, source, ANYWHERE, tell, tell_guess)
        nesting.assign(found, steps, value.sent, item.word)
        _give(given, item, steps, value.given)
    found |= gathered.document
    given |= deepcopy(gathered.document)
    places = _Places(tell)
    for item in gathered.items:
        steps = nesting.steps(item.key, item.word)
        field = _field(schema, steps)
        if reach.is_literal:
            value = _literal(item, field, tell_guess)
        else:
            value = _value(item, field, stdin, source, reach, tell, tell_guess)
        places.set(item, steps, value.sent)
        nesting.assign(found, steps, value.sent, item.word)
        _give(given, item, steps, value.given)
    for item in gathered.texts:
        steps = nesting.steps(item.key, item.word)
        places.set(item, steps, item.value)
        nesting.assign(found, steps, item.value, item.word)
        _give(given, item, steps, item.value)
    return Typed(found, given)


def _give(given: dict[str, Any], item: Item, steps: tuple[nesting.Step, ...], value: object) -> None:
    """Sets an item in what was given. Where only a schema makes room for it, it stands under its whole key."""
    try:
        nesting.assign(given, steps, value, item.word)
    except MalformedInput:
        given[f"{item.key}\0"] = [*given.get(f"{item.key}\0", ()), value]


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


def _literal(item: Item, field: "Field | None", tell: Tell) -> _Value:
    """A value of which nothing is taken for more than it is: JSON behind `:=`, else text, or what the schema reads in
    it.
    """
    if item.operator == ":=":
        return _as_given(documents.loads(item.value, f"the value of {item.key}"))
    if field is None:
        return _Value(item.value, item.value)
    from fal_cli.schema import typed as typed_by

    value = typed_by(field, item.value)
    if not isinstance(value, str):
        tell(f"{item.word} is sent as {json.dumps(value)}, as the schema says")
    return _Value(value, item.value)


def _value(
    item: Item,
    field: "Field | None",
    stdin: Stdin,
    source: "Source | None",
    reach: Reach,
    tell: Tell,
    tell_guess: Tell,
) -> _Value:
    if item.operator in ("@", "=@"):
        return _file(item, field, stdin, reach, tell)
    if item.operator == ":=@":
        data = (
            stdin.read_something(item.word, f"the text of {item.key}")
            if item.value == STDIN
            else documents.read_file(item.value, reach)
        )
        return _as_given(documents.loads(data, "stdin" if item.value == STDIN else item.value))
    if item.operator == ":=":
        return _as_given(documents.loads(item.value, f"the value of {item.key}"))
    if items.holds_template(item.value):
        from fal_cli.inputs.expressions import evaluate

        assert source is not None  # made for the first of them
        return _as_given(evaluate(item, source))
    return _text(item, field, tell_guess)


def _as_given(value: object) -> _Value:
    # Later items set into it, and what is sent and what was given are not to share that.
    return _Value(value, deepcopy(value))


def _text(item: Item, field: "Field | None", tell: Tell) -> _Value:
    """What the text of `key=value` means. What a reader would not think is told."""
    value, guess = _meaning(field, item.key, item.value)
    why = f", not as text (for text: -t {item.word})" if field is None else ", as the schema says"
    if not isinstance(value, str):
        tell(f"{item.word} is sent as {json.dumps(value)}{why}")
    elif not isinstance(guess, str):
        tell(f"{item.word} is sent as text{why}")
    return _Value(value, guess)


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


def _file(item: Item, field: "Field | None", stdin: Stdin, reach: Reach, tell: Tell) -> _Value:
    """`key@path` is the file's URL to be; so is `key=@path`, but where a text is wanted it is the file's text."""
    if not item.value:
        raise MalformedInput("expected a file after '@'", item.word, item.value_at)
    if item.operator == "=@" and _reads_text(field, item.key):
        return _file_text(item, field, stdin, reach, tell)
    if item.value == STDIN:
        path = stdin.spool_something(item.word, f"the file for {item.key}")
        attachment = Attachment(key=item.key, path=path, name="stdin")
    else:
        is_folder = item.value.endswith(("/", "\\")) and reach.path(item.value).is_dir()
        name = "" if is_folder else _own_name(item.value, reach)
        attachment = Attachment(key=item.key, path=reach.path(item.value), name=name, is_folder=is_folder)
        if _is_empty(attachment.path):
            tell(f"{item.key}: {item.value} is an empty file")
    if field is None:
        return _Value(attachment, attachment)
    from fal_cli.schema import placed

    return _Value(placed(field, attachment), attachment)


def _own_name(written: str, reach: Reach) -> str:
    """What a file was named as, where its path is that of what a link leads to."""
    return Path(written).name if reach.folder is not None else ""


def _is_empty(path: Path) -> bool:
    """Whether a file holds nothing. Those that a kernel makes as they are read have no size either."""
    try:
        if not path.is_file() or path.stat().st_size:
            return False
        with path.open("rb") as stream:
            return not stream.read(1)
    except (OSError, ValueError):
        return False  # opening it tells what is wrong


def _file_text(item: Item, field: "Field | None", stdin: Stdin, reach: Reach, tell: Tell) -> _Value:
    name = "stdin" if item.value == STDIN else item.value
    data = (
        stdin.read_something(item.word, f"the text of {item.key}")
        if item.value == STDIN
        else documents.read_file(item.value, reach)
    )
    try:
        found = documents.text(data, name)
    except UsageError as error:
        raise UsageError(f"{item.key}: {error.message}", hint=f"To upload it: {item.key}@{item.value}") from None
    tell(f"{item.key}: the text of {name}")
    given = Digest(sha256=hashlib.sha256(data).hexdigest())
    if field is None:
        return _Value(found, given)
    from fal_cli.schema.values import of_file

    return _Value(of_file(field, found), given)
