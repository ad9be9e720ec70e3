"""The application: which port means which service, who may ask, and who answers."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fal_cli.sandbox.intake import account as account_of
from fal_cli.sandbox.intake import auth, names
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.intake import Refused
from fal_cli.sandbox.intake.names import Names
from fal_cli.sandbox.platform import account, analytics, billing, catalog, estimate, listing, payloads, pricing
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.connection import is_first
from fal_cli.sandbox.replies.routes import Route, match, match_socket
from fal_cli.sandbox.services import cdn, events, login, queue, realtime, rest, run, sockets, storage
from fal_cli.sandbox.state.store import CONNECTIONS

Handler = Callable[[Context, Request, Route], Awaitable[Response]]

_HANDLERS: dict[str, Handler] = {
    "run": run.run,
    "events": events.stream,
    "submit": queue.submit,
    "status": queue.follow,
    "stream": queue.follow,
    "result": queue.follow,
    "cancel": queue.follow,
    "file": cdn.read,
    "cdn_token": rest.cdn_token,
    "bare_token": rest.bare_token,
    "realtime_token": rest.realtime_token,
    "initiate": rest.initiate,
    "initiate_multipart": rest.initiate_multipart,
    "sign_part": rest.sign_part,
    "post": storage.post,
    "begin": storage.begin,
    "put": storage.put,
    "part": storage.part,
    "complete": storage.complete,
    "login": login.refresh,
    "jwks": rest.jwks,
    "models": catalog.read,
    "openapi": catalog.describe,
    "listing": listing.read,
    "payloads": payloads.erase,
    "pricing": pricing.read,
    "estimate": estimate.read,
    "billing": billing.read,
    "analytics": analytics.read,
    "account": account.read,
}

logger = logging.getLogger(__name__)


class Application:
    """ASGI application for all services; `ports` says which port is which, `names` who may be asked for."""

    def __init__(self, context: Context, ports: Mapping[int, str], names: Names) -> None:
        self.context = context
        self.ports = ports
        self.names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP exchange, or hold one session of a socket."""
        if scope["type"] == "websocket":
            await self._meet(scope, receive, send)
            return
        if is_first(scope):
            self.context.store.tally(CONNECTIONS, 1)
        request = Request(scope, receive)
        response = self.names.refuse(request) or await self._serve(request, self.ports[scope["server"][1]])
        if response is not None:
            await response(scope, receive, send)

    async def _serve(self, request: Request, service: str) -> Response | None:
        """The answer of a service; None if the client has left in the middle of its request."""
        try:
            return await self._answer(request, service)
        except Refused as refused:
            return refused.response
        except ClientDisconnect:
            return None
        except Exception:
            logger.exception("sandbox: %s %s failed", request.method, request.url.path)
            return _complain(service, 500)

    async def _answer(self, request: Request, service: str) -> Response:
        route = match(service, request.scope["path"], request.method)
        if route is None:
            return _complain(service, 404)
        self._count(route)
        refusal = self._refuse(request, route)
        if refusal is not None:
            return refusal
        if request.method not in route.methods:
            return _complain(service, 405, allow=", ".join(route.methods))
        return await _HANDLERS[route.action or route.name](self.context, request, route)

    async def _meet(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        response = self.names.refuse(connection) or await self._open(connection)
        await response(scope, receive, send)

    async def _open(self, connection: HTTPConnection) -> Response:
        service = self.ports[connection.scope["server"][1]]
        is_tunnel = service == "run" and names.is_of_tunnels(connection)
        route = match_socket("queue" if is_tunnel else service, connection.scope["path"])
        if route is None:
            return answers.detail(404, "Not Found")
        self._count(route)
        refusal = self._refuse(connection, route)
        if refusal is not None:
            return refusal
        if route.name == "realtime":
            return await realtime.meet(self.context, connection, route)
        if route.action == "tunnel":
            return await sockets.tunnel(self.context, route, lambda request: self._serve(request, "run"))
        return await sockets.connect(self.context, connection, route)

    def _refuse(self, request: HTTPConnection, route: Route) -> Response | None:
        return auth.refuse(self.context, request, route) or account_of.refuse(self.context, route)

    def _count(self, route: Route) -> None:
        self.context.store.count(route.counter, *(("", route.request_id) if route.request_id else ("",)))


def _complain(service: str, status: int, allow: str = "") -> Response:
    """An error that is no route's own, in the shape of the service (§8.3)."""
    headers = {"Allow": allow} if allow else {}
    if service == "api":
        return answers.problem(status, answers.phrase(status), headers=headers)
    return answers.detail(status, answers.phrase(status), **headers)
