"""Which hosts belong to the service, so that nothing else ever gets the key."""

from typing import NamedTuple
from urllib.parse import urlsplit

_HERE_SECONDS = 0.5
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine, for messages; all of 127.0.0.0/8 counts."""


class Hosts(NamedTuple):
    """Base URLs without a trailing slash (wire §1.1)."""

    run: str = "https://fal.run"
    queue: str = "https://queue.fal.run"
    rest: str = "https://rest.fal.ai"
    cdn: str = "https://v3.fal.media"
    api: str = "https://api.fal.ai"

    def owns(self, url: str) -> bool:
        """Whether `url` is on one of these hosts: same scheme, name and port."""
        wanted = origin(url)
        return any(origin(base) == wanted for base in (self.run, self.queue, self.rest, self.cdn, self.api))

    def owns_queue(self, url: str) -> bool:
        """Whether `url` is on the queue host, whose URLs a submit answer names."""
        return origin(url) == origin(self.queue)


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host name and port of a URL; a malformed one gives an origin that equals no other."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ("", url, None)
    if not url.isprintable() or "\\" in url or " " in url:
        return ("", url, None)  # readers of URLs disagree on where the host of such a one ends
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return (parts.scheme, parts.hostname or "", port or default)


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine: plain http is allowed there, and no proxy is used."""
    name = origin(url)[1]
    return name in LOOPBACK or (name.startswith("127.") and name.replace(".", "").isdigit())


def answers_here(url: str) -> bool:
    """Whether something on this machine listens where a URL points to."""
    import socket

    _, name, port = origin(url)
    try:
        socket.create_connection((name, port or 80), timeout=_HERE_SECONDS).close()
    except OSError:
        return False
    return True
