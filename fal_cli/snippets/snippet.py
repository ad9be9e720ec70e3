"""A call with all that a script of it has to know."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fal_cli.api.call_options import CallOptions
from fal_cli.api.hosts import Hosts
from fal_cli.calls import validate
from fal_cli.calls.model import Call
from fal_cli.context import Context
from fal_cli.endpoint import LocalApp, Target
from fal_cli.errors import UsageError
from fal_cli.files.attachment import Attachment, holds_attachments

if TYPE_CHECKING:
    from fal_cli.schema import Schema

Verb = Literal["run", "submit", "stream"]
STREAM_PATH = "stream"
_LONGEST_NAME = 30
_RESERVED = ("response", "status")
"""Names whose `…_url` a script has for itself."""


@dataclass(frozen=True)
class File:
    """A local file of a call: `variable` is what a script calls its URL."""

    path: str
    content_type: str
    variable: str

    @property
    def name(self) -> str:
        return Path(self.path).name


@dataclass(frozen=True)
class Script:
    """A call to be written down. Where its input holds an attachment, `files` knows the file.

    `embeds` puts files into the input as `data:` URIs instead of uploading them; `tool` is how `fal` is called, and
    `schema` what it will know then of the endpoint's inputs.
    """

    verb: Verb
    call: Call
    files: Mapping[Attachment, File]
    hosts: Hosts
    is_direct: bool = False
    embeds: bool = False
    tool: str = "fal"
    schema: "Schema | None" = None

    @property
    def target(self) -> Target:
        return self.call.endpoint

    @property
    def options(self) -> CallOptions:
        return self.call.options

    @property
    def is_queued(self) -> bool:
        return self.verb != "stream" and not self.is_direct and not self.call.is_local

    @property
    def each_file(self) -> list[File]:
        """The files, each once."""
        return list(dict.fromkeys(self.files.values()))

    @property
    def query_input(self) -> dict[str, str | Attachment] | None:
        """The input as the parameters of a query, where the method has it there (§2.3); None where it is a body.

        Raises `UsageError` for a file that is not a parameter by itself.
        """
        if self.options.method != "get":
            return None
        return {key: _parameter(key, value) for key, value in self.call.input_json.items()}

    def refuse_local_app(self, client: str) -> None:
        """Raises `UsageError` if the call goes to an app on this machine, which no client of the vendor's can call."""
        if isinstance(self.target, LocalApp):
            raise UsageError(
                f"{client} cannot call an app on this machine ({self.target})", hint="Use: --as curl, or --as shell"
            )


def script_of(context: Context, call: Call, *, verb: Verb, is_direct: bool, embeds: bool) -> Script:
    """A call made ready to be written. Raises `UsageError` for a file that cannot be read, or that no script has."""
    hosts = Hosts() if context.in_sandbox else context.accounts.hosts
    files = _files(list(_attachments(call.input_json)), embeds=embeds)
    known = validate.known(context, call.endpoint)
    return Script(verb, call, files, hosts, is_direct, embeds, context.tool, known.schema if known else None)


def plain_seconds(seconds: float) -> str:
    """Seconds as one would write them: `30`, not `30.0`."""
    return str(int(seconds)) if seconds == int(seconds) else repr(seconds)


def _parameter(key: str, value: Any) -> str | Attachment:
    if isinstance(value, str | Attachment):
        return value
    if holds_attachments(value):
        raise UsageError(f"{key}: a file within a list or an object cannot be part of a query")
    return json.dumps(value, ensure_ascii=False)


def _attachments(value: Any) -> Iterator[Attachment]:
    if isinstance(value, Attachment):
        yield value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _attachments(one)


def _files(attachments: list[Attachment], *, embeds: bool) -> dict[Attachment, File]:
    """A file for each attachment; two that name the same file share one."""
    found: dict[tuple[int, int], File] = {}
    files = {}
    for attachment in attachments:
        content_type = _content_type(attachment, embeds=embeds)
        seen = attachment.path.stat()
        identity = (seen.st_dev, seen.st_ino)
        if identity not in found:
            variable = _free(_stem(attachment.path), {file.variable for file in found.values()})
            found[identity] = File(_written(attachment.path), content_type, variable)
        files[attachment] = found[identity]
    return files


def _content_type(attachment: Attachment, *, embeds: bool) -> str:
    """What the file would be uploaded as. Raises `UsageError` where it cannot be read, or not again."""
    from fal_cli.calls.attachments import MOST_INLINE_BYTES, open_source

    path = attachment.path
    if attachment.is_folder:
        raise UsageError(
            f"{attachment.key}: a folder cannot be part of a script", hint=f"Zip it first: zip -r {path}.zip {path}"
        )
    if attachment.name or (path.exists() and not path.is_file() and not path.is_dir()):
        raise UsageError(f"{attachment.key}: data from a pipe cannot be part of a script", hint="Name a file.")
    with open_source(path) as source:
        if embeds and source.size > MOST_INLINE_BYTES:
            raise UsageError(f"{source.name} is too large for --inline ({source.size} bytes)")
        return source.content_type


def _written(path: Path) -> str:
    """A path as every program takes it for one: not for an option, stdin, or somebody's home."""
    text = str(path)
    return f"./{text}" if text.startswith(("-", "~")) else text


def _stem(path: Path) -> str:
    """A file's name as part of a variable's: `My photo.jpg` is `my_photo`."""
    plain = re.sub(r"[^a-z0-9]+", "_", path.stem.lower())[:_LONGEST_NAME].strip("_")
    return plain if plain[:1].isalpha() and plain not in _RESERVED else f"file_{plain}".rstrip("_")


def _free(stem: str, taken: set[str]) -> str:
    """`photo_url`, or where that is taken `photo_2_url` and so on. No two differ in their underscores alone."""
    number, free = 1, f"{stem}_url"
    plain = {name.replace("_", "") for name in taken}
    while free.replace("_", "") in plain:
        number += 1
        free = f"{stem}_{number}_url"
    return free
