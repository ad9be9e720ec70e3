"""`fal-ai/flux/dev` and `/schnell`: pictures from a prompt, really drawn, with the real models' inputs."""

import base64
import math
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fal_cli.sandbox.models import Answer, Media, Stream, Task
from fal_cli.sandbox.models.validation import validate

MAX_DRAWN_SIDE = 2048
MAX_REALTIME_SIDE = 512
BLURS = (0.08, 0.04, 0.02, 0.01, 0.005, 0.0)  # of the versions of a stream, as a share of the longer side

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


@dataclass(frozen=True)
class Picture:
    """A small picture, drawn at once."""

    data: bytes
    content_type: str
    width: int
    height: int


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The output of either model; flagged pictures are blacked out. Raises Refusal."""
    given = _read(endpoint, payload)
    return make_answer(given, task, given.num_inference_steps)


def stream(endpoint: str, payload: Any, task: Task) -> Stream:
    """The same pictures as they sharpen; the last answer is the one of a plain run. Raises Refusal."""
    given = _read(endpoint, payload)
    return Stream(len(BLURS), (make_answer(given, task, given.num_inference_steps, blur) for blur in BLURS))


def realtime(endpoint: str, payload: Any, task: Task) -> dict[str, Any]:
    """The output with small pictures as `data:` URIs. Raises Refusal."""
    given = _read(endpoint, payload)
    images = [
        {
            "url": f"data:{picture.content_type};base64,{base64.b64encode(picture.data).decode()}",
            "width": picture.width, "height": picture.height, "content_type": picture.content_type,
        }
        for picture in draw_small(given, task)
    ]  # fmt: skip
    return {**output(given, task), "images": images}


def make_answer(given: FluxInput, task: Task, steps: int, blur: float = 0.0) -> Answer:
    """The output with its pictures as files, each blurred by that share of its longer side."""
    width, height = drawn_size(given.image_size)
    content_type = f"image/{given.output_format}"
    image = {"url": "", "width": width, "height": height, "content_type": content_type}
    body = {"images": [dict(image) for _ in range(given.num_images)], **output(given, task)}
    media = tuple(
        Media(
            ("images", number, "url"), _name(given.output_format), content_type,
            _recipe(given, task, (width, height), number, blur), given.sync_mode,
        )
        for number in range(given.num_images)
    )  # fmt: skip
    megapixels = math.ceil(width * height / 1_000_000)
    return Answer(body, media, str(given.num_images * megapixels), steps)


def draw_small(given: FluxInput, task: Task) -> list[Picture]:
    """The pictures themselves, small enough to be drawn while a socket waits."""
    from fal_cli.sandbox.drawing import draw

    width, height = drawn_size(given.image_size, MAX_REALTIME_SIDE)
    recipes = (_recipe(given, task, (width, height), number) for number in range(given.num_images))
    return [Picture(draw(recipe), f"image/{given.output_format}", width, height) for recipe in recipes]


def output(given: FluxInput, task: Task) -> dict[str, Any]:
    """The members of the output that are no pictures."""
    return {
        "timings": {"inference": round(task.run, 3)},
        "seed": _seed(given, task),
        "has_nsfw_concepts": [_is_flagged(given, task)] * given.num_images,
        "prompt": given.prompt,
    }


def _recipe(given: FluxInput, task: Task, size: tuple[int, int], number: int, blur: float = 0.0) -> dict[str, Any]:
    recipe = {
        "kind": "picture", "prompt": given.prompt, "seed": _seed(given, task), "width": size[0], "height": size[1],
        "format": given.output_format, "black": _is_flagged(given, task), "number": number,
    }  # fmt: skip
    return {**recipe, "blur": blur} if blur else recipe


def _seed(given: FluxInput, task: Task) -> int:
    return task.seed if given.seed is None else given.seed


def _is_flagged(given: FluxInput, task: Task) -> bool:
    return task.nsfw and given.enable_safety_checker


def _read(endpoint: str, payload: Any) -> DevInput | SchnellInput:
    if endpoint.endswith("/schnell"):
        return validate(SchnellInput, payload)
    return validate(DevInput, payload)


def drawn_size(asked: ImageSize | str, limit: int = MAX_DRAWN_SIDE) -> tuple[int, int]:
    """Width and height of the picture: as asked, or of that shape and at most `limit` on a side."""
    width, height = SIZES[asked] if isinstance(asked, str) else (asked.width, asked.height)
    scale = min(1.0, limit / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _name(output_format: str) -> str:
    return secrets.token_urlsafe(16) + (".png" if output_format == "png" else ".jpg")
