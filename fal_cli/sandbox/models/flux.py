"""`fal-ai/flux/dev` and `/schnell`: pictures from a prompt, really drawn, with the real models' inputs."""

import base64
import math
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fal_cli.sandbox.models import Answer, Media, Schemas, Stream, Task, validation
from fal_cli.sandbox.models.media import Image
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
STEPS = "In how many steps the picture is made."
GUIDANCE = "How closely the picture keeps to the prompt."


class ImageSize(BaseModel):
    """A size in pixels."""

    width: Annotated[int, Field(gt=0, le=14142, description="The width of the picture.")] = 512
    height: Annotated[int, Field(gt=0, le=14142, description="The height of the picture.")] = 512


Size = Annotated[
    ImageSize | SizeName,
    Field(description=f"The size of the picture; of more than {MAX_DRAWN_SIDE} pixels a side only the shape is kept."),
]


class FluxInput(BaseModel):
    """What models of this kind take; unknown keys are ignored, as the real ones do."""

    prompt: Annotated[str, Field(description="What the picture is to show.")]
    image_size: Size = "landscape_4_3"
    num_inference_steps: Annotated[int, Field(ge=1, le=50, description=STEPS)] = 28
    seed: Annotated[int | None, Field(description="The same seed and prompt make the same picture.")] = None
    guidance_scale: Annotated[float, Field(ge=1, le=20, description=GUIDANCE)] = 3.5
    num_images: Annotated[int, Field(ge=1, le=4, description="How many pictures to make.")] = 1
    enable_safety_checker: Annotated[bool, Field(description="Whether a flagged picture is blacked out.")] = True
    output_format: Annotated[Literal["jpeg", "png"], Field(description="The format of the pictures.")] = "jpeg"
    sync_mode: Annotated[
        bool, Field(description="Whether the pictures come as `data:` URIs, which no history keeps.")
    ] = False
    acceleration: Annotated[
        Literal["none", "regular", "high"], Field(description="How much quality may be given for speed.")
    ] = "none"


class DevInput(FluxInput):
    """The inputs of the real `fal-ai/flux/dev`; others are ignored."""


class SchnellInput(FluxInput):
    """The inputs of the real `fal-ai/flux/schnell`; others are ignored."""

    num_inference_steps: Annotated[int, Field(ge=1, le=12, description=STEPS)] = 4


class FluxOutput(BaseModel):
    """The pictures and how they came about."""

    images: Annotated[list[Image], Field(description="The pictures.")]
    timings: Annotated[dict[str, float], Field(description="How long the parts of the work took, in seconds.")]
    seed: Annotated[int, Field(description="The seed that was used.")]
    has_nsfw_concepts: Annotated[list[bool], Field(description="For each picture whether it was flagged.")]
    prompt: Annotated[str, Field(description="The prompt that was used.")]


@dataclass(frozen=True)
class Picture:
    """A small picture, drawn at once."""

    data: bytes
    content_type: str
    width: int
    height: int


def schemas(endpoint: str) -> Schemas:
    """What either model takes and gives."""
    return validation.schemas(_input_of(endpoint), FluxOutput)


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The output of either model; flagged pictures are blacked out. Raises Refusal."""
    given = validate(_input_of(endpoint), payload)
    return make_answer(given, task)


def stream(endpoint: str, payload: Any, task: Task) -> Stream:
    """The same pictures as they sharpen; the last answer is the one of a plain run. Raises Refusal."""
    given = validate(_input_of(endpoint), payload)
    return Stream(len(BLURS), (make_answer(given, task, blur) for blur in BLURS))


def realtime(endpoint: str, payload: Any, task: Task) -> dict[str, Any]:
    """The output with small pictures as `data:` URIs. Raises Refusal."""
    given = validate(_input_of(endpoint), payload)
    images = [
        {
            "url": f"data:{picture.content_type};base64,{base64.b64encode(picture.data).decode()}",
            "width": picture.width, "height": picture.height, "content_type": picture.content_type,
        }
        for picture in draw_small(given, task)
    ]  # fmt: skip
    return {**output(given, task), "images": images}


def make_answer(given: FluxInput, task: Task, blur: float = 0.0) -> Answer:
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
    return Answer(body, media, str(given.num_images * megapixels), given.num_inference_steps)


def draw_small(given: FluxInput, task: Task) -> list[Picture]:
    """The pictures themselves, small enough to be drawn while a socket waits."""
    from fal_cli.sandbox.models.drawing import draw

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


def _input_of(endpoint: str) -> type[FluxInput]:
    return SchnellInput if endpoint.endswith("/schnell") else DevInput


def drawn_size(asked: ImageSize | str, limit: int = MAX_DRAWN_SIDE) -> tuple[int, int]:
    """Width and height of the picture: as asked, or of that shape and at most `limit` on a side."""
    width, height = SIZES[asked] if isinstance(asked, str) else (asked.width, asked.height)
    scale = min(1.0, limit / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _name(output_format: str) -> str:
    return secrets.token_urlsafe(16) + (".png" if output_format == "png" else ".jpg")
