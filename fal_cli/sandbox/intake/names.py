"""The names that a sandbox answers to. Any other is refused, so that no web page reaches it.

A page's host can be made to resolve to this machine (DNS rebinding), but the browser still sends the page's own name
as Host, and as Origin with what the page sends to other hosts. Nothing here allows another origin to read an answer.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from fal_cli.sandbox.replies.answers import detail

# `ws.localhost` is what the small client inside the server framework makes of `localhost` (§7.6).
OWN = ("127.0.0.1", "localhost", "[::1]", "ws.localhost")
_USUAL_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_NAME = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")


class HostError(ValueError):
    """What is no name of a host."""


class Names:
    """The sandbox's own names, each with the port that a request came to, and others that were allowed.

    Of the others those without a port are allowed with any: a proxy in front may have one of its own.
    """

    def __init__(self, others: Iterable[str] = ()) -> None:
        """Raises HostError for what is no `NAME[:PORT]`."""
        self._others = {_read(text) for text in others}

    def refuse(self, request: HTTPConnection) -> Response | None:
        """The refusal of a request to another name, or from another's page; None if it may pass."""
        host = request.headers.get("host", "")
        if not self._knows(host, request):
            return detail(421, f"This sandbox answers to {', '.join(OWN[:3])} only, not to {host!r}.")
        origin = request.headers.get("origin")
        if origin is not None and not self._is_own(origin):
            return detail(403, f"This sandbox is not for web pages of other hosts, such as {origin!r}.")
        return None

    def _knows(self, host: str, request: HTTPConnection) -> bool:
        match = _NAME.fullmatch(host)
        if match is None:
            return False
        name, port = match[1].lower(), int(match[2] or _USUAL_PORTS[request.url.scheme])
        is_own = name in OWN and port == request.scope["server"][1]
        return is_own or not self._others.isdisjoint({(name, port), (name, None)})

    def _is_own(self, origin: str) -> bool:
        """Whether a page is of this machine, or of an allowed name; of which port is its own affair."""
        try:
            name = (urlsplit(origin).hostname or "").lower()
        except ValueError:
            return False
        bracketed = f"[{name}]" if ":" in name else name
        return bracketed in OWN or bracketed in {other for other, _ in self._others}


def is_of_tunnels(request: HTTPConnection) -> bool:
    """Whether a request is to the name under which HTTP goes through sockets (§7.6)."""
    return request.headers.get("host", "").lower().startswith(("ws.localhost:", "ws.fal.run"))


def _read(text: str) -> tuple[str, int | None]:
    match = _NAME.fullmatch(text)
    if match is None:
        raise HostError(f"{text!r} is not a host name, with or without a port")
    return match[1].lower(), int(match[2]) if match[2] else None
