"""pydantic, the real runners' validator: its complaints and its schemas in the platform's shape (§8.1, §11.3)."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from fal_cli.sandbox.models import Refusal, Schemas
from fal_cli.sandbox.replies.answers import entry

InputModel = TypeVar("InputModel", bound=BaseModel)

_REFERENCE = "#/components/schemas/{model}"


def validate(model: type[InputModel], payload: Any) -> InputModel:
    """The payload as `model`, values converted as a web framework would. Raises Refusal."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise Refusal([_entry(found) for found in error.errors(include_url=False)]) from error


def schemas(taken: type[BaseModel], given: type[BaseModel]) -> Schemas:
    """The definitions of an input and an output, read off the classes themselves."""
    _, found = models_json_schema([(taken, "validation"), (given, "serialization")], ref_template=_REFERENCE)
    named = {name: _ordered(schema) for name, schema in found["$defs"].items()}
    return Schemas(named.pop(taken.__name__), named.pop(given.__name__), named)


def _ordered(schema: dict[str, Any]) -> dict[str, Any]:
    """The order of properties is no part of JSON, so the platform tells it apart."""
    return {"x-fal-order-properties": list(schema["properties"]), **schema} if "properties" in schema else schema


def _entry(found: Any) -> dict[str, Any]:
    ctx = {key: _plain(value) for key, value in found.get("ctx", {}).items()}
    return entry(("body", *found["loc"]), found["msg"], found["type"], found["input"], **ctx)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | None) else str(value)
