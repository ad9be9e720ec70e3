"""`--preview`: the pictures of a result, fetched and drawn on the terminal."""

from pathlib import Path
from typing import Any

from fal_cli import media
from fal_cli.api.body import Body
from fal_cli.api.download import Download, fetch
from fal_cli.api.errors import ApiError
from fal_cli.api.wire import Wire
from fal_cli.context import Context
from fal_cli.errors import UsageError

LARGEST_BYTES = 64 * 1024 * 1024
PREVIEW_EXTRA = "pip install 'fal-cli[preview]'"
_NOT_PICTURES = ("video/", "audio/", "text/", "application/", "model/")


def check(context: Context) -> None:
    """Raises `UsageError` where no picture can be drawn; comes before anything is sent."""
    if not context.streams.stderr_is_terminal:
        raise UsageError("--preview needs a terminal on stderr", hint="Save the files: -d FOLDER/")
    package = _missing()
    if package:
        raise UsageError(f"--preview needs a package that is not installed ({package})", hint=PREVIEW_EXTRA)


def can_draw(context: Context) -> bool:
    """Whether pictures can be drawn here; for commands that do without."""
    return context.streams.stderr_is_terminal and context.env.get("TERM") != "dumb" and not _missing()


def _missing() -> str:
    """The first package that drawing needs and that is not installed."""
    import importlib.util

    return next((name for name in ("textual_image", "PIL") if importlib.util.find_spec(name) is None), "")


def show(context: Context, data: Any, *, body: Body | None = None, maker: str = "") -> None:
    """Draws every picture that a result names. A picture that cannot be drawn is only a note.

    `body` holds those that are embedded in it, `maker` is the endpoint or local app whose result it is.
    """
    from fal_cli.terminal.picture import NoPicture, draw

    files = [file for file in media.find(data) if not file.content_type.startswith(_NOT_PICTURES)]
    if not files:
        context.notify.note("the result names no pictures to preview")
    wire = context.reading_wire(maker=maker)
    for file in files:
        try:
            draw(_fetched(wire, Download(file.url, body)), color=context.talk.color)
        except (ApiError, NoPicture) as error:
            context.notify.warn(f"no preview: {error}")


def show_file(context: Context, path: Path) -> None:
    """Draws a saved picture. If it cannot be drawn, that is only a note."""
    from fal_cli.terminal.picture import NoPicture, draw

    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise NoPicture(f"the file is larger than {LARGEST_BYTES // 2**20} MiB")
        draw(path.read_bytes(), color=context.talk.color)
    except (NoPicture, OSError) as error:
        context.notify.warn(f"no preview: {error}")


def _fetched(wire: Wire, download: Download) -> bytes:
    from fal_cli.terminal.picture import NoPicture

    data = bytearray()
    for chunk in fetch(wire, download):
        data += chunk
        if len(data) > LARGEST_BYTES:
            raise NoPicture(f"the file is larger than {LARGEST_BYTES // 2**20} MiB")
    return bytes(data)
