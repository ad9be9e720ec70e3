"""The CDN: files of results, readable by anyone who has the URL (§5.8)."""

import asyncio
import re

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox import answers, files, misbehave
from fal_cli.sandbox.context import Context
from fal_cli.sandbox.faults import Fault
from fal_cli.sandbox.record import from_json
from fal_cli.sandbox.routes import Route

_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$", re.ASCII)


async def read(context: Context, request: Request, route: Route) -> Response:
    """A file or a range of it; drawn now if nobody asked before."""
    owner = _owner(context, route.file_id)
    context.store.count("file", owner)
    fault = misbehave.pick(context, "file", owner, _own_faults(context, owner))

    async def act() -> Response:
        file = await asyncio.to_thread(files.read, context.store, route.file_id)
        if file is None or not request.scope["path"].endswith(f"/{file.name}"):
            return answers.detail(404, "File not found")
        return _serve(request, route.file_id, file)

    return await misbehave.perform(fault, "file", act)


def _owner(context: Context, file_id: str) -> str:
    row = context.store.file(file_id)
    return row[0] if row else "unknown"


def _own_faults(context: Context, request_id: str) -> tuple[Fault, ...]:
    found = context.store.request(request_id)
    return from_json(*found).faults if found else ()


def _serve(request: Request, file_id: str, file: files.File) -> Response:
    etag = f'"{file_id}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", **answers.SERVED_FROM}
    size = len(file.data)
    wanted = request.headers.get("range")
    if wanted is None or request.headers.get("if-range", etag) != etag:
        return Response(file.data, 200, headers, file.content_type)
    span = _span(wanted, size)
    if span is None:
        return Response(b"", 416, {**headers, "Content-Range": f"bytes */{size}"})
    first, last = span
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(file.data[first : last + 1], 206, headers, file.content_type)


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a single range; None if it cannot be satisfied."""
    match = _RANGE.match(wanted)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        return (size - length, size - 1) if length else None
    first = int(match[1])
    last = min(int(match[2]) if match[2] else size - 1, size - 1)
    return (first, last) if first <= last else None
