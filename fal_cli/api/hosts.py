"""Which hosts belong to the service, so that nothing else ever gets the key."""

from functools import lru_cache
from typing import NamedTuple

from fal_cli.api import backup
from fal_cli.urls import is_public, origin


class Hosts(NamedTuple):
    """Base URLs without a trailing slash (wire §1.1)."""

    run: str = "https://fal.run"
    queue: str = "https://queue.fal.run"
    rest: str = "https://rest.fal.ai"
    cdn: str = "https://v3.fal.media"
    api: str = "https://api.fal.ai"

    def owns(self, url: str) -> bool:
        """Whether `url` is on one of these hosts, or on the backup of one: same scheme, name and port."""
        wanted = origin(backup.original(url))
        return any(origin(base) == wanted for base in (self.run, self.queue, self.rest, self.cdn, self.api))

    @property
    def are_public(self) -> bool:
        """Whether all of them are hosts of the open internet. Looks names up that are not fal's own."""
        names = {origin(base)[1] for base in self} - {origin(base)[1] for base in Hosts()}
        return _are_public(frozenset(names))

    def owns_queue(self, url: str) -> bool:
        """Whether `url` is on the queue host, whose URLs a submit answer names."""
        return origin(backup.original(url)) == origin(self.queue)


@lru_cache(maxsize=16)
def _are_public(names: frozenset[str]) -> bool:
    return all(_is_public(name) for name in names)


def _is_public(name: str) -> bool:
    import socket

    try:
        return all(is_public(str(found[4][0])) for found in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM))
    except OSError:
        return True  # nothing is there, so nothing around this machine is allowed for its sake
