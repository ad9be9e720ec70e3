"""Saves a paid answer that a terminal cannot show and that cannot be fetched again."""

from pathlib import Path

from fal_cli.errors import CliError
from fal_cli.files import content_type, names
from fal_cli.results.destination import DEFAULT_NAME, write_whole
from fal_cli.terminal.output import NotShown


def saved(unshown: NotShown, endpoint: str, request_id: str) -> CliError:
    """Saves it here under its usual name, and answers the error that says where. Raises `NotSaved`."""
    values = {"endpoint": endpoint, "id": request_id, "index": "0"}
    values["ext"] = content_type.extension_for(unshown.kind).lstrip(".") or "bin"
    path = write_whole(Path(names.filled(DEFAULT_NAME, values)), unshown.chunks, overwrite=False)
    hint = "To choose the file, or pipe it: -o FILE, or … > FILE"
    return CliError(f"{unshown.message}; it is saved as {path}", hint=hint)
