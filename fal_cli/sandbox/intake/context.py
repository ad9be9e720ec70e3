"""What every handler needs to know of the sandbox that it serves."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from starlette.requests import Request

from fal_cli.sandbox.intake.calls import Calls
from fal_cli.sandbox.orders.faults import Fault
from fal_cli.sandbox.orders.settings import Settings
from fal_cli.sandbox.state.keys import Keys
from fal_cli.sandbox.state.store import Store


@dataclass(frozen=True)
class Addresses:
    """Base URLs of the services, without a slash at the end; `api` without its `/v1` too."""

    run: str
    queue: str
    cdn: str
    rest: str
    api: str


@dataclass(frozen=True)
class Context:
    """The state with its keys, the base URLs of this process, how it is set up, and the faults ordered for all of its
    exchanges.

    `has_webhooks` is whether it lives long enough to deliver any; `tasks` are those that it has in hand, `calls` what
    has arrived. `began` is when it came to be (Unix seconds). `instance` keeps the counters of these faults apart from
    those of another process with the same ones.
    """

    store: Store
    keys: Keys
    addresses: Addresses
    faults: Sequence[Fault] = ()
    settings: Settings = field(default_factory=Settings)
    has_webhooks: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    calls: Calls = field(default_factory=Calls)
    began: float = field(default_factory=time.time)
    instance: str = field(default_factory=lambda: uuid4().hex)

    @property
    def cdn(self) -> str:
        """The base URL of this process's CDN."""
        return self.addresses.cdn


def asked_base(request: Request) -> str:
    """Scheme and host as the client wrote them, without a slash at the end."""
    return f"{request.url.scheme}://{request.headers.get('host') or request.url.netloc}"
