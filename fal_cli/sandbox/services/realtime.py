"""The realtime service: who may open a session, and with which model (§7.2, §7.4)."""

import hashlib
from uuid import uuid4

from starlette.requests import HTTPConnection
from starlette.responses import Response

from fal_cli.sandbox.intake import auth, misbehave
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.models import known
from fal_cli.sandbox.orders.faults import Fault
from fal_cli.sandbox.replies import answers, codec
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.services.session import Session
from fal_cli.sandbox.services.sockets import MAX_BUFFERING, is_buffering

_JSON_PATH = "json"


async def meet(context: Context, request: HTTPConnection, route: Route) -> Response:
    """The session, or the refusal of its handshake."""
    endpoint = route.endpoint
    assert endpoint is not None
    if not known.is_app(endpoint.app):
        return answers.unknown_app(endpoint.app)
    model = known.find(endpoint)
    if model is None or model.realtime is None or request.url.path.endswith("/"):
        # A path without a socket is the web framework's own refusal (§15 #11).
        return answers.detail(403, "Forbidden")
    if not is_buffering(request.query_params.get("max_buffering")):
        return answers.detail(400, f"max_buffering must be 1 to {MAX_BUFFERING}")
    is_known = auth.is_known(context, request, endpoint)
    wire = codec.JSON if known.is_echo(endpoint) and endpoint.path == _JSON_PATH else codec.MSGPACK
    request_id = str(uuid4())

    def own_fault(first_frame: bytes, faults: tuple[Fault, ...]) -> Fault | None:
        scope = f"realtime:{hashlib.sha256(first_frame).hexdigest()}"
        return misbehave.pick_own(context, "realtime", scope, faults)

    module, rules = model.load(), model.realtime

    async def open_session() -> Response:
        return Session(context, endpoint, module, rules, wire, request_id, own_fault, is_known=is_known)

    fault = misbehave.pick(context, "realtime", request_id)
    return await misbehave.perform(fault, "realtime", open_session, request_id=request_id)
