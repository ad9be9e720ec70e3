"""`fal-ai/esrgan`: a larger version of an image, read from a `data:` URI or from a sandbox's own file."""

import base64
import binascii
import secrets
from io import BytesIO
from typing import Annotated, Any, Literal
from urllib.parse import unquote_to_bytes, urlsplit

from PIL import Image
from pydantic import BaseModel, Field

from fal_cli.sandbox.models import Answer, Media, Refusal, Schemas, Task, validation
from fal_cli.sandbox.models.drawing import IMAGE_FORMATS
from fal_cli.sandbox.models.media import Image as ImageFile
from fal_cli.sandbox.models.validation import validate
from fal_cli.sandbox.replies.answers import entry
from fal_cli.sandbox.replies.routes import match

MAX_SIDE = 4096
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_STEPS = 8


class EsrganInput(BaseModel):
    """The inputs of the real model that make sense here; others are ignored."""

    image_url: Annotated[
        str,
        Field(
            description="The image to enlarge: a `data:` URI, or the URL of a file that a sandbox has.",
            json_schema_extra={"ui": {"field": "image"}, "x-fal": {"max_width": MAX_SIDE, "max_height": MAX_SIDE}},
        ),
    ]
    scale: Annotated[
        float,
        Field(ge=1, le=8, description=f"How many times as large; no side may come to more than {MAX_SIDE} pixels."),
    ] = 2
    output_format: Annotated[Literal["png", "jpeg"], Field(description="The format of the larger image.")] = "png"


class EsrganOutput(BaseModel):
    """The larger image."""

    image: ImageFile


def schemas(endpoint: str) -> Schemas:
    """What it takes and gives."""
    return validation.schemas(EsrganInput, EsrganOutput)


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The image `scale` times as large. Raises Refusal for an unreadable, distant or too large one."""
    given = validate(EsrganInput, payload)
    source = _load(given.image_url, task)
    width, height = _size(source, given)
    name = f"{secrets.token_urlsafe(16)}.{'png' if given.output_format == 'png' else 'jpg'}"
    content_type = f"image/{given.output_format}"
    recipe = {
        "kind": "upscale", "source": base64.b64encode(source).decode(), "width": width, "height": height,
        "format": given.output_format,
    }  # fmt: skip
    image = {
        "url": "", "content_type": content_type, "file_name": name, "width": width, "height": height,
    }  # fmt: skip
    return Answer({"image": image}, (Media(("image", "url"), name, content_type, recipe),), "1", _STEPS)


def _load(url: str, task: Task) -> bytes:
    if url.startswith("data:"):
        return _decode(url)
    file_id = _own_file(url)
    if file_id is None:
        message = (
            "Failed to download the file: the sandbox has no network. Give a data: URI or the URL of a file "
            "that a sandbox made."
        )
        raise _refusal(message, "file_download_error", url)
    data = task.read_file(file_id)
    if data is None:
        raise _refusal("Failed to download the file: not found.", "file_download_error", url)
    return data


def _own_file(url: str) -> str | None:
    """The id of a sandbox's file: any loopback port, since all sandboxes share one state."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    route = match("cdn", parts.path) if parts.hostname in _LOOPBACK else None
    return route.file_id if route else None


def _decode(url: str) -> bytes:
    head, _, body = url.partition(",")
    if not head.endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refusal("Failed to load the image: bad base64.", "image_load_error", url) from error


def _size(source: bytes, given: EsrganInput) -> tuple[int, int]:
    try:
        with Image.open(BytesIO(source), formats=IMAGE_FORMATS) as image:
            larger = round(image.width * given.scale), round(image.height * given.scale)
            if max(larger) > MAX_SIDE:
                raise _too_large(given)
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _refusal("Failed to load the image.", "image_load_error", given.image_url) from error
    return larger


def _too_large(given: EsrganInput) -> Refusal:
    limit = int(MAX_SIDE / given.scale)
    message = f"Image is too large: at most {limit}x{limit} at this scale."
    return _refusal(message, "image_too_large", given.image_url, max_height=limit, max_width=limit)


def _refusal(message: str, kind: str, url: str, **ctx: Any) -> Refusal:
    return Refusal([entry(("body", "image_url"), message, kind, url, **ctx)])
