"""Where a URL points: its origin, and whether that is this machine."""

from urllib.parse import urlsplit

_HERE_SECONDS = 0.5
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine, for messages; all of 127.0.0.0/8 counts."""


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
