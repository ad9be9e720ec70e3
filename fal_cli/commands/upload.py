"""`fal upload`: files to the service's storage, their URLs to stdout."""

import json
from typing import Annotated, Any

import typer

from fal_cli.context import Context
from fal_cli.errors import UsageError

EXAMPLES = """\
  fal upload photo.jpg
  url=$(fal upload --expires 1d clip.mp4)
  convert photo.jpg png:- | fal upload - --name photo.png
  fal upload secret.png --acl forbid --acl alice=allow"""

_DECISIONS = ("allow", "forbid", "hide")


def upload(
    context: Context,
    paths: Annotated[list[str], typer.Argument(metavar="FILE…", help="Files to upload; - is stdin.")],
    expires: Annotated[
        str,
        typer.Option("--expires", metavar="TIME", help="1h, 1d, 7d, 30d, 1y, never, immediate or seconds."),
    ] = "",
    acl: Annotated[
        list[str] | None,
        typer.Option("--acl", metavar="[USER=]DECISION", help="Who may read it: allow, forbid or hide."),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The file's name at the service.")] = "",
    content_type: Annotated[
        str, typer.Option("--content-type", metavar="TYPE", help="Its content type, e.g. image/png.")
    ] = "",
) -> None:
    """Upload files and print their URLs.

    One URL a line, in the order of the files. Anyone with the URL can read the file, unless --acl says otherwise.
    """
    from contextlib import ExitStack
    from pathlib import Path

    from fal_cli.api.call_options import InvalidOption
    from fal_cli.api.upload import Lifecycle
    from fal_cli.calls.attachments import open_noted, send

    if name and len(paths) > 1:
        raise UsageError("--name works with one file")
    try:
        lifecycle = Lifecycle(_lifecycle(expires, acl or []))
    except InvalidOption as error:
        raise UsageError(str(error)) from None
    with ExitStack() as opened:
        sources = []
        for file in paths:
            path = context.stdin.spool("'-'") if file == "-" else context.reach.named(file)
            given = name or ("stdin" if file == "-" else Path(file).name)
            sources.append(opened.enter_context(open_noted(context, path, name=given, kind=content_type)))
        for source in sources:
            url = send(context, source, lifecycle)
            facts = {"url": url, "name": source.name, "content_type": source.content_type, "bytes": source.size}
            context.output.line(url, facts)
    if context.in_sandbox:
        context.talk.note("a private sandbox serves this URL only while a command runs; use it in --sandbox commands")


def _lifecycle(expires: str, acl: list[str]) -> str:
    """The header's JSON (§5.7), or "" where nothing was asked for."""
    from fal_cli.api.call_options import expiry_seconds

    seconds = expiry_seconds(expires)
    wanted: dict[str, Any] = {"expiration_duration_seconds": seconds} if expires else {}
    if acl:
        wanted["initial_acl"] = _acl(acl)
    return json.dumps(wanted, separators=(",", ":")) if wanted else ""


def _acl(texts: list[str]) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    for text in texts:
        user, _, decision = text.rpartition("=")
        if decision not in _DECISIONS:
            raise UsageError(f"--acl takes {', '.join(_DECISIONS)}, or USER=DECISION, not {text!r}")
        if user:
            rules.setdefault("rules", []).append({"user": user, "decision": decision})
        else:
            rules["default"] = decision
    return rules


VERB = upload
