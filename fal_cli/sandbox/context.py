"""What every handler needs to know of the sandbox that it serves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from starlette.requests import Request

from fal_cli.sandbox.faults import Fault
from fal_cli.sandbox.store import Store


@dataclass(frozen=True)
class Context:
    """The state, the base URL of this process's CDN, and the faults ordered for all of its exchanges.

    `instance` keeps the counters of these faults apart from those of another process with the same ones.
    """

    store: Store
    cdn: str
    faults: Sequence[Fault] = ()
    instance: str = field(default_factory=lambda: uuid4().hex)


def asked_base(request: Request) -> str:
    """Scheme and host as the client wrote them, without a slash at the end."""
    return f"{request.url.scheme}://{request.headers.get('host') or request.url.netloc}"
