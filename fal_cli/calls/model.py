"""A call and its stages: as it is sent, once it is accepted, and when waiting for it ends."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fal_cli.api.deadline import Deadline
from fal_cli.endpoint import EndpointId, LocalApp, Target
from fal_cli.errors import UsageError

if TYPE_CHECKING:
    from fal_cli.api.call_options import CallOptions
    from fal_cli.api.events import Handle
    from fal_cli.auth.accounts import Account
    from fal_cli.identity.keys import Identity
    from fal_cli.ledger.journal import Entry


class Tracked(NamedTuple):
    """A request in the queue, its record in the ledger, and the account that made it."""

    handle: "Handle"
    entry: "Entry"
    account: "Account"

    @property
    def request_id(self) -> str:
        return self.handle.request_id

    @property
    def endpoint(self) -> str:
        return str(self.handle.endpoint)


class Call(NamedTuple):
    """What is sent, where to, and with which options. `is_unchecked`: it was not checked by a schema.

    `replaces` is the ledger's number of a call whose answer was lost, which this one is sent for. `given` is the input
    as the user gave it, untyped and with its files; `identity` what the call is known by, if it may be known, and
    `claimed` its row in the ledger, if it is there before it is sent.
    """

    endpoint: Target
    input_json: Mapping[str, Any]
    options: "CallOptions"
    is_private: bool = False
    is_unchecked: bool = False
    replaces: int | None = None
    given: Mapping[str, Any] | None = None
    identity: "Identity | None" = None
    claimed: "Entry | None" = None

    @property
    def is_local(self) -> bool:
        """Whether it goes to an app on this machine: no queue, and no key."""
        return isinstance(self.endpoint, LocalApp)

    @property
    def queued_endpoint(self) -> EndpointId:
        """The endpoint of a call that goes through the queue. Raises `UsageError` for a local app."""
        if isinstance(self.endpoint, LocalApp):
            raise UsageError(f"{self.endpoint} is an app on this machine, which has no queue", hint="Use: fal run")
        return self.endpoint


class Sent(NamedTuple):
    """A request that the service accepted. `adopted`: the answer was cut, and its header id was found running."""

    request: Tracked
    position: int | None
    adopted: bool


class Ending(NamedTuple):
    """When waiting ends, and what then becomes of the request: `detach` or `cancel`."""

    deadline: Deadline = Deadline.never()  # it never changes
    on_timeout: str = "detach"
    on_interrupt: str = "detach"
