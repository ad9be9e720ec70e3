"""The account behind a key: whether the service knows the key, whose it is, what is left, what locks it (§11.2)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fal_cli.api import failures, free, retry
from fal_cli.api.deadline import Deadline
from fal_cli.api.locks import Lock, lock_of
from fal_cli.api.messages import Request
from fal_cli.api.platform import decimal
from fal_cli.api.wire import Wire

_SOME_ENDPOINT = "fal-ai/flux/dev"
_FORBIDDEN = 403


@dataclass(frozen=True)
class Billing:
    """An account's name, and its balance where the service tells it."""

    username: str
    balance: Decimal | None
    currency: str


def check_key(wire: Wire, deadline: Deadline | None = None) -> None:
    """Makes a free call that takes a key. Raises `Refused` (401, 403: the key), `NotReached`, `Unavailable`."""
    _get(wire, "the check of the key", f"/v1/models/pricing?endpoint_id={_SOME_ENDPOINT}", deadline, may_be=404)


def lock(wire: Wire, deadline: Deadline | None = None) -> Lock | None:
    """Which lock the account is under; None if it may call. It is found by what a locked account is refused, for free.

    Raises `Refused` where the key is, `NotReached`, `Unavailable`.
    """
    url = f"{wire.hosts.rest}/storage/auth/token?storage_type=fal-cdn-v3"
    request = Request("the upload token", "POST", url, body=b"{}").for_a_short_answer()
    answer = free.exchange(wire, request, retry.at_most(0), deadline=deadline)
    if answer.ok:
        return None
    error = failures.free_error(answer)
    found = lock_of(error)
    if found is None:
        raise error
    return found


def billing(wire: Wire, deadline: Deadline | None = None) -> Billing | None:
    """The account of the key; None where the service knows the key, but its scope does not allow this.

    Raises `Refused` (401: the key is not known), `NotReached`, `Unavailable`.
    """
    body = _get(wire, "the account", "/v1/account/billing?expand=credits", deadline, may_be=_FORBIDDEN)
    if body is None:
        return None
    credits = body.get("credits")
    credits = credits if isinstance(credits, dict) else {}
    return Billing(
        str(body.get("username") or ""), decimal(credits.get("current_balance")), str(credits.get("currency") or "")
    )


def _get(wire: Wire, what: str, path: str, deadline: Deadline | None, *, may_be: int) -> dict[str, Any] | None:
    """An object of the platform API; None for the refusal `may_be`, which only a key that is known gets."""
    answer = free.exchange(wire, Request(what, "GET", f"{wire.hosts.api}{path}"), deadline=deadline)
    body = answer.json()
    if answer.ok and isinstance(body, dict):
        return body
    if answer.status == may_be and isinstance(body, dict):
        return None
    raise failures.unavailable(answer) if answer.ok else failures.free_error(answer)
