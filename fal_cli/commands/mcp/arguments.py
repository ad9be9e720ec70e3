"""What each tool takes. The schemas that clients are shown are made of these, so what is told is what is checked."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LONGEST_WAIT = 50
"""Seconds after which a call answers in any case: clients give up after a minute."""

_KEY = re.compile(r"[A-Za-z_][\w.\[\]-]*")


def _word(text: str) -> str:
    if text.startswith(("-", "{", "@")) or "://" in text or not text.strip():
        raise ValueError("it is a name such as fal-ai/flux/dev, or a request id")
    return text


def _keys(files: dict[str, str]) -> dict[str, str]:
    for key in files:
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not the name of an input")
    return files


Endpoint = Annotated[str, AfterValidator(_word), Field(description="Such as fal-ai/flux/dev.")]
Request = Annotated[str, AfterValidator(_word), Field(description="Request id, its unique beginning, or last.")]
Wait = Annotated[
    int, Field(ge=1, le=LONGEST_WAIT - 5, description="Seconds to wait for the result; the job goes on after that.")
]
Limit = Annotated[int, Field(ge=1, le=50)]
Input = Annotated[dict[str, Any], Field(description="The endpoint's input. Files are URLs here.")]


class Arguments(BaseModel):
    """No more than what is named."""

    model_config = ConfigDict(extra="forbid")


class Models(Arguments):
    query: str = ""
    category: Annotated[str, Field(description="Such as text-to-image, image-to-video.")] = ""
    limit: Limit = 10


class Schema(Arguments):
    endpoint: Endpoint


class Price(Arguments):
    endpoint: Endpoint
    input: Input | None = None


class Run(Arguments):
    endpoint: Endpoint
    input: Input
    files: Annotated[
        dict[str, str],
        AfterValidator(_keys),
        Field(description='Inputs that are local files, by path in the files folder: {"image_url": "photo.jpg"}.'),
    ] = {}  # pydantic copies it
    max_cost: Annotated[float | None, Field(gt=0, description="US dollars; refused if it may cost more.")] = None
    again: Annotated[bool, Field(description="Pay for another of a call made already in this session.")] = False
    wait_seconds: Wait = 45


class Waiting(Arguments):
    request: Request
    wait_seconds: Wait = 45


class Result(Arguments):
    request: Request
    thumbnail: Annotated[bool, Field(description="Also a small picture, to look at. Costs tokens.")] = False


class Upload(Arguments):
    path: Annotated[str, Field(min_length=1, description="Path in the files folder.")]


class History(Arguments):
    search: Annotated[str, Field(description="Words of the input.")] = ""
    open_only: Annotated[bool, Field(description="Only unfinished ones.")] = False
    limit: Limit = 10


class Cancel(Arguments):
    request: Request


class Spent(Arguments):
    since: Annotated[str, Field(pattern=r"^(\d+[wdhms]|\d{4}-\d{2}-\d{2})$", description="7d, 2h or 2026-01-31.")] = (
        "30d"
    )


def schema_of(arguments: type[Arguments]) -> dict[str, Any]:
    """The JSON Schema of what a tool takes, without the titles, which say nothing."""
    found: dict[str, Any] = _untitled(arguments.model_json_schema())
    found.pop("description", None)  # the class's own words are not for clients
    return found


def _untitled(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: _untitled(item) for key, item in value.items()} if name == "properties" else _untitled(value)
        for name, value in schema.items()
        if name != "title"
    }
