"""Whose requests are made and asked about, and where: a key and the hosts that it is for."""

from typing import TYPE_CHECKING, NamedTuple

from fal_cli.credentials import Credential

if TYPE_CHECKING:
    from fal_cli.api.events import Handle
    from fal_cli.api.hosts import Hosts
    from fal_cli.journal import Entry


class Account(NamedTuple):
    """A credential and the hosts that it goes to."""

    hosts: "Hosts"
    credential: Credential


class Tracked(NamedTuple):
    """A request in the queue, its record in the ledger, and the account that made it."""

    handle: "Handle"
    entry: "Entry"
    account: Account

    @property
    def request_id(self) -> str:
        return self.handle.request_id

    @property
    def endpoint(self) -> str:
        return str(self.handle.endpoint)
