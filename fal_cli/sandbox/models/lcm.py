"""`fal-ai/fast-lcm-diffusion`: a quick picture; over realtime its bytes are part of the answer (§7.3)."""

from typing import Annotated, Any

from pydantic import Field

from fal_cli.sandbox.models import Answer, Schemas, Task, validation
from fal_cli.sandbox.models.flux import GUIDANCE, STEPS, FluxInput, FluxOutput, Size, draw_small, make_answer, output
from fal_cli.sandbox.models.validation import validate


class LcmInput(FluxInput):
    """The inputs of the real model that make sense here; others are ignored."""

    image_size: Size = "square"
    num_inference_steps: Annotated[int, Field(ge=1, le=32, description=STEPS)] = 6
    guidance_scale: Annotated[float, Field(ge=0, le=20, description=GUIDANCE)] = 1.0
    request_id: Annotated[
        str | None, Field(description="What a realtime session repeats beside its answer, to tell which it is.")
    ] = None


def schemas(endpoint: str) -> Schemas:
    """What it takes and gives."""
    return validation.schemas(LcmInput, FluxOutput)


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The output with its pictures as files. Raises Refusal."""
    given = validate(LcmInput, payload)
    return make_answer(given, task)


def realtime(endpoint: str, payload: Any, task: Task) -> dict[str, Any]:
    """The output with its pictures as bytes, and the caller's `request_id`, if any. Raises Refusal."""
    given = validate(LcmInput, payload)
    pictures = draw_small(given, task)
    images = [
        {
            "content": picture.data,
            "content_type": picture.content_type,
            "width": picture.width,
            "height": picture.height,
        }
        for picture in pictures
    ]
    body = {**output(given, task), "images": images}
    return body if given.request_id is None else {**body, "request_id": given.request_id}
