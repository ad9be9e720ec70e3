"""Models whose one point is what they cost: each with a unit of its own, and inputs that change the bill (§16 #3).

Their units are those of real endpoints. Some say what is paid for: images, videos, megapixels, seconds, characters,
tokens. Others do not: the seconds of a machine, `units`, `credits`.
"""

import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fal_cli.sandbox.models import Answer, Media, Schemas, Task, validation
from fal_cli.sandbox.models.flux import ImageSize, SizeName, drawn_size
from fal_cli.sandbox.models.media import File, Image
from fal_cli.sandbox.models.validation import validate

MAX_SIDE = 1024
_PLACES = 6
_FILM_SIDE = 128
_LETTERS_PER_SECOND = 15
_LONGEST_SPEECH = 10.0

Prompt = Annotated[str, Field(description="What it is to be about.")]
Seed = Annotated[int | None, Field(description="The same seed and prompt make the same.")]
Count = Annotated[int, Field(ge=1, le=4, description="How many to make.")]
Seconds = Annotated[int, Field(ge=1, le=10, description="How long it is, in seconds.")]


class ImagesInput(BaseModel):
    """Each picture costs the same."""

    prompt: Prompt
    num_images: Count = 1
    seed: Seed = None


class MegapixelsInput(BaseModel):
    """A picture costs by its size."""

    prompt: Prompt
    image_size: Annotated[ImageSize | SizeName, Field(description="The size of the pictures.")] = "square"
    num_images: Count = 1
    seed: Seed = None


class VideosInput(BaseModel):
    """Each film costs the same, however long it is."""

    prompt: Prompt
    num_videos: Count = 1
    duration: Seconds = 2


class SecondsInput(BaseModel):
    """A film costs by its length, and in a larger resolution as if it were longer."""

    prompt: Prompt
    duration: Seconds = 5
    resolution: Annotated[
        Literal["480p", "720p", "1080p"], Field(description="How large the film is; 720p is what a second costs.")
    ] = "720p"


class SpeechInput(BaseModel):
    """Speech costs by its letters."""

    text: Annotated[str, Field(min_length=1, max_length=5000, description="What is to be said.")]


class TokensInput(BaseModel):
    """Text costs by its words, those that were given and those that come back."""

    prompt: Prompt
    max_tokens: Annotated[int, Field(ge=1, le=4096, description="How many words come back at most.")] = 100


class ComputeInput(BaseModel):
    """A picture costs the time of the machine."""

    prompt: Prompt
    num_images: Count = 1


class UnitsInput(BaseModel):
    """A picture costs units, of which nobody says what they are."""

    prompt: Prompt
    quality: Annotated[Literal["low", "medium", "high"], Field(description="How good the pictures are.")] = "high"
    num_images: Count = 1


class CreditsInput(BaseModel):
    """A film costs credits, by its length and by its sound."""

    prompt: Prompt
    duration: Seconds = 5
    with_audio: Annotated[bool, Field(description="Whether it has sound.")] = True


class UnpricedInput(BaseModel):
    """A picture whose price is not told."""

    prompt: Prompt


class ImagesOutput(BaseModel):
    """The pictures."""

    images: Annotated[list[Image], Field(description="The pictures.")]


class VideosOutput(BaseModel):
    """The films."""

    videos: Annotated[list[File], Field(description="The films.")]


class VideoOutput(BaseModel):
    """The film."""

    video: File


class AudioOutput(BaseModel):
    """The speech."""

    audio: File


class TextOutput(BaseModel):
    """The text."""

    output: Annotated[str, Field(description="The text.")]


_UNITS_OF_QUALITY = {"low": 7, "medium": 28, "high": 98}
_CREDITS_PER_SECOND = 20
_CREDITS_OF_SOUND = 35


def schemas(endpoint: str) -> Schemas:
    """What each of them takes and gives."""
    taken, given, _ = _KINDS[endpoint]
    return validation.schemas(taken, given)


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The output, and what it costs in the endpoint's own units. Raises Refusal."""
    taken, _, make = _KINDS[endpoint]
    return make(validate(taken, payload), task)


