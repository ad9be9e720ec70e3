"""Who may ask: the sandbox's keys and their scopes, its tokens and signatures, and the refusals of §1.7."""

from starlette.requests import HTTPConnection
from starlette.responses import Response

from fal_cli.sandbox.replies.answers import detail, problem
from fal_cli.sandbox.replies.routes import Endpoint, Route
from fal_cli.sandbox.state import tokens

SANDBOX_KEY = "sandbox:local-only-key"
LOCKED_KEY = "sandbox-locked:local-only-key"
ADMIN_KEY = "sandbox-admin:local-only-key"
LOCKED_DETAIL = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
UNKNOWN_KEY_DETAIL = "No user found for Key ID and Secret"
SCOPE_DETAIL = "The key lacks the scope for this."
JWT_PARAMETER = "fal_jwt_token"
_NOBODY_DETAIL = "Authentication is required."
_SCOPES = {SANDBOX_KEY: ("API",), LOCKED_KEY: ("API",), ADMIN_KEY: ("API", "ADMIN")}
_PAID = ("submit", "run", "events", "realtime", "token", "upload", "complete")
_BAD_CDN_TOKEN = "Invalid or expired CDN token."
_BAD_SIGNATURE = "The request signature is missing, wrong or expired."


def refuse(request: HTTPConnection, route: Route) -> Response | None:
    """The refusal of a request with the wrong credential, None if it may pass. Files need no key."""
    if route.credential == "key":
        return _refuse_key(request, route)
    if route.credential == "optional" and "authorization" not in request.headers:
        return None
    if route.credential in ("API", "ADMIN", "optional"):
        return _refuse_scope(request, "ADMIN" if route.credential == "ADMIN" else "API")
    if route.credential == "signed" or (route.credential == "upload" and is_presigned(request)):
        return None if tokens.is_signed(request.query_params, subject(route)) else detail(403, _BAD_SIGNATURE)
    if route.credential in ("cdn", "upload") and not _has_cdn_token(request):
        return detail(401, _BAD_CDN_TOKEN)
    return None


def is_presigned(request: HTTPConnection) -> bool:
    """Whether the URL itself is the credential, right or wrong."""
    return "signature" in request.query_params


def subject(route: Route) -> str:
    """What a signature allows: the PUT of one file, or all steps of one multipart upload."""
    return f"{route.file_id}:{route.upload_id}"


def is_owner(request: HTTPConnection) -> bool:
    """Whether the reader of a restricted file may see it (§5.7)."""
    scheme, credential = _credential(request)
    return (scheme == "key" and credential in (SANDBOX_KEY, ADMIN_KEY)) or _has_cdn_token(request)


def allows(token: str, endpoint: Endpoint) -> bool:
    """Whether a realtime token is alive and meant for the endpoint: by alias, app, id or full path (§7.1)."""
    claims = tokens.read(token, "realtime")
    if claims is None:
        return False
    alias = endpoint.app.rpartition("/")[2]
    return not {alias, endpoint.app, endpoint.id, f"{endpoint.id}/realtime"}.isdisjoint(claims["allowed_apps"])


def _has_cdn_token(request: HTTPConnection) -> bool:
    scheme, credential = _credential(request)
    return scheme == "bearer" and tokens.read(credential, "cdn") is not None


def _credential(request: HTTPConnection) -> tuple[str, str]:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), credential.strip()


def _refuse_key(request: HTTPConnection, route: Route) -> Response | None:
    scheme, credential = _credential(request)
    if not scheme:
        return _refuse_nobody(request, route)
    if scheme != "key" or ":" not in credential:
        place = f'Cannot access application "{route.endpoint.app}": i' if route.endpoint else "I"
        return detail(401, f"{place}nvalid key credentials.")
    if credential not in _SCOPES:
        return detail(401, UNKNOWN_KEY_DETAIL)
    if credential == LOCKED_KEY and route.name in _PAID:
        return detail(403, LOCKED_DETAIL)
    return None


def _refuse_scope(request: HTTPConnection, scope: str) -> Response | None:
    """The same on the platform API, which has words of its own, and reads a locked account too (§1.7)."""
    scheme, credential = _credential(request)
    if not scheme:
        return problem(401, _NOBODY_DETAIL)
    if scheme != "key" or credential not in _SCOPES:
        return problem(401, UNKNOWN_KEY_DETAIL)
    return None if scope in _SCOPES[credential] else problem(403, SCOPE_DETAIL)


def _refuse_nobody(request: HTTPConnection, route: Route) -> Response | None:
    if route.endpoint is None:
        return detail(401, _NOBODY_DETAIL)
    token = request.query_params.get(JWT_PARAMETER)
    if token is not None and route.name == "realtime":
        return None  # judged in the session itself, which says so in a frame (§7.3)
    if token is not None and route.name == "events" and allows(token, route.endpoint):
        return None
    app = route.endpoint.app
    return detail(401, f'Cannot access application "{app}". Authentication is required to access this application.')
