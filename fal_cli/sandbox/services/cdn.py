"""The CDN: files of results and uploaded ones, by default readable by anyone who has the URL (§5.7, §5.8)."""

import asyncio
import re

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import auth, misbehave
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.orders.faults import Fault
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.replies.span import FileSpan
from fal_cli.sandbox.state import files
from fal_cli.sandbox.state.record import from_json

_RANGE = re.compile(r"^bytes=(?=.*\d)(\d*)-(\d*)$", re.ASCII)


async def read(context: Context, request: Request, route: Route) -> Response:
    """A file or a range of it; drawn now if nobody asked before."""
    owner = _owner(context, route.file_id)
    context.store.count("file", owner)
    fault = misbehave.pick(context, "file", owner, _own_faults(context, owner))

    async def act() -> Response:
        file = await asyncio.to_thread(files.find, context.store, route.file_id)
        if file is None or not request.scope["path"].endswith(f"/{file.name}"):
            return answers.detail(404, "File not found")
        if file.acl != "allow" and not auth.is_owner(context.keys, request):
            return answers.detail(403, "Forbidden") if file.acl == "forbid" else answers.detail(404, "File not found")
        return _serve(request, file)

    return await misbehave.perform(fault, "file", act)


def _owner(context: Context, file_id: str) -> str:
    row = context.store.file(file_id)
    return row.request_id if row else "unknown"


def _own_faults(context: Context, request_id: str) -> tuple[Fault, ...]:
    found = context.store.request(request_id)
    return from_json(*found).faults if found else ()


def _serve(request: Request, file: files.File) -> Response:
    headers = {"ETag": file.etag, "Accept-Ranges": "bytes", **answers.SERVED_FROM}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if file.etag in known or known == ["*"]:
        return Response(b"", 304, headers)
    match = _RANGE.match(request.headers.get("range", ""))
    if match is None or request.headers.get("if-range", file.etag) != file.etag:
        # Of several ranges, or of something else than bytes, nothing need be understood.
        return FileSpan(file.path, 0, file.size, 200, headers, file.content_type)
    span = _span(match, file.size)
    if span is None:
        return Response(b"", 416, {**headers, "Content-Range": f"bytes */{file.size}"})
    first, last = span
    headers["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    return FileSpan(file.path, first, last - first + 1, 206, headers, file.content_type)


def _span(match: re.Match[str], size: int) -> tuple[int, int] | None:
    """First and last byte of a single range; None if it cannot be satisfied."""
    if not match[1]:
        length = min(int(match[2]), size)
        return (size - length, size - 1) if length else None
    first = int(match[1])
    last = min(int(match[2]) if match[2] else size - 1, size - 1)
    return (first, last) if first <= last else None
