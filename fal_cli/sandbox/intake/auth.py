"""Who may ask: the sandbox's keys and their scopes, its logins, tokens and signatures, and the refusals of §1.7."""

from starlette.requests import HTTPConnection
from starlette.responses import Response

from fal_cli.sandbox.intake.account import locked
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.orders.words import PAID_ROUTES
from fal_cli.sandbox.replies.answers import detail, problem
from fal_cli.sandbox.replies.routes import Endpoint, Route
from fal_cli.sandbox.state import tokens
from fal_cli.sandbox.state.keys import Keys

UNKNOWN_KEY_DETAIL = "No user found for Key ID and Secret"
SCOPE_DETAIL = "The key lacks the scope for this."
EXPIRED_DETAIL = "The access token has expired."
JWT_PARAMETER = "fal_jwt_token"
_NOBODY_DETAIL = "Authentication is required."
_BAD_CDN_TOKEN = "Invalid or expired CDN token."
_BAD_SIGNATURE = "The request signature is missing, wrong or expired."


def refuse(context: Context, request: HTTPConnection, route: Route) -> Response | None:
    """The refusal of a request with the wrong credential, None if it may pass. Files need no key."""
    keys = context.keys
    if route.credential == "key":
        return _refuse_key(context, request, route)
    if route.credential == "optional" and "authorization" not in request.headers:
        return None
    if route.credential in ("API", "ADMIN", "optional"):
        return _refuse_scope(keys, request, "ADMIN" if route.credential == "ADMIN" else "API")
    if route.credential == "signed" or (route.credential == "upload" and is_presigned(request)):
        is_signed = tokens.is_signed(keys.seal, request.query_params, subject(route))
        return None if is_signed else detail(403, _BAD_SIGNATURE)
    if route.credential in ("cdn", "upload") and not _has_cdn_token(keys, request):
        return detail(401, _BAD_CDN_TOKEN)
    return None


def is_presigned(request: HTTPConnection) -> bool:
    """Whether the URL itself is the credential, right or wrong."""
    return "signature" in request.query_params


def subject(route: Route) -> str:
    """What a signature allows: the PUT of one file, or all steps of one multipart upload."""
    return f"{route.file_id}:{route.upload_id}"


def is_owner(keys: Keys, request: HTTPConnection) -> bool:
    """Whether the reader of a restricted file may see it (§5.7)."""
    scheme, credential = _credential(request)
    return (scheme == "key" and credential in (keys.plain, keys.admin)) or _has_cdn_token(keys, request)


def allows(keys: Keys, token: str, endpoint: Endpoint) -> bool:
    """Whether a realtime token is alive and meant for the endpoint: by alias, app, id or full path (§7.1)."""
    claims = tokens.read(keys.seal, token, "realtime")
    if claims is None or not tokens.is_live(claims):
        return False
    alias = endpoint.app.rpartition("/")[2]
    return not {alias, endpoint.app, endpoint.id, f"{endpoint.id}/realtime"}.isdisjoint(claims["allowed_apps"])


def _is_expired(keys: Keys, token: str) -> bool:
    """Whether a realtime token was good once."""
    claims = tokens.read(keys.seal, token, "realtime")
    return claims is not None and not tokens.is_live(claims)


def is_known(context: Context, request: HTTPConnection, endpoint: Endpoint) -> bool:
    """Whether a session may begin: with a key, which was looked at before, with a token, or with nothing (§13 #6)."""
    token = request.query_params.get(JWT_PARAMETER)
    if token is None:
        return context.settings.keyless or "authorization" in request.headers
    return "authorization" in request.headers or allows(context.keys, token, endpoint)


def _has_cdn_token(keys: Keys, request: HTTPConnection) -> bool:
    scheme, credential = _credential(request)
    claims = tokens.read(keys.seal, credential, "cdn") if scheme == "bearer" else None
    return claims is not None and tokens.is_live(claims)


def _credential(request: HTTPConnection) -> tuple[str, str]:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), credential.strip()


def _scopes(keys: Keys, key: str) -> tuple[str, ...]:
    """What a key may do (§1.2); empty for one that is not ours."""
    if key == keys.admin:
        return ("API", "ADMIN")
    return ("API",) if key in (keys.plain, keys.locked) else ()


def _refuse_key(context: Context, request: HTTPConnection, route: Route) -> Response | None:
    keys = context.keys
    scheme, credential = _credential(request)
    if not scheme:
        return _refuse_nobody(context, request, route)
    if scheme == "bearer" and credential.count(".") == 2:
        return _refuse_login(keys, credential, route)
    if scheme != "key" or ":" not in credential:
        return _malformed(route)
    if not _scopes(keys, credential):
        return detail(401, UNKNOWN_KEY_DETAIL)
    return locked("balance") if credential == keys.locked and route.name in PAID_ROUTES else None


def _refuse_login(keys: Keys, token: str, route: Route) -> Response | None:
    """An access token of a login (§1.5): what the sandbox signed, or whoever has its key."""
    claims = tokens.read(keys.login, token, "login")
    if claims is None:
        return _malformed(route)
    return None if tokens.is_live(claims) else detail(401, EXPIRED_DETAIL)


def _malformed(route: Route) -> Response:
    place = f'Cannot access application "{route.endpoint.app}": i' if route.endpoint else "I"
    return detail(401, f"{place}nvalid key credentials.")


def _refuse_scope(keys: Keys, request: HTTPConnection, scope: str) -> Response | None:
    """The same on the platform API: words of its own, open to a locked account too (§1.7), closed to logins (§1.2)."""
    scheme, credential = _credential(request)
    if not scheme:
        return problem(401, _NOBODY_DETAIL)
    scopes = _scopes(keys, credential) if scheme == "key" else ()
    if not scopes:
        return problem(401, UNKNOWN_KEY_DETAIL)
    return None if scope in scopes else problem(403, SCOPE_DETAIL)


def _refuse_nobody(context: Context, request: HTTPConnection, route: Route) -> Response | None:
    if route.endpoint is None:
        return detail(401, _NOBODY_DETAIL)
    if context.settings.keyless:
        return None
    token = request.query_params.get(JWT_PARAMETER)
    if token is not None and route.name == "realtime":
        # One that is not ours is judged in the session itself, which says so in a frame (§7.3).
        return detail(401, EXPIRED_DETAIL) if _is_expired(context.keys, token) else None
    if token is not None and route.name in ("events", "ws") and allows(context.keys, token, route.endpoint):
        return None
    app = route.endpoint.app
    return detail(401, f'Cannot access application "{app}". Authentication is required to access this application.')
