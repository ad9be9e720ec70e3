"""A result that is a file itself, rather than JSON that names files: a picture or a sound, say."""

from collections.abc import Callable
from pathlib import Path

from fal_cli.context import Context
from fal_cli.files import content_type, names
from fal_cli.media import MediaFile
from fal_cli.results import naming
from fal_cli.results.destination import Saving, check_within, tell_taken, write_whole
from fal_cli.results.naming import Head, Origin
from fal_cli.results.outcome import Outcome


def is_a_file(outcome: Outcome) -> bool:
    """Whether neither its content type nor its bytes are JSON."""
    return not outcome.result.is_json and not outcome.result.body.looks_like_json


def save(context: Context, outcome: Outcome, saving: Saving, origin: Origin, tell: Callable[[Path], None]) -> None:
    """Saves the result as the one file that it is, and tells its path, or writes it to stdout.

    Raises `CliError` (code 11).
    """
    body, kind = outcome.result.body, outcome.result.content_type
    if saving.to_stdout:
        context.output.chunks(body.chunks(), kind)
        return
    file, head = MediaFile("", kind), Head(body.head(content_type.HEAD_BYTES), kind)
    fields = naming.values(origin, None, file, 0) | {"ext": naming.extension(file, head)}
    wanted = Path(names.filled(saving.template, fields))
    target = naming.truthful(wanted, head)
    if target != wanted:
        held = content_type.by_content(head.data)
        context.notify.warn(f"the result is {held}, so it is saved as {target.name}")
    check_within(saving, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    placed = write_whole(target, body.chunks(), overwrite=saving.overwrite)
    tell_taken(context, saving, target, placed)
    tell(placed)
