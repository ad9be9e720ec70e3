"""The REST service: tokens of the CDN and of realtime, uploads to pre-signed URLs (§5.2, §5.3, §5.5, §7.1).

Also the public half of the key that signs webhooks (§10.3).
"""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import auth, misbehave
from fal_cli.sandbox.intake.context import Context, asked_base
from fal_cli.sandbox.intake.intake import Refused, read_object
from fal_cli.sandbox.orders.faults import Fault
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.services.storage import read_lifecycle
from fal_cli.sandbox.state import files, signing, tokens, uploads

CDN_TOKEN_SECONDS = 3600.0
MAX_TOKEN_SECONDS = 30 * 86_400.0
REALTIME_TOKEN_SECONDS = 120.0
SIGNED_SECONDS = 3600.0
STORAGE_TYPES = ("fal-cdn-v3", "gcs")
_HEADER_TEXT = re.compile(r"[ -~]+")


async def cdn_token(context: Context, request: Request, route: Route) -> Response:
    """A token for the CDN of this sandbox (§5.2)."""
    _storage_type(request, ("fal-cdn-v3",))
    body = await read_object(request)
    asked = _seconds(body, "expiration_seconds", CDN_TOKEN_SECONDS)
    fault = misbehave.pick(context, route.name, "token")
    seconds = _life(fault, asked)

    async def act() -> Response:
        document = {
            "token": tokens.mint(context.keys.seal, "cdn", seconds),
            "token_type": "Bearer",
            "base_url": context.cdn,
            "expires_at": _moment(seconds),
        }
        return answers.answer(200, document)

    return await misbehave.perform(fault, route.name, act)


async def bare_token(context: Context, request: Request, route: Route) -> Response:
    """A realtime token as the clients ask for it: a bare JSON string (§7.1)."""
    return await _realtime_token(context, request, route, "token_expiration")


async def realtime_token(context: Context, request: Request, route: Route) -> Response:
    """A realtime token as the newer documents have it: `{"token": …}`."""
    return await _realtime_token(context, request, route, "duration")


async def _realtime_token(context: Context, request: Request, route: Route, life_key: str) -> Response:
    body = await read_object(request)
    apps = body.get("allowed_apps")
    if not isinstance(apps, list) or not apps or not all(isinstance(app, str) and app for app in apps):
        raise _bad("allowed_apps", "Input should be a list of applications", apps)
    asked = _seconds(body, life_key, REALTIME_TOKEN_SECONDS)
    fault = misbehave.pick(context, route.name, "token")

    async def act() -> Response:
        token = tokens.mint(context.keys.seal, "realtime", _life(fault, asked), allowed_apps=apps)
        return answers.answer(200, token if route.action == "bare_token" else {"token": token})

    return await misbehave.perform(fault, route.name, act)


async def initiate(context: Context, request: Request, route: Route) -> Response:
    """Flow A: where to PUT the file, and where it will be (§5.3)."""
    return await _initiate(context, request, route, multipart=False)


async def initiate_multipart(context: Context, request: Request, route: Route) -> Response:
    """Flow C: the same for a file in parts (§5.5)."""
    return await _initiate(context, request, route, multipart=True)


async def _initiate(context: Context, request: Request, route: Route, *, multipart: bool) -> Response:
    kind = _storage_type(request, STORAGE_TYPES)
    body = await read_object(request)
    name, content_type = _text(body, "file_name"), _text(body, "content_type")
    if not _HEADER_TEXT.fullmatch(content_type):
        raise _bad("content_type", "Input should be a media type", content_type)
    lifecycle = read_lifecycle(request, direct=False)
    fault = misbehave.pick(context, route.name, "upload")

    async def act() -> Response:
        upload = uploads.begin(context.store, name, content_type, lifecycle, multipart=multipart)
        file_url = files.url(context.cdn, upload.file_id, upload.name)
        if multipart and kind == "gcs":
            url = f"{asked_base(request)}/storage/upload/multipart/{upload.file_id}/{upload.upload_id}"
        else:
            url = _signed(context, file_url, upload.file_id, upload.upload_id, _life(fault, SIGNED_SECONDS))
        return answers.answer(200, {"upload_url": url, "file_url": file_url})

    return await misbehave.perform(fault, route.name, act)


async def sign_part(context: Context, request: Request, route: Route) -> Response:
    """Flow C with `gcs`: where to PUT one part."""
    fault = misbehave.pick(context, route.name, "upload")

    async def act() -> Response:
        upload = uploads.find(context.store, route.file_id, route.upload_id)
        if upload is None:
            return answers.detail(404, "Upload not found")
        whole = files.url(context.cdn, upload.file_id, upload.name)
        url = f"{whole}/multipart/{upload.upload_id}/{route.number}"
        seconds = _life(fault, SIGNED_SECONDS)
        return answers.answer(200, {"upload_url": tokens.sign(context.keys.seal, url, auth.subject(route), seconds)})

    return await misbehave.perform(fault, route.name, act)


async def jwks(context: Context, request: Request, route: Route) -> Response:
    """The keys that webhooks are checked with; for everybody."""
    fault = misbehave.pick(context, route.name, "jwks")

    async def act() -> Response:
        return answers.answer(200, await asyncio.to_thread(signing.jwks, context.store))

    return await misbehave.perform(fault, route.name, act)


def _signed(context: Context, file_url: str, file_id: str, upload_id: str, seconds: float) -> str:
    url = f"{file_url}/multipart/{upload_id}" if upload_id else file_url
    return tokens.sign(context.keys.seal, url, f"{file_id}:{upload_id}", seconds)


def _life(fault: Fault | None, usual: float) -> float:
    return fault.seconds if fault and fault.kind == "expires" else usual


def _moment(seconds: float) -> str:
    """`seconds` from now, with the numeric offset that the strictest parser wants (§14 #6)."""
    moment = datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC)
    return moment.isoformat(timespec="microseconds")


def _storage_type(request: Request, allowed: tuple[str, ...]) -> str:
    kind = request.query_params.get("storage_type", "")
    if kind not in allowed:
        message = f"Input should be {' or '.join(allowed)}"
        entry = answers.entry(("query", "storage_type"), message, "enum", kind or None)
        raise Refused(answers.detail(422, [entry]))
    return kind


def _seconds(body: dict[str, Any], key: str, usual: float) -> float:
    value = body.get(key, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_TOKEN_SECONDS:
        raise _bad(key, f"Input should be seconds, more than 0 and at most {MAX_TOKEN_SECONDS:.0f}", value)
    return float(value)


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise _bad(key, "Input should be a valid string", value)
    return value


def _bad(key: str, message: str, given: Any) -> Refused:
    return Refused(answers.detail(422, [answers.entry(("body", key), message, "value_error", given)]))
