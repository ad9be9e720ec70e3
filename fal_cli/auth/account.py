"""Whose requests are made and asked about, and where: a key and the hosts that it is for."""

from typing import TYPE_CHECKING, NamedTuple

from fal_cli.auth.credentials import Credential

if TYPE_CHECKING:
    from fal_cli.api.hosts import Hosts


class Account(NamedTuple):
    """A credential and the hosts that it goes to."""

    hosts: "Hosts"
    credential: Credential
