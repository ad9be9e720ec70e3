"""`key={{expression}}`: a whole value taken out of JSON that is there to be looked into, and is no input itself.

The expression is JMESPath over the JSON on stdin, or over the result that `--from` names. What it finds keeps its
type; finding nothing is an error. In it `media` stands for the URLs of all media, wherever the JSON has them.
"""

import json
from collections.abc import Callable
from typing import Any

from fal_cli import media
from fal_cli.errors import MalformedInput, UsageError
from fal_cli.inputs import documents
from fal_cli.inputs.items import Item, is_template
from fal_cli.inputs.stdin import Stdin

MEDIA = "media"

_UNREAD = object()
_MOST_NAMES = 12
# Of these only the first part looks at the JSON itself, all others at what that part found.
_CHAINS = ("subexpression", "index_expression", "projection", "value_projection", "filter_projection", "pipe")


class Source:
    """The JSON that expressions look into: `name` says which. It is read for the first of them, and only then."""

    def __init__(self, name: str, read: Callable[[Item], Any]) -> None:
        self.name = name
        self._read = read
        self._value: Any = _UNREAD

    @property
    def is_read(self) -> bool:
        return self._value is not _UNREAD

    def value(self, item: Item) -> Any:
        """The JSON, for an item that asks. Raises what reading it raises."""
        if not self.is_read:
            self._value = self._read(item)
        return self._value


def on_stdin(stdin: Stdin) -> Source:
    """The JSON on stdin."""
    return Source("the JSON on stdin", lambda item: _from_stdin(stdin, item))


def evaluate(item: Item, source: Source) -> Any:
    """What the expression that is an item's value finds.

    Raises `MalformedInput` for what is no expression, `UsageError` if there is nothing to look into or it finds
    nothing there.
    """
    if not is_template(item.value):
        raise _partial(item, item.value.index("{{"))
    search = _compiled(item)
    value = source.value(item)
    found = _found(item, search, _scope(search.parsed, value))
    if found is None:
        raise UsageError(
            f"{item.key}: {item.value} finds nothing in {source.name}", lines=_content(value), hint=_plain_hint(item)
        )
    return found


def _from_stdin(stdin: Stdin, item: Item) -> Any:
    why = f"{item.key}: {item.value} has no result to read from"
    if stdin.is_terminal:
        raise UsageError(
            f"{why}: stdin is a terminal", hint=f"Pipe JSON in, or name a request: --from REF\n{_plain_hint(item)}"
        )
    data = stdin.read(item.word)
    if not data.strip():
        raise UsageError(
            f"{why}: stdin is empty",
            hint="The command before the pipe may have failed. To use an earlier request: --from REF",
        )
    try:
        return documents.loads(data, "stdin")
    except UsageError as error:
        raise UsageError(f"{why}: {error.message}", hint=_plain_hint(item)) from None


def _compiled(item: Item) -> Any:
    import jmespath.exceptions

    text, at = item.value[2:-2], item.value_at + 2
    try:
        return jmespath.compile(text)
    except jmespath.exceptions.ParseError as error:
        if "}}" in text and "{{" in text:
            raise _partial(item, item.value.index("}}")) from None
        raise MalformedInput(_complaint(error), item.word, at + error.lex_position, hint=_plain_hint(item)) from None
    except jmespath.exceptions.EmptyExpressionError:
        raise MalformedInput("expected an expression here", item.word, at, hint=_plain_hint(item)) from None
    except RecursionError:
        raise MalformedInput("this expression is nested too deeply", item.word, at) from None
    except ValueError:  # Python reads no number of thousands of digits
        raise MalformedInput("a number has thousands of digits", item.word, at) from None


def _found(item: Item, search: Any, scope: Any) -> Any:
    """What a search finds. That there is no such function is only noticed when it is called."""
    try:
        found = search.search(scope)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise MalformedInput(reason, item.word, item.value_at, hint=_plain_hint(item)) from None
    try:
        json.dumps(found, allow_nan=False)
    except (ValueError, TypeError):
        raise MalformedInput("the value that this finds is not JSON", item.word, item.value_at) from None
    return found


def _partial(item: Item, at: int) -> MalformedInput:
    return MalformedInput(
        "only a whole value can be an {{expression}}",
        item.word,
        item.value_at + at,
        hint=f"To send the braces as they are: -t {item.key}=…",
    )


def _complaint(error: Any) -> str:
    import jmespath.exceptions

    if isinstance(error, jmespath.exceptions.LexerError):
        return str(error.message)
    if isinstance(error, jmespath.exceptions.IncompleteExpressionError) or error.token_type == "EOF":
        return "the expression ends too early"
    return f"{error.token_value!r} is not allowed here"


def _scope(tree: dict[str, Any], value: Any) -> Any:
    """What an expression looks into: the JSON, and where it asks for `media`, those of the JSON under that name."""
    if not _asks_for_media(tree):
        return value
    urls = [file.url for file in media.find(value)]
    return (value if isinstance(value, dict) else {}) | {MEDIA: urls}


def _asks_for_media(node: dict[str, Any]) -> bool:
    """Whether `media` stands in an expression where it names something of the JSON itself."""
    if node["type"] == "field":
        return bool(node["value"] == MEDIA)
    if node["type"] == "expref":
        return False
    children = [child for child in node["children"] if isinstance(child, dict)]
    return any(map(_asks_for_media, children[:1] if node["type"] in _CHAINS else children))


def _content(value: Any) -> tuple[str, ...]:
    """What there would have been to find, in a line."""
    if isinstance(value, dict) and value:
        names = list(value)
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return (f"it holds {', '.join(names[:_MOST_NAMES])}{more}",)
    if isinstance(value, list) and value:
        return (f"it is a list of {len(value)}",)
    return (f"it is {json.dumps(value, ensure_ascii=False)}",)


def _plain_hint(item: Item) -> str:
    return f"For plain braces: {item.key}=\\{{{{…, or -t {item.key}=…"
