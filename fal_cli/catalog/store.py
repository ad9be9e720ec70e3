"""What is known of endpoints: their documents and the list of models, asked for once and kept (wire §11.2, §11.3).

Each API host has a shelf of its own in the cache. What is kept is used for a week, and however old it is where the
service cannot be reached; that an endpoint is unknown or has no document is believed for an hour, that nobody answered
for five minutes. An odd answer is not kept. What is served on this machine is asked each time, since its
author may be changing it; there a no is believed for ten seconds.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from fal_cli.config import paths
from fal_cli.endpoint import LocalApp, Target
from fal_cli.errors import NoCredentials
from fal_cli.files.cache import Cache, Kept

if TYPE_CHECKING:
    from fal_cli.api.catalog import Described
    from fal_cli.api.messages import Policy
    from fal_cli.context import Context

LIFE_SECONDS = 7 * 86_400.0
LIFE_OF_NO_SECONDS = 3600.0
LIFE_OF_SILENCE_SECONDS = 300.0
LIFE_OF_NO_HERE_SECONDS = 10.0
_SANDBOX = "sandbox"
_LOCAL = "local"


class Shelf(NamedTuple):
    """Where one endpoint's document is kept, and for how long what is asked now is believed."""

    cache: Cache
    name: str
    life: float

    def read(self) -> Kept | None:
        """What is kept, with an empty body where there is no document."""
        return self.cache.read(self.name)

    def keep(self, found: "Described | None", *, is_unknown: bool = False) -> None:
        """Keeps a document, or that the endpoint has none, or that it is unknown."""
        if found is None:
            facts: dict[str, Any] = {"is_unknown": True} if is_unknown else {}
            self.cache.write(self.name, b"", seconds=self._at_most(LIFE_OF_NO_SECONDS), facts=facts)
        else:
            model = found.model
            facts = {
                "title": model.title,
                "category": model.category,
                "status": model.status,
                "successor": model.successor,
            }
            self.cache.write(self.name, found.document, seconds=self.life, facts=facts)

    def postpone(self, kept: Kept | None) -> None:
        """Nobody answered: what is kept, or that nothing is, will do for a while."""
        seconds = self._at_most(LIFE_OF_SILENCE_SECONDS)
        facts, kept_at = (kept.facts, kept.kept_at) if kept else ({}, None)
        self.cache.write(self.name, kept.body if kept else b"", seconds=seconds, facts=facts, kept_at=kept_at)

    def _at_most(self, seconds: float) -> float:
        return seconds if self.life else LIFE_OF_NO_HERE_SECONDS


def shelf_of(context: "Context", target: Target) -> Shelf:
    if isinstance(target, LocalApp):
        return Shelf(Cache(folder_of(context.env, _LOCAL) / "schemas"), target.root, 0.0)
    host = host_of(context)
    return Shelf(
        Cache(folder_of(context.env, host) / "schemas"), str(target), 0.0 if host == _SANDBOX else LIFE_SECONDS
    )


def host_of(context: "Context") -> str:
    return _SANDBOX if context.in_sandbox else _host_name(context.accounts.hosts.api)


def _host_name(url: str) -> str:
    return quote(url.partition("://")[2], safe="")


def folder_of(env: Mapping[str, str], host: str) -> Path:
    return paths.cache_folder(env) / host


def has_key(context: "Context") -> bool:
    """Whether there is a key to ask with."""
    try:
        return bool(context.accounts.credential.authorization)
    except NoCredentials:
        return False


def retry_policy(retries: int | None) -> "Policy":
    """Free calls are repeated as usual, or so many times."""
    from fal_cli.api import retry

    if retries is None:
        return retry.FREE
    return retry.at_most(retries)
