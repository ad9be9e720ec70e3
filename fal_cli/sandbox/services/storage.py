"""Bytes in: whole files and parts, by CDN token or to a pre-signed URL (§5.3 to §5.6)."""

import asyncio
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import auth, misbehave
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.intake import Refused, read_object
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.state import files, lifecycle, uploads


async def post(context: Context, request: Request, route: Route) -> Response:
    """Flow B: the file in one request (§5.4)."""
    life = read_lifecycle(request, direct=True)
    fault = misbehave.pick(context, route.name, "upload")

    async def act() -> Response:
        received = await uploads.receive(context.store, request)
        upload = _begin(context, request, life, multipart=False)
        uploads.finish(context.store, upload, received)
        url = files.url(context.cdn, upload.file_id, upload.name)
        return answers.answer(200, {"access_url": url}, headers={"ETag": f'"{received.etag}"'})

    return await misbehave.perform(fault, route.name, act)


async def begin(context: Context, request: Request, route: Route) -> Response:
    """Flow D: begin a file in parts (§5.6)."""
    life = read_lifecycle(request, direct=True)
    fault = misbehave.pick(context, route.name, "upload")

    async def act() -> Response:
        upload = _begin(context, request, life, multipart=True)
        url = files.url(context.cdn, upload.file_id, upload.name)
        return answers.answer(200, {"access_url": url, "uploadId": upload.upload_id})

    return await misbehave.perform(fault, route.name, act)


async def put(context: Context, request: Request, route: Route) -> Response:
    """Flow A: the file, to the pre-signed URL, with the content type that was announced (§5.3)."""
    _note_leak(context, request)
    fault = misbehave.pick(context, route.name, "upload")

    async def act() -> Response:
        upload = _find(context, route)
        if request.headers.get("content-type") != upload.content_type:
            return answers.detail(403, f"The signature is for the content type {upload.content_type}.")
        received = await uploads.receive(context.store, request)
        uploads.finish(context.store, upload, received)
        return Response(b"", 200, {"ETag": f'"{received.etag}"'})

    return await misbehave.perform(fault, route.name, act)


async def part(context: Context, request: Request, route: Route) -> Response:
    """A part, of either flow: its ETag in the header and in the body (§14 #6)."""
    _note_leak(context, request)
    fault = misbehave.pick(context, route.name, "part", number=route.number)

    async def act() -> Response:
        upload = _find(context, route)
        if route.number > uploads.MAX_PARTS:
            return answers.detail(400, f"The number of a part is 1 to {uploads.MAX_PARTS}.")
        received = await uploads.receive(context.store, request)
        uploads.keep_part(context.store, upload, route.number, received)
        etag = f'"{received.etag}"'
        return answers.answer(200, {"partNumber": route.number, "etag": etag}, headers={"ETag": etag})

    return await misbehave.perform(fault, route.name, act)


async def complete(context: Context, request: Request, route: Route) -> Response:
    """The end of a file in parts: refused unless every part is there, as listed."""
    _note_leak(context, request)
    listed = dict(_listed(await read_object(request)))
    fault = misbehave.pick(context, route.name, "complete")

    async def act() -> Response:
        upload = _find(context, route)
        try:
            await asyncio.to_thread(uploads.complete, context.store, upload, listed)
        except uploads.BadParts as error:
            return answers.detail(400, str(error))
        url = files.url(context.cdn, upload.file_id, upload.name)
        return answers.answer(200, {"access_url": url})

    return await misbehave.perform(fault, route.name, act)


def read_lifecycle(request: Request, *, direct: bool) -> lifecycle.Lifecycle:
    """The lifecycle that counts (§5.7): on the CDN only the one header's, before it either's. Raises Refused."""
    text = request.headers.get(lifecycle.UPLOAD_HEADER)
    if text is None and not direct:
        text = request.headers.get(lifecycle.PREFERENCE_HEADER)
    try:
        return lifecycle.parse(text)
    except ValueError as error:
        raise Refused(answers.detail(400, f"X-Fal-Object-Lifecycle: {error}")) from error


def _begin(context: Context, request: Request, life: lifecycle.Lifecycle, *, multipart: bool) -> uploads.Upload:
    name = request.headers.get("x-fal-file-name", "")
    content_type = request.headers.get("content-type", "")
    return uploads.begin(context.store, name, content_type, life, multipart=multipart)


def _find(context: Context, route: Route) -> uploads.Upload:
    upload = uploads.find(context.store, route.file_id, route.upload_id)
    if upload is None:
        raise Refused(answers.detail(404, "Upload not found"))
    return upload


def _listed(body: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """The parts of a completion, in either spelling (§5.5). Raises Refused."""
    parts = body.get("parts")
    if not isinstance(parts, list) or not parts:
        raise _bad_list("parts: expected a list of parts")
    for index, entry in enumerate(parts):
        found = entry if isinstance(entry, dict) else {}
        number, etag = found.get("partNumber", found.get("part_number")), found.get("etag")
        if isinstance(number, bool) or not isinstance(number, int) or number < 1 or not isinstance(etag, str):
            raise _bad_list(f"parts.{index}: expected partNumber and etag")
        yield number, etag.strip('"')


def _bad_list(message: str) -> Refused:
    return Refused(answers.detail(400, message))


def _note_leak(context: Context, request: Request) -> None:
    """A pre-signed URL needs no Authorization; at a stranger's host it would have given the key away (§5.3)."""
    if auth.is_presigned(request) and "authorization" in request.headers:
        context.store.tally("leaked_keys")
