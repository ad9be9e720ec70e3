"""The login service's one route that clients need: a fresh access token for a refresh token (§1.5).

In reality it is a host of its own, `auth.fal.ai`. The sandbox has it on its REST host.
"""

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.intake import read_body
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.state import logins, tokens

CLIENT_ID = "TwXR51Vz8JbY8GUUMy6EyuVR0fTO7N4N"
ACCESS_SECONDS = 86_400.0
_SCOPE = "openid profile email offline_access"


async def refresh(context: Context, request: Request, route: Route) -> Response:
    """A new access token, and the refresh token that takes the old one's place."""
    form = parse_qs((await read_body(request)).decode("utf-8", "replace"), keep_blank_values=True)
    given = {name: values[-1] for name, values in form.items()}
    fault = misbehave.pick(context, route.name, "login")
    seconds = fault.seconds if fault and fault.kind == "expires" else ACCESS_SECONDS

    async def act() -> Response:
        if given.get("client_id") != CLIENT_ID:
            return _refusal(401, "invalid_client", "Unknown client")
        if given.get("grant_type") != "refresh_token":
            return _refusal(403, "unsupported_grant_type", "Only refresh_token is there")
        following = logins.rotate(context.store, given.get("refresh_token", ""))
        if following is None:
            return _refusal(403, "invalid_grant", "Unknown or invalid refresh token.")
        return answers.answer(
            200,
            {
                "access_token": tokens.mint(context.keys.login, "login", seconds, sub="sandbox"),
                "refresh_token": following,
                "scope": _SCOPE,
                "expires_in": int(seconds),
                "token_type": "Bearer",
            },
        )

    return await misbehave.perform(fault, route.name, act)


def _refusal(status: int, error: str, description: str) -> Response:
    """In the shape of OAuth, not of the platform."""
    return answers.answer(status, {"error": error, "error_description": description})
