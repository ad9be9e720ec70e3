"""One input or output of an endpoint, as plain values."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from fal_cli.files.attachment import Attachment

Number = int | float


class Field(NamedTuple):
    """What may stand under one name, or at one place of a list (then `name` is "").

    `kinds` are JSON's types without null; none means that anything may stand here. With `alternatives` a value
    has to fit one of them, and the other members sum them up. `others` is what unnamed properties hold, None where
    the schema knows of none. `is_media`: its texts are URLs of files.
    """

    name: str
    kinds: tuple[str, ...] = ()
    is_required: bool = False
    is_nullable: bool = False
    is_media: bool = False
    has_default: bool = False
    default: Any = None
    examples: tuple[Any, ...] = ()
    choices: tuple[Any, ...] = ()
    minimum: Number | None = None
    maximum: Number | None = None
    exclusive_minimum: Number | None = None
    exclusive_maximum: Number | None = None
    multiple_of: Number | None = None
    min_length: int | None = None
    max_length: int | None = None
    format: str = ""
    min_items: int | None = None
    max_items: int | None = None
    item: "Field | None" = None
    properties: tuple["Field", ...] = ()
    others: "Field | None" = None
    alternatives: tuple["Field", ...] = ()
    title: str = ""
    description: str = ""

    @property
    def shapes(self) -> tuple["Field", ...]:
        """What a value may look like: the alternatives, or this alone."""
        return self.alternatives or (self,)

    @property
    def takes_text(self) -> bool:
        """Whether a text may stand here."""
        return not self.kinds or "string" in self.kinds

    @property
    def takes_any_text(self) -> bool:
        """Whether every text may stand here: there is no list of choices."""
        return any(shape.takes_text and not shape.choices for shape in self.shapes)

    @property
    def takes_file(self) -> bool:
        """Whether a file of this machine may stand here, by its URL: alone, in an object, or in a list."""
        inner = [shape.item for shape in self.shapes if shape.item is not None]
        return self.is_media or any(shape.is_file for shape in (*self.shapes, *inner))

    @property
    def shown(self) -> tuple[Any, ...]:
        """The values that the schema itself gives: its default and examples."""
        return (self.default, *self.examples) if self.has_default else self.examples

    @property
    def is_file(self) -> bool:
        """Whether it is an object that names a file by its `url` (wire §12.1)."""
        return any(part.name == "url" and part.takes_text for part in self.properties)

    def part(self, name: str) -> "Field | None":
        """The property of that name."""
        return next((part for part in self.properties if part.name == name), self.others)


class Schema(NamedTuple):
    """The inputs and outputs of an endpoint, in the model's own order.

    `others` is what inputs without a name here hold, `examples` are whole inputs. It is not `is_whole` where the
    document was too much to be read: then it refuses nothing.
    """

    inputs: tuple[Field, ...] = ()
    outputs: tuple[Field, ...] = ()
    others: Field | None = None
    examples: tuple[Any, ...] = ()
    is_whole: bool = True

    @property
    def root(self) -> Field:
        """The inputs as the one object that they are."""
        return Field("", ("object",), True, properties=self.inputs, others=self.others, examples=self.examples)


def required_first(fields: Iterable[Field]) -> list[Field]:
    """The fields in their order, those that are required before all others."""
    return sorted(fields, key=lambda field: not field.is_required)


def kind_of(value: object) -> str:
    """JSON's type of a value; an attachment is the text of its URL to be. "" for what is no JSON."""
    if value is None:
        return "null"
    kinds: dict[type, str] = {
        bool: "boolean", int: "integer", str: "string", list: "array", dict: "object", Attachment: "string",
    }  # fmt: skip
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return kinds.get(type(value), "")


def fits(kinds: tuple[str, ...], value: object) -> bool:
    """Whether a value is of one of these types."""
    kind = kind_of(value)
    return not kinds or kind in kinds or (kind == "integer" and "number" in kinds) or not kind


def same(one: object, other: object) -> bool:
    """Whether two JSON values are equal; `true` is not `1`."""
    try:
        return isinstance(one, bool) == isinstance(other, bool) and one == other
    except RecursionError:
        return False