def _images(given: Any, task: Task, units: Decimal | int, size: tuple[int, int] = (512, 512)) -> Answer:
    count = getattr(given, "num_images", 1)
    seed = getattr(given, "seed", None)
    width, height = size
    media = tuple(
        Media(
            ("images", number, "url"), f"{secrets.token_urlsafe(12)}.png", "image/png",
            {
                "kind": "picture", "prompt": given.prompt, "seed": task.seed if seed is None else seed, "width": width,
                "height": height, "format": "png", "black": False, "number": number,
            },
        )
        for number in range(count)
    )  # fmt: skip
    images = [{"url": "", "content_type": "image/png", "width": width, "height": height} for _ in media]
    return Answer({"images": images}, media, _text(units), 1)


def _film(prompt: str, seconds: int, path: tuple[str | int, ...]) -> Media:
    recipe = {"kind": "film", "prompt": prompt, "seconds": seconds, "side": _FILM_SIDE, "format": "gif"}
    return Media(path, f"{secrets.token_urlsafe(12)}.gif", "image/gif", recipe)


def _told(media: Media) -> dict[str, str]:
    return {"url": "", "content_type": media.content_type, "file_name": media.name}


def _by_image(given: ImagesInput, task: Task) -> Answer:
    return _images(given, task, given.num_images)


def _by_megapixel(given: MegapixelsInput, task: Task) -> Answer:
    width, height = drawn_size(given.image_size, MAX_SIDE)
    return _images(given, task, Decimal(width * height * given.num_images) / 1_000_000, (width, height))


def _by_video(given: VideosInput, task: Task) -> Answer:
    media = tuple(_film(given.prompt, given.duration, ("videos", number, "url")) for number in range(given.num_videos))
    return Answer({"videos": [_told(item) for item in media]}, media, str(given.num_videos), 1)


def _by_second(given: SecondsInput, task: Task) -> Answer:
    item = _film(given.prompt, given.duration, ("video", "url"))
    factor = {"480p": Decimal("0.5"), "720p": Decimal(1), "1080p": Decimal(2)}[given.resolution]
    return Answer({"video": _told(item)}, (item,), _text(given.duration * factor), 1)


def _by_letter(given: SpeechInput, task: Task) -> Answer:
    seconds = min(max(len(given.text) / _LETTERS_PER_SECOND, 0.5), _LONGEST_SPEECH)
    recipe = {"kind": "tune", "text": given.text, "seconds": seconds}
    item = Media(("audio", "url"), f"{secrets.token_urlsafe(12)}.wav", "audio/wav", recipe)
    return Answer({"audio": _told(item)}, (item,), _text(Decimal(len(given.text)) / 1000), 1)


def _by_token(given: TokensInput, task: Task) -> Answer:
    words = f"This is the sandbox, which repeats what it was given: {given.prompt}".split()[: given.max_tokens]
    tokens = len(given.prompt.split()) + len(words)
    return Answer({"output": " ".join(words)}, (), _text(Decimal(tokens) / 1000), 1)


def _by_machine(given: ComputeInput, task: Task) -> Answer:
    return _images(given, task, Decimal(str(task.run)) * given.num_images)


def _by_units(given: UnitsInput, task: Task) -> Answer:
    return _images(given, task, _UNITS_OF_QUALITY[given.quality] * given.num_images)


def _by_credits(given: CreditsInput, task: Task) -> Answer:
    item = _film(given.prompt, given.duration, ("video", "url"))
    spent = given.duration * _CREDITS_PER_SECOND + (_CREDITS_OF_SOUND if given.with_audio else 0)
    return Answer({"video": _told(item)}, (item,), str(spent), 1)


def _unpriced(given: UnpricedInput, task: Task) -> Answer:
    return _images(given, task, 1)


def _text(units: Decimal | int) -> str:
    return f"{round(Decimal(units), _PLACES).normalize():f}"


_KINDS: dict[str, tuple[type[BaseModel], type[BaseModel], Callable[[Any, Task], Answer]]] = {
    "sandbox/images": (ImagesInput, ImagesOutput, _by_image),
    "sandbox/megapixels": (MegapixelsInput, ImagesOutput, _by_megapixel),
    "sandbox/videos": (VideosInput, VideosOutput, _by_video),
    "sandbox/seconds": (SecondsInput, VideoOutput, _by_second),
    "sandbox/speech": (SpeechInput, AudioOutput, _by_letter),
    "sandbox/tokens": (TokensInput, TextOutput, _by_token),
    "sandbox/compute": (ComputeInput, ImagesOutput, _by_machine),
    "sandbox/units": (UnitsInput, ImagesOutput, _by_units),
    "sandbox/credits": (CreditsInput, VideoOutput, _by_credits),
    "sandbox/unpriced": (UnpricedInput, ImagesOutput, _unpriced),
}
