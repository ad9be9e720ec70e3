"""Who may ask: the sandbox's two keys, and the refusals of §1.7."""

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.answers import detail
from fal_cli.sandbox.routes import Route

SANDBOX_KEY = "sandbox:local-only-key"
LOCKED_KEY = "sandbox-locked:local-only-key"
LOCKED_DETAIL = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
UNKNOWN_KEY_DETAIL = "No user found for Key ID and Secret"
_PAID = ("submit", "run")


def refuse(request: Request, route: Route) -> Response | None:
    """The refusal of a request with the wrong credential, None if it may pass. Files need no key."""
    if route.endpoint is None:
        return None
    header = request.headers.get("authorization", "")
    scheme, _, credential = header.partition(" ")
    credential = credential.strip()
    app = route.endpoint.app
    if not header:
        text = f'Cannot access application "{app}". Authentication is required to access this application.'
        return detail(401, text)
    if scheme.lower() != "key" or ":" not in credential:
        return detail(401, f'Cannot access application "{app}": invalid key credentials.')
    if credential not in (SANDBOX_KEY, LOCKED_KEY):
        return detail(401, UNKNOWN_KEY_DETAIL)
    if credential == LOCKED_KEY and route.name in _PAID:
        return detail(403, LOCKED_DETAIL)
    return None
