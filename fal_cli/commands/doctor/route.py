"""The way to one host as the request layer goes it: name lookup, connection, a proxy's tunnel and TLS, with times."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from fal_cli.api.hosts import Hosts
from fal_cli.api.messages import Request, TransportFailure
from fal_cli.api.phases import Exchange
from fal_cli.api.wire import Wire

LIMIT_SECONDS = 4.5


class Reached(NamedTuple):
    """How the way to a host was, in words, and the moment that it says it is."""

    told: str
    date: datetime | None = None


class Unreachable(Exception):
    """A host that was not reached; the message says why, `kind` the same without the host's name."""

    def __init__(self, reason: str, url: str) -> None:
        super().__init__(reason)
        parts = urlsplit(url)
        self.kind = reason.replace(parts.netloc, "").replace(parts.hostname or "", "")


def reach(url: str) -> Reached:
    """Asks a host what time it is there. Raises `Unreachable`."""
    exchange = Exchange()
    exchange.is_timed = True
    wire = Wire(Hosts(), "")
    try:
        with wire.open(
            Request("the look", "HEAD", f"{url}/", authorization="", read_seconds=LIMIT_SECONDS), exchange
        ) as response:
            date = _moment(response.headers.get("date", ""))
    except TransportFailure as failure:
        if "connection" not in exchange.steps:
            raise Unreachable(failure.reason, url) from None
        date = None
    return Reached(_told(exchange.steps, is_secure=url.startswith("https")), date)


def _told(steps: dict[str, float], *, is_secure: bool) -> str:
    """`connection` is the total: the part after the connection to host or proxy is the tunnel and TLS."""
    parts: dict[str, float] = {name: steps[name] for name in ("name lookup", "connect") if name in steps}
    if is_secure:
        parts["TLS"] = steps.get("connection", 0.0) - sum(parts.values())
    return ", ".join(f"{name} {1000 * max(seconds, 0):.0f} ms" for name, seconds in parts.items())


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None


def shown_proxy(proxy: SplitResult) -> str:
    """A proxy without the password that may stand in it."""
    return f"{proxy.scheme}://{proxy.hostname}{f':{proxy.port}' if proxy.port else ''}"


def name_of(url: str) -> str:
    """A host's name as people know it."""
    return urlsplit(url).netloc
