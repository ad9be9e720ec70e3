"""`fal-ai/any-llm`: no language model, but a text about the prompt that grows word by word, and says so."""

import textwrap
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, Field

from fal_cli.sandbox.models import Answer, Schemas, Stream, Task, validation
from fal_cli.sandbox.models.validation import validate

MAX_EVENTS = 200
_QUOTED_LETTERS = 600
_STEPS = 1


class AnyLlmInput(BaseModel):
    """The inputs of the real model that make sense here; others are ignored."""

    prompt: Annotated[str, Field(min_length=1, description="What the text is to be about.")]
    model: Annotated[str, Field(description="The language model that the sandbox stands in for.")] = (
        "google/gemini-2.5-flash-lite"
    )
    system_prompt: Annotated[str | None, Field(description="Instructions that come before the prompt.")] = None


class AnyLlmOutput(BaseModel):
    """A text, as far as it has come."""

    output: Annotated[str, Field(description="The text.")]
    partial: Annotated[bool, Field(description="Whether more of it is to come.")]
    error: Annotated[str | None, Field(description="What went wrong, if anything did.")]


def schemas(endpoint: str) -> Schemas:
    """What it takes and gives."""
    return validation.schemas(AnyLlmInput, AnyLlmOutput)


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The whole text at once. Raises Refusal."""
    return Answer(_output(_tell(validate(AnyLlmInput, payload)), partial=False), steps=_STEPS)


def stream(endpoint: str, payload: Any, task: Task) -> Stream:
    """The text as it grows, each event with all of it so far (§12.1). Raises Refusal."""
    words = _tell(validate(AnyLlmInput, payload)).split(" ")
    step = -(-len(words) // MAX_EVENTS)
    return Stream(-(-len(words) // step), _grow(words, step))


def _grow(words: list[str], step: int) -> Iterator[Answer]:
    for end in range(step, len(words) + step, step):
        yield Answer(_output(" ".join(words[:end]), partial=end < len(words)))


def _output(text: str, *, partial: bool) -> dict[str, Any]:
    return {"output": text, "partial": partial, "error": None}


def _tell(given: AnyLlmInput) -> str:
    count = len(given.prompt.split())
    quoted = textwrap.shorten(given.prompt, _QUOTED_LETTERS, placeholder=" …")
    told = [
        f"This is the sandbox, in the place of {given.model}: it thinks nothing, and costs nothing.",
        f"Your prompt has {count} {'word' if count == 1 else 'words'} and {len(given.prompt)} letters.",
    ]
    if given.system_prompt:
        told.append(f"It came with instructions: “{textwrap.shorten(given.system_prompt, 200, placeholder=' …')}”.")
    return " ".join([*told, f"It reads: “{quoted}”", "That is all that can be said without a model."])
