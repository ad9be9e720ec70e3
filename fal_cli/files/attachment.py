"""A file that stands in an input until its URL does."""

from pathlib import Path
from typing import Any

from fal_cli.fields import Fields


class Attachment(Fields):
    """The file at `path`, to be uploaded for the input `key`. `name` is what the service is told, "" for its own."""

    key: str
    path: Path
    name: str = ""


def holds_attachments(value: Any) -> bool:
    """Whether an attachment stands anywhere in a value."""
    if isinstance(value, dict):
        return any(map(holds_attachments, value.values()))
    if isinstance(value, list):
        return any(map(holds_attachments, value))
    return isinstance(value, Attachment)
