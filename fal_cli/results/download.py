"""The files of a result onto the disk: named by a plan, written beside their target, renamed when whole."""

import itertools
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fal_cli import media
from fal_cli.api.download import Download, fetch
from fal_cli.api.errors import ApiError
from fal_cli.api.wire import Wire
from fal_cli.concurrency import in_parallel
from fal_cli.context import Context
from fal_cli.errors import CliError, NotSaved
from fal_cli.files import content_type, names
from fal_cli.files.atomic import Part
from fal_cli.media import MediaFile
from fal_cli.results.destination import Saving, not_saved
from fal_cli.terminal.output import NotShown
from fal_cli.terminal.progress.transfer import Transfer

PARALLEL = 4
_NOT_HERE = "Save it: -d FOLDER/; or send it on: … -d - > FILE"


@dataclass(frozen=True)
class Origin:
    """What the files belong to, for their names."""

    endpoint: str
    request_id: str
    inputs: Mapping[str, Any]


def save_media(context: Context, saving: Saving, data: Any, origin: Origin) -> list[Path]:
    """Saves every file that a result names and returns their paths in its order.

    Raises `CliError` (code 11) if one cannot be saved; the others are saved all the same.
    """
    files = media.find(data)
    _warn_of_nsfw(context, data)
    if not files:
        context.notify.warn("the result names no files, so none was saved")
        return []
    wire, stop = context.wire(), threading.Event()
    label = "1 file" if len(files) == 1 else f"{len(files)} files"
    try:
        with context.terminal.transfer("saving", label, None) as transfer:
            jobs = [
                partial(_attempt, wire.twin(), saving, file, _values(origin, data, file, index), transfer, stop)
                for index, file in enumerate(files)
            ]
            outcomes = in_parallel(jobs, PARALLEL)
        return _gathered(context, outcomes)
    finally:
        stop.set()


def write_media(context: Context, data: Any) -> None:
    """Writes the bytes of every file that a result names to stdout, one after the other."""
    files = media.find(data)
    if not files:
        raise NotSaved("the result names no files")
    wire = context.wire()
    for file in files:
        try:
            download = Download(file.url)
            pieces = fetch(wire, download)
            first = next(pieces, b"")  # whose headers say what it is
            context.output.chunks(itertools.chain([first], pieces), download.content_type or file.content_type)
        except NotShown as error:
            raise NotSaved(f"{_shown(file.url)}: {error.message.replace('result', 'file')}", hint=_NOT_HERE) from None
        except ApiError as error:
            raise NotSaved(f"cannot fetch {_shown(file.url)}: {error.message}") from None


def _gathered(context: Context, outcomes: Sequence[Path | CliError]) -> list[Path]:
    """The saved paths; the first failure is raised, after the rest is told."""
    for path in outcomes:
        if isinstance(path, Path):
            context.notify.note(f"saved {path}")
    failures = [error for error in outcomes if isinstance(error, CliError)]
    for error in failures[1:]:
        context.notify.warn(error.message)
    if failures:
        raise failures[0]
    return [path for path in outcomes if isinstance(path, Path)]


def _attempt(
    wire: Wire, saving: Saving, file: MediaFile, values: dict[str, str], transfer: Transfer, stop: threading.Event
) -> Path | CliError:
    try:
        return _save(wire, saving, file, values, transfer, stop)
    except CliError as error:
        return error


def _save(
    wire: Wire, saving: Saving, file: MediaFile, values: dict[str, str], transfer: Transfer, stop: threading.Event
) -> Path:
    download = Download(file.url)
    pieces = fetch(wire, download)
    try:
        first = next(pieces, b"")
    except ApiError as error:
        raise NotSaved(f"cannot fetch {_shown(file.url)}: {error.message}") from None
    values["ext"] = _extension(file, download, first)
    target = Path(names.filled(saving.template, values))
    if "{id}" in saving.template and _is_whole(target, download):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        transfer.expect(download.size or 0)
        with Part(target) as part:
            part.write(first)
            transfer.advance(len(first))
            for chunk in pieces:
                if stop.is_set():
                    raise NotSaved("given up")
                part.write(chunk)
                transfer.advance(len(chunk))
            return part.place(target, overwrite=saving.overwrite)
    except ApiError as error:
        raise NotSaved(f"cannot fetch {_shown(file.url)}: {error.message}") from None
    except OSError as error:
        raise not_saved(target, error) from None


def _values(origin: Origin, data: Any, file: MediaFile, index: int) -> dict[str, str]:
    seed = data.get("seed", "") if isinstance(data, dict) else ""
    inputs = {f"input.{key}": _as_text(value) for key, value in origin.inputs.items()}
    return {
        "endpoint": origin.endpoint,
        "id": origin.request_id,
        "index": str(index),
        "name": _stem(file),
        "seed": _as_text(seed),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        **inputs,
    }


def _stem(file: MediaFile) -> str:
    named = file.file_name or ("" if file.url.startswith("data:") else unquote(urlsplit(file.url).path))
    name = names.base_name(named) if named else "file"
    return name.rpartition(".")[0] or name


def _extension(file: MediaFile, download: Download, head: bytes) -> str:
    """By the name, then by what the result, the host or the bytes themselves say."""
    path = file.file_name or ("" if file.url.startswith("data:") else urlsplit(file.url).path)
    name = names.base_name(unquote(path)) if path else ""
    stem, dot, extension = name.rpartition(".")
    if dot and stem and extension.isalnum() and len(extension) <= 8:
        return extension.lower()
    for kind in (file.content_type, download.content_type, content_type.guess("", head)):
        found = content_type.extension_for(kind) if kind and kind != content_type.UNKNOWN else ""
        if found:
            return found.lstrip(".")
    return "bin"


def _is_whole(target: Path, download: Download) -> bool:
    """Whether the same request's file is there already, as long as it should be."""
    try:
        return download.size is not None and target.stat().st_size == download.size
    except OSError:
        return False


def _warn_of_nsfw(context: Context, data: Any) -> None:
    flags = data.get("has_nsfw_concepts") if isinstance(data, dict) else None
    marked = [str(index) for index, flag in enumerate(flags) if flag] if isinstance(flags, list) else []
    if marked:
        context.notify.warn(f"the model marked picture {', '.join(marked)} as not safe for work; it may be blacked out")


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(url: str) -> str:
    return url if len(url) <= 120 else f"{url[:60]}… ({len(url)} characters)"
