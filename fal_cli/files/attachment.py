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


def holds_attachments(value: Any) -> bool:
    """Whether an attachment stands anywhere in a value."""
    if isinstance(value, dict):
        return any(map(holds_attachments, value.values()))
    if isinstance(value, list):
        return any(map(holds_attachments, value))
    return isinstance(value, Attachment)
