"""Models as the apps of the service have them, made at random, with their documents and inputs that nearly fit."""

import datetime
import enum
import json
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

ROUTE = "a/b"
NAMES = (
    "prompt", "negative_prompt", "seed", "num_images", "image_url", "frames", "guidance_scale", "mode", "model",
    "strength", "loras", "style", "duration", "size", "text", "path",
)  # fmt: skip
WORDS = ("a", "b", "5", "10", "auto", "true", "Null", "square_hd", "16:9", "")
_PLAIN = (int, float, str, bool, datetime.date, datetime.datetime, datetime.timedelta, Any)


class Word(enum.Enum):
    ONE = "one"
    FIVE = "5"


class Number(enum.IntEnum):
    FIVE = 5
    TEN = 10


class Mixed(enum.Enum):
    TEXT = "auto"
    NUMBER = 5
    SWITCH = True


def document(model: type[BaseModel]) -> dict[str, Any]:
    """A model's schema as the service embeds it."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    components = schema.pop("$defs", {})
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/TheInput"}}}}
    return {
        "openapi": "3.0.4",
        "paths": {f"/{ROUTE}": {"post": {"requestBody": body}}},
        "components": {"schemas": {**components, "TheInput": schema}},
    }


def accepts(model: type[BaseModel], given: Any) -> bool:
    """Whether a model takes an input as JSON."""
    try:
        model.model_validate_json(json.dumps(given))
    except ValidationError:
        return False
    return True


@st.composite
def constrained(draw: st.DrawFn) -> Any:
    """A type with limits."""
    low = draw(st.none() | st.integers(-3, 3))
    high = draw(st.none() | st.integers(3, 9))
    kind = draw(st.sampled_from([int, float]))
    step = draw(st.none() | st.sampled_from([1, 2, 3] if kind is int else [0.1, 0.25, 2]))
    if draw(st.booleans()):
        return Annotated[kind, Field(ge=low, le=high, multiple_of=step)]
    return Annotated[kind, Field(gt=low, lt=high, multiple_of=step)]


@st.composite
def bounded_text(draw: st.DrawFn) -> Any:
    least, most = draw(st.none() | st.integers(0, 2)), draw(st.none() | st.integers(2, 6))
    return Annotated[str, Field(min_length=least, max_length=most)]


LITERALS = st.lists(
    st.sampled_from([*WORDS, 0, 1, 5, 10, -1, True, False]),
    min_size=1,
    max_size=4,
    unique_by=lambda one: (type(one), one),
).map(lambda choices: Literal[tuple(choices)])  # type: ignore[valid-type]
SIMPLE = st.sampled_from([*_PLAIN, Word, Number, Mixed]) | LITERALS | constrained() | bounded_text()


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lengths = st.tuples(st.none() | st.integers(0, 1), st.none() | st.integers(1, 3))
    return (
        inner.map(lambda kind: kind | None)
        | st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1])
        | st.tuples(inner, lengths).map(
            lambda made: Annotated[list[made[0]], Field(min_length=made[1][0], max_length=made[1][1])]
        )
        | inner.map(lambda kind: dict[str, kind])  # type: ignore[valid-type]
        | st.tuples(inner, inner).map(lambda pair: tuple[pair[0], pair[1]])  # type: ignore[valid-type]
        | st.sampled_from([str, int, Word]).map(lambda kind: set[kind])  # type: ignore[valid-type]
        | models(inner)
    )


_PLAIN_DEFAULTS = st.none() | st.sampled_from(WORDS) | st.integers(-2, 12) | st.booleans()
_DEFAULTS = (
    st.just(...)
    | _PLAIN_DEFAULTS
    | _PLAIN_DEFAULTS.map(lambda value: Field(default=value, examples=[value, "x", None]))
)
"""None, or one that pydantic does not check and that need not fit."""


@st.composite
def models(draw: st.DrawFn, kinds: st.SearchStrategy[Any] = SIMPLE) -> type[BaseModel]:
    """A model of a few fields."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    fields: dict[str, Any] = {}
    for name in names:
        kind = draw(kinds)
        fields[name] = (kind, draw(_DEFAULTS))
    extra: Any = draw(st.sampled_from(["ignore", "forbid", "allow"]))
    config = ConfigDict(extra=extra, str_strip_whitespace=draw(st.booleans()), coerce_numbers_to_str=False)
    number = draw(st.integers(0, 10**9))
    return create_model(f"Model{number}", __config__=config, **fields)


MODELS = models(st.recursive(SIMPLE, _larger, max_leaves=6))
SCALARS = (
    st.none() | st.booleans() | st.integers(-4, 12) | st.integers()
    | st.sampled_from([0.0, 1.0, 2.0, 2.5, 0.3, -1.0, 1e300])
    | st.sampled_from([*WORDS, "42", " 42 ", "1e3", "2.0", "false", "off", "No", "007", "+5", "1_0", "inf", "one",
                       "2024-01-02", "2024-01-02T03:04:05Z", "P1D", " a ", "     a     ", "https://a/b.png"])
)  # fmt: skip
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "a", "other"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def inputs(draw: st.DrawFn, model: type[BaseModel]) -> dict[str, Any]:
    """An input to a model: of each field mostly something that it may take, and now and then a key too many."""
    given = {
        name: draw(near(field.annotation))
        for name, field in model.model_fields.items()
        if field.is_required() or draw(st.booleans())
    }
    for name in draw(st.lists(st.sampled_from(["x", "seed_2", "steps", "image"]), max_size=1)):
        given[name] = draw(SCALARS)
    return given


def near(kind: Any) -> st.SearchStrategy[Any]:
    """Values that a type may take, by what it is made of, and others."""
    return st.one_of(*(_fitting(kind)), SCALARS, ANY_JSON)


def _fitting(kind: Any) -> list[st.SearchStrategy[Any]]:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _fitting(parts[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [inputs(kind)]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return [st.sampled_from([one.value for one in kind])]
    if origin is Literal:
        return [st.sampled_from(parts)]
    if origin in (list, set):
        return [st.lists(near(parts[0]), max_size=3)]
    if origin is dict:
        return [st.dictionaries(st.sampled_from(["a", "b", "prompt"]), near(parts[1]), max_size=2)]
    if origin is tuple:
        return [st.tuples(*map(near, parts)).map(list)]
    if origin in (Union, UnionType):
        return [strategy for part in parts for strategy in _fitting(part)]
    named: dict[Any, Callable[[], st.SearchStrategy[Any]]] = {
        int: lambda: st.integers(-3, 9), float: lambda: st.integers(-3, 9) | st.floats(-3, 9), bool: st.booleans,
        str: lambda: st.text(max_size=7),
    }  # fmt: skip
    return [named[kind]()] if kind in named else []
