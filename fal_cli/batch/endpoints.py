"""The endpoints of a batch: usually one. Several are separated by commas, and each gets every row.

What an endpoint gets of a row is what its own schema knows. An input that it lacks and another one of the batch has is
left out for it; one that none of them has goes to all of them as it was given, as it does where there is only one.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fal_cli.calls import endpoints
from fal_cli.calls.endpoints import Named
from fal_cli.context import Context
from fal_cli.endpoint import EndpointId, LocalApp
from fal_cli.errors import MalformedInput, UsageError
from fal_cli.inputs import nesting

if TYPE_CHECKING:
    from fal_cli.schema import Schema

_SEPARATOR = ","


def read(context: Context, word: str, path: str, *, aloud: bool) -> tuple[Named, ...]:
    """The endpoints that a word names, each with a path appended; an alias brings its inputs. Raises `UsageError`."""
    names = word.split(_SEPARATOR)
    if not all(names):
        raise UsageError(f"{word!r}: expected an endpoint before and after each comma")
    found = tuple(endpoints.named(context, name, path) for name in names)
    first: dict[str, str] = {}
    for name, one in zip(names, found, strict=True):
        if isinstance(one.target, LocalApp):
            raise UsageError(f"{one.target} is an app on this machine, which has no queue")
        if str(one.target) in first:
            raise UsageError(_twice(first[str(one.target)], name, one), hint="To compare its inputs: --vary KEY=V1,V2")
        first[str(one.target)] = name
        endpoints.tell(context, one, aloud=aloud)
    return found


def _twice(first: str, name: str, one: Named) -> str:
    if first == name:
        return f"{name} is named twice"
    return f"{first} and {name} are both {one.target}"


def target(named: Named) -> EndpointId:
    """The endpoint of one that was read."""
    assert isinstance(named.target, EndpointId)
    return named.target


def stem(targets: Sequence[EndpointId]) -> str:
    """What a batch without a list is named by: the app of its only endpoint, or the words of all of them."""
    if len(targets) == 1:
        return targets[0].alias
    words = (word for one in targets for word in (one.alias, *one.path.split("/")) if word)
    return "-".join(dict.fromkeys(words))[:80]


def lacking(schemas: "Sequence[Schema | None]") -> list[frozenset[str]]:
    """For each endpoint the inputs that it has not, and another one has. Of an unknown schema nothing is lacking."""
    every = [_names(schema) for schema in schemas]
    known = frozenset().union(*every)
    return [frozenset() if _takes_any(schema) else known - names for schema, names in zip(schemas, every, strict=True)]


def is_lacking(key: str, names: Iterable[str]) -> bool:
    """Whether a key such as `image_size.width` belongs to one of these inputs."""
    try:
        return nesting.steps(key, key)[0].name in names
    except MalformedInput:
        return False


def _names(schema: "Schema | None") -> frozenset[str]:
    return frozenset(field.name for field in schema.inputs) if schema else frozenset()


def _takes_any(schema: "Schema | None") -> bool:
    return schema is None or not schema.inputs or not schema.is_whole or schema.others is not None
