"""`fal-ai/fast-lcm-diffusion`: a quick picture; over realtime its bytes are part of the answer (§7.3)."""

from typing import Annotated, Any

from pydantic import Field

from fal_cli.sandbox.models import Answer, Task
from fal_cli.sandbox.models.flux import FluxInput, ImageSize, SizeName, draw_small, make_answer, output
from fal_cli.sandbox.models.validation import validate


class LcmInput(FluxInput):
    """The inputs of the real model that make sense here; others are ignored."""

    image_size: ImageSize | SizeName = "square"
    guidance_scale: Annotated[float, Field(ge=0, le=20)] = 1.0
    num_inference_steps: Annotated[int, Field(ge=1, le=32)] = 6
    request_id: str | None = None


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The output with its pictures as files. Raises Refusal."""
    given = validate(LcmInput, payload)
    return make_answer(given, task, given.num_inference_steps)


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
