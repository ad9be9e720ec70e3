"""`fal-ai/flux/dev` and `/schnell`: pictures from a prompt, really drawn, with the real models' inputs."""

import math
import secrets
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fal_cli.sandbox.models import Answer, Media, Task
from fal_cli.sandbox.models.validation import validate

MAX_DRAWN_SIDE = 2048

SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
SizeName = Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"]
Side = Annotated[int, Field(gt=0, le=14142)]


class ImageSize(BaseModel):
    """A size in pixels."""

    width: Side = 512
    height: Side = 512


class FluxInput(BaseModel):
    """What both models take; unknown keys are ignored, as the real ones do."""

    prompt: str
    image_size: ImageSize | SizeName = "landscape_4_3"
    seed: int | None = None
    guidance_scale: Annotated[float, Field(ge=1, le=20)] = 3.5
    num_images: Annotated[int, Field(ge=1, le=4)] = 1
    enable_safety_checker: bool = True
    output_format: Literal["jpeg", "png"] = "jpeg"
    sync_mode: bool = False
    acceleration: Literal["none", "regular", "high"] = "none"


class DevInput(FluxInput):
    """`fal-ai/flux/dev`."""

    num_inference_steps: Annotated[int, Field(ge=1, le=50)] = 28


class SchnellInput(FluxInput):
    """`fal-ai/flux/schnell`."""

    num_inference_steps: Annotated[int, Field(ge=1, le=12)] = 4


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The output of either model; flagged pictures are blacked out. Raises Refusal."""
    given = _read(endpoint, payload)
    seed = task.seed if given.seed is None else given.seed
    width, height = drawn_size(given.image_size)
    flagged = task.nsfw and given.enable_safety_checker
    numbers = range(given.num_images)
    content_type = f"image/{given.output_format}"
    recipe = {
        "kind": "picture", "prompt": given.prompt, "seed": seed, "width": width, "height": height,
        "format": given.output_format, "black": flagged,
    }  # fmt: skip
    image = {"url": "", "width": width, "height": height, "content_type": content_type}
    body = {
        "images": [dict(image) for _ in numbers],
        "timings": {"inference": round(task.run, 3)},
        "seed": seed,
        "has_nsfw_concepts": [flagged for _ in numbers],
        "prompt": given.prompt,
    }
    media = tuple(
        Media(
            ("images", number, "url"), _name(given.output_format), content_type,
            {**recipe, "number": number}, given.sync_mode,
        )
        for number in numbers
    )  # fmt: skip
    megapixels = math.ceil(width * height / 1_000_000)
    return Answer(body, media, str(given.num_images * megapixels), given.num_inference_steps)


def _read(endpoint: str, payload: Any) -> DevInput | SchnellInput:
    if endpoint.endswith("/schnell"):
        return validate(SchnellInput, payload)
    return validate(DevInput, payload)


def drawn_size(asked: ImageSize | str) -> tuple[int, int]:
    """Width and height of the picture: as asked, or of that shape and at most 2048 on a side."""
    width, height = SIZES[asked] if isinstance(asked, str) else (asked.width, asked.height)
    scale = min(1.0, MAX_DRAWN_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _name(output_format: str) -> str:
    return secrets.token_urlsafe(16) + (".png" if output_format == "png" else ".jpg")
