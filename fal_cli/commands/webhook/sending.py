"""`fal webhook send` from a request to the receiver's acknowledgement (wire §10)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fal_cli.calls.model import Tracked
from fal_cli.commands.webhook import delivery, notice
from fal_cli.commands.webhook.notice import Ended
from fal_cli.commands.webhook.signing import Signer
from fal_cli.context import Context
from fal_cli.errors import CliError, UsageError


@dataclass(frozen=True)
class Target:
    """Where a webhook goes, for whom it is signed, and how often it is delivered. Raises `UsageError`."""

    url: str
    user_id: str
    times: int = 1

    def __post_init__(self) -> None:
        delivery.check_url(self.url)
        if not self.user_id.isascii() or not self.user_id.isprintable() or not self.user_id.strip():
            raise UsageError(f"--user-id: {self.user_id!r} cannot be sent in a header")


def ended(context: Context, request: Tracked, *, wait: bool, timeout: float | None) -> Ended:
    """How the request ended. Raises as `notice.ended`."""
    found = notice.ended(context, request, wait=wait, timeout=timeout)
    # From here on the request is not what can fail, and nothing of it is at stake.
    context.standing.accepted_id, context.standing.leave = "", tuple
    return found


def send(context: Context, target: Target, signer: Signer, what: Ended) -> None:
    """Delivers a webhook as often as it is to be. Raises the last failure if one was not acknowledged."""
    body = what.body()
    context.talk.note(f"request {what.request_id}: {what.word}, {len(body)} bytes to {target.url}")
    failure: CliError | None = None
    for number in range(1, target.times + 1):
        lead = f"delivery {number} of {target.times}: " if target.times > 1 else ""
        headers = signer.headers(what.request_id, target.user_id, body, now=time.time())
        try:
            # A wire of its own: a connection that is used again may have been closed meanwhile.
            answered = delivery.deliver(context.wire(local=True), target.url, headers, body)
        except CliError as error:
            if target.times > 1:
                context.talk.warn(f"{lead}{error.message}")
            failure = error
        else:
            context.talk.note(f"{lead}{answered.line} after {answered.seconds:.2f} s")
            if context.output.machine:
                context.output.json(
                    {"request_id": what.request_id, "url": target.url, "answer": answered.line, "delivery": number}
                )
    if failure is not None:
        raise failure


def raw(target: Target, signer: Signer, what: Ended) -> bytes:
    """The raw request that would be sent now."""
    body = what.body()
    headers = signer.headers(what.request_id, target.user_id, body, now=time.time())
    return delivery.raw_request(target.url, headers, body)


@contextmanager
def served_keys(context: Context, signer: Signer, port: int | None) -> Iterator[None]:
    """While the block runs, the public key is served on the port; not at all if it is None."""
    if port is None:
        yield
        return
    from fal_cli.commands.webhook.local_server import KeyServer

    server = KeyServer(port, signer.jwks, "--serve-jwks", context.talk.note)
    context.talk.note(f"the public key is at {server.jwks_url}")
    with server.running():
        yield
