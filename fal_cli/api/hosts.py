"""Which hosts belong to the service, so that nothing else ever gets the key."""

from typing import NamedTuple

from fal_cli.urls import origin


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
