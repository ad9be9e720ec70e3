"""pydantic, the real runners' validator, with its complaints in the platform's shape (§8.1)."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from fal_cli.sandbox.answers import entry
from fal_cli.sandbox.models import Refusal

InputModel = TypeVar("InputModel", bound=BaseModel)


def validate(model: type[InputModel], payload: Any) -> InputModel:
    """The payload as `model`, values converted as a web framework would. Raises Refusal."""
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise Refusal([_entry(found) for found in error.errors(include_url=False)]) from error


def _entry(found: Any) -> dict[str, Any]:
    ctx = {key: _plain(value) for key, value in found.get("ctx", {}).items()}
    return entry(("body", *found["loc"]), found["msg"], found["type"], found["input"], **ctx)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | None) else str(value)
