"""The format that `-o cat.png` asks for: said to the model where it has a choice, so that the name is true. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from fal_cli.files import content_type
from fal_cli.schema.fields import Field, Schema

_NAME = "format"
_NOT_MEDIA = ("", content_type.UNKNOWN)


def asked_for(
    schema: Schema, input_json: Mapping[str, Any], extension: str, *, tell: Callable[[str], None]
) -> Mapping[str, Any]:
    """The input with the format of an extension (`.png`), where the model offers it and nobody named another.

    `tell` hears of it.
    """
    wanted = content_type.by_name(f"x{extension}")
    for field in schema.inputs:
        if wanted in _NOT_MEDIA or _NAME not in field.name.lower() or field.name in input_json:
            continue
        choice = _choice(field, wanted)
        if choice is not None and choice != field.default:
            tell(f"{field.name}={choice}, since the file is to be {extension}")
            return {**input_json, field.name: choice}
    return input_json


def _choice(field: Field, wanted: str) -> str | None:
    """The one of a field's choices that means a content type."""
    choices = [choice for shape in field.shapes for choice in shape.choices if isinstance(choice, str)]
    return next((choice for choice in choices if content_type.by_name(f"x.{choice.lower()}") == wanted), None)
