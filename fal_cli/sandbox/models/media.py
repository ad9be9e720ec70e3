"""Media as an output names them (§12.1)."""

from typing import Annotated

from pydantic import BaseModel, Field


class File(BaseModel):
    """A file that was made."""

    url: Annotated[str, Field(description="Where the file is.")]
    content_type: Annotated[str | None, Field(description="Its media type.")] = None
    file_name: Annotated[str | None, Field(description="The name of the file.")] = None
    file_size: Annotated[int | None, Field(description="The size of the file in bytes.")] = None


class Image(BaseModel):
    """A picture that was made."""

    url: Annotated[str, Field(description="Where the picture is: a file, or with `sync_mode` a `data:` URI.")]
    content_type: Annotated[str | None, Field(description="Its media type.")] = None
    file_name: Annotated[str | None, Field(description="The name of the file.")] = None
    file_size: Annotated[int | None, Field(description="The size of the file in bytes.")] = None
    width: Annotated[int | None, Field(description="Its width in pixels.")] = None
    height: Annotated[int | None, Field(description="Its height in pixels.")] = None
