"""A file that stands in an input until its URL does."""

from pathlib import Path
from typing import Any

from fal_cli.fields import Fields


class Attachment(Fields):
    """The file at `path`, to be uploaded for the input `key`. `name` is what the service is told, "" for its own.

    With `is_folder` it is a folder, sent as a zip.
    """

    key: str
    path: Path
    name: str = ""
    is_folder: bool = False


class Digest(Fields):
    """A file that was read as text, known by the SHA-256 of its bytes."""

    sha256: str


def holds_attachments(value: Any) -> bool:
    """Whether an attachment stands anywhere in a value."""
    return bool(attachments(value))


def attachments(value: Any) -> list[Attachment]:
    """Every attachment in a value, in its order."""
    if isinstance(value, Attachment):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for one in inner for found in attachments(one)]


def written(value: Any) -> Any:
    """A value with `@PATH` in place of each attachment, as it is typed."""
    if isinstance(value, Attachment):
        return f"@{value.path}"
    if isinstance(value, dict):
        return {key: written(inner) for key, inner in value.items()}
    return [written(inner) for inner in value] if isinstance(value, list) else value
