"""Files on their way into inputs: opened and checked before anything is sent, each uploaded once.

`gather` leaves an `Attachment` where a file's URL is to stand; `resolve` puts the URL there, or with `--inline` the
file itself as a `data:` URI.
"""

import base64
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from threading import Timer
from typing import Any

from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import NotReached, NotSent, PartRefused
from fal_cli.api.upload import Lifecycle, Upload, upload
from fal_cli.api.upload_source import Source, SourceChanged
from fal_cli.api.wire import Wire
from fal_cli.calls.uploaded import Uploaded
from fal_cli.context import Context
from fal_cli.errors import CliError, UsageError
from fal_cli.files import content_type, names
from fal_cli.files.attachment import Attachment, attachments
from fal_cli.files.spool import spool
from fal_cli.inputs.stdin import PATIENCE_SECONDS

ACCOUNT_DEFAULT = Lifecycle()
MOST_INLINE_BYTES = 10 * 1024 * 1024


def open_source(
    path: Path, *, name: str = "", kind: str = "", say: Callable[[str], None] = lambda text: None
) -> Source:
    """A file ready to be sent. `name` and `kind` (its content type) replace what the file itself tells.

    `say` hears of a pipe that nobody writes to. Raises `UsageError` where it is missing, a folder, or unreadable.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder; name a file", hint=f"As a zip of its files: KEY=@{path}/")
        named = names.as_sent(name or path.name)
        if path.is_char_device() and not _is_terminal(path):
            raise UsageError(f"{path} is a device; name a file")
        if path.exists() and not path.is_file():
            path = _spooled(path, say)
        with path.open("rb") as stream:
            head = stream.read(content_type.HEAD_BYTES)
        if head and path.stat().st_size == 0:
            with path.open("rb") as made:  # a file that the kernel makes as it is read, like those in /proc
                path = spool(made)
        return Source(path, name=named, content_type=kind or content_type.guess(named, head))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def _spooled(path: Path, say: Callable[[str], None]) -> Path:
    """What comes out of a pipe: of the shell's `<(…)`, say. It can be read once, and has no length."""
    told = Timer(PATIENCE_SECONDS, say, [f"waiting for {path}, a pipe that nothing has come from; Ctrl-C ends it"])
    told.daemon = True
    told.start()
    try:
        with path.open("rb") as pipe:  # which waits for somebody who writes
            pipe.peek(1)
            told.cancel()
            return spool(pipe)
    finally:
        told.cancel()


def open_noted(context: Context, path: Path, *, name: str = "", kind: str = "") -> Source:
    """The same; whoever sees a terminal is told what is awaited."""
    say = context.notify.note if context.streams.stderr_is_terminal else lambda text: None
    return open_source(path, name=name, kind=kind, say=say)


def _opened(context: Context, found: Attachment) -> Source:
    return _open_folder(context, found) if found.is_folder else open_noted(context, found.path, name=found.name)


def _open_folder(context: Context, found: Attachment) -> Source:
    """The files of a folder as a zip. Raises `UsageError` for one that cannot be read, or holds none."""
    from fal_cli.api.upload_folder import FolderSource

    name = names.as_sent(f"{found.path.resolve().name or 'files'}.zip")
    try:
        source = FolderSource(found.path, name=name)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot send {found.path}: {getattr(error, 'strerror', None) or error}") from None
    left = [f"; {len(source.skipped)} left out, as {one.path} ({one.why})" for one in source.skipped[:1]]
    context.notify.note(f"{found.key}: {source.count} files of {found.path}{''.join(left)}")
    return source


def _is_terminal(path: Path) -> bool:
    with path.open("rb", buffering=0) as device:
        return device.isatty()


def send(
    context: Context,
    source: Source,
    lifecycle: Lifecycle = ACCOUNT_DEFAULT,
    *,
    wire: Wire | None = None,
    deadline: Deadline | None = None,
) -> str:
    """Uploads one file, showing its progress, and returns its URL. Raises the request layer's errors."""
    with context.terminal.transfer("uploading", source.name, source.size) as transfer:
        job = Upload(source, lifecycle, transfer.advance, deadline)
        try:
            return upload(wire or context.wire(), job)
        except SourceChanged as error:
            raise CliError(
                f"{error}; nothing was uploaded", hint="Run the command again when no program writes to it."
            ) from None
        except (NotReached, PartRefused):
            if deadline is not None and deadline.passed:
                raise NotSent(f"--timeout passed while {source.name} was uploaded") from None
            raise


def resolve(
    context: Context,
    input_json: Mapping[str, Any],
    *,
    inline: bool = False,
    lifecycle: Lifecycle = ACCOUNT_DEFAULT,
    deadline: Deadline | None = None,
    reuses: bool = False,
) -> dict[str, Any]:
    """The input with each attachment replaced. The same file named twice is sent once, and one token serves all.

    With `reuses`, earlier uploads are used while they exist, and new ones are recorded.

    Raises `UsageError` before anything is sent if one of the files cannot be read.
    """
    with ExitStack() as files:
        sources: dict[tuple[int, int] | str, Source] = {}
        for found in attachments(input_json):
            identity = _identity(found)
            if identity not in sources:
                opened = _opened(context, found)
                sources[identity] = files.enter_context(opened)
                _check_inline(sources[identity], inline)
        wire = None if inline else context.wire()
        uploaded = Uploaded(context, wire) if wire and reuses else None
        urls: dict[tuple[int, int] | str, str] = {}
        for found in attachments(input_json):
            identity = _identity(found)
            source = sources[identity]
            if identity in urls:
                continue
            if uploaded and (known := uploaded.url_of(found)):
                context.notify.note(f"{found.key}: {source.name} was uploaded before")
                urls[identity] = known
                continue
            how = "embedding" if inline else "uploading"
            context.notify.note(f"{found.key}: {how} {source.name} ({source.content_type})")
            urls[identity] = (
                _data_uri(source) if inline else send(context, source, lifecycle, wire=wire, deadline=deadline)
            )
            if uploaded:
                uploaded.remember(found, urls[identity])
        replaced: dict[str, Any] = _replaced(input_json, urls)
        return replaced


def _identity(found: Attachment) -> tuple[int, int] | str:
    try:
        seen = os.stat(found.path)
    except OSError:
        return str(found.path)  # opening it raises the right error
    return (seen.st_dev, seen.st_ino)


def _replaced(value: Any, urls: Mapping[tuple[int, int] | str, str]) -> Any:
    if isinstance(value, Attachment):
        return urls[_identity(value)]
    if isinstance(value, Mapping):
        return {key: _replaced(inner, urls) for key, inner in value.items()}
    return [_replaced(inner, urls) for inner in value] if isinstance(value, list) else value


def _check_inline(source: Source, inline: bool) -> None:
    if inline and source.size > MOST_INLINE_BYTES:
        raise UsageError(f"{source.name} is too large for --inline ({source.size} bytes, at most {MOST_INLINE_BYTES})")


def _data_uri(source: Source) -> str:
    data = source.read_at(0, source.size) if source.size else b""
    source.check_unchanged()
    return f"data:{source.content_type};base64,{base64.b64encode(data).decode()}"
