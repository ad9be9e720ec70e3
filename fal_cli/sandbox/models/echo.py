"""`sandbox/echo`: answers its input object."""

from typing import Any

from fal_cli.sandbox.answers import entry
from fal_cli.sandbox.models import Answer, Refusal, Task

_STEPS = 4


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The input itself, on any sub-path. Refuses what is no object."""
    if not isinstance(payload, dict):
        message = "Input should be a valid dictionary"
        raise Refusal([entry(("body",), message, "dict_type", payload)])
    return Answer(payload, billable_units="1", steps=_STEPS)
