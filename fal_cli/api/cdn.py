"""The CDN's token, which uploads go out with and restricted files are read with (wire §5.2, §5.7)."""

import threading
from collections.abc import Callable
from typing import TypeVar

from fal_cli.api import free, retry
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import Refused
from fal_cli.api.messages import Request
from fal_cli.api.wire import Wire
from fal_cli.urls import host_shown, is_loopback, origin

_MOST_RENEWALS = 3
_DOMAIN = "fal.media"
_KEY = "cdn"
T = TypeVar("T")


class Cdn:
    """One token for all that a wire and its twins do. It is minted at first need, and anew when it is refused."""

    def __init__(self, wire: Wire) -> None:
        """`wire` is its own."""
        self._wire = wire
        self._lock = threading.Lock()
        self._authorization = ""
        self._base = ""

    def base(self, deadline: Deadline | None = None) -> str:
        """Where files are uploaded to, as the token's answer names it. Raises as a call of `with_token`."""
        self._token("", deadline)
        return self._base

    def owns(self, url: str) -> bool:
        """Whether a URL is on the CDN, so that the token may go there."""
        own = origin(self._wire.hosts.cdn)
        scheme, name, _ = asked = origin(url)
        return asked == own or (_is_of_fal(own[1]) and scheme == "https" and _is_of_fal(name))

    def with_token(self, attempt: Callable[[str], T], deadline: Deadline | None = None) -> T:
        """What `attempt` makes of the Authorization that it is given; again with a new one where that was refused.

        Raises what `attempt` raises, and `Refused`, `NotReached`, `Unavailable` where no token can be had.
        """
        used = self._token("", deadline)
        for _ in range(_MOST_RENEWALS):
            try:
                return attempt(used)
            except Refused as error:
                if error.status != 401:
                    raise
            used = self._token(used, deadline)
        return attempt(used)

    def _token(self, refused: str, deadline: Deadline | None) -> str:
        """The Authorization, another than `refused`."""
        with self._lock:
            if self._authorization == refused:
                self._authorization, self._base = self._mint(deadline)
            return self._authorization

    def _mint(self, deadline: Deadline | None) -> tuple[str, str]:
        url = f"{self._wire.hosts.rest}/storage/auth/token?storage_type=fal-cdn-v3"
        asked = Request("the upload token", "POST", url, body=b"{}").for_a_short_answer()
        body = free.object_of(self._wire, asked, retry.UPLOAD_STEP, deadline=deadline)
        base = str(body.get("base_url") or self._wire.hosts.cdn).rstrip("/")
        check_host(base)
        return f"{body.get('token_type') or 'Bearer'} {body.get('token', '')}", base


def of(wire: Wire) -> Cdn:
    """The CDN for a wire and all its twins."""
    if _KEY not in wire.shared:
        wire.shared[_KEY] = Cdn(wire.alone())  # a twin would hold it, and it the twin
    found: Cdn = wire.shared[_KEY]
    return found


def check_host(url: str) -> None:
    """Raises `Refused` for a URL that bytes or tokens would travel to in clear; this machine is excepted."""
    if not url.startswith("https://") and not (url.startswith("http://") and is_loopback(url)):
        raise Refused(f"the service named {host_shown(url) or url!r} for an upload, which is not https")


def _is_of_fal(name: str) -> bool:
    return name == _DOMAIN or name.endswith(f".{_DOMAIN}")
