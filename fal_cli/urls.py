"""Where a URL points: its origin, and whether that is this machine."""

from functools import lru_cache
from urllib.parse import urlsplit

_HERE_SECONDS = 0.5
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine, for messages; all of 127.0.0.0/8 counts."""


@lru_cache(maxsize=512)  # each exchange asks it a dozen times about its one URL
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


def host_shown(url: str) -> str:
    """The host of a URL with its port as a message may show them: without a name and password before them."""
    return urlsplit(url).netloc.rpartition("@")[2]


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine: plain http is allowed there, and no proxy is used."""
    name = origin(url)[1]
    return name in LOOPBACK or (name.startswith("127.") and name.replace(".", "").isdigit())


def leads_here(url: str) -> bool:
    """Whether the host of a URL, as it is written, is this machine or an address of its own network.

    All the ways count in which an address can be written: `127.1`, `0x7f000001`. What a name leads to is for whoever
    connects to it to see.
    """
    import socket

    name = origin(url)[1].rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        found = socket.getaddrinfo(name, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return not all(is_public(str(one[4][0])) for one in found)


def is_public(address: str) -> bool:
    """Whether an IP address is of the open internet, and not of this machine or a network around it."""
    import ipaddress

    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global


def answers_here(url: str) -> bool:
    """Whether something on this machine listens where a URL points to."""
    import socket

    _, name, port = origin(url)
    try:
        socket.create_connection((name, port or 80), timeout=_HERE_SECONDS).close()
    except OSError:
        return False
    return True
