"""What the account may do: no paid call while it is locked, and only models that it has access to (§1.7)."""

import time
from decimal import Decimal

from starlette.responses import Response

from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.orders.words import CALL_ROUTES, PAID_ROUTES, PLATFORM_ROUTES
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.state import bills

# In the words of the service, as they were seen.
LOCK_DETAILS = {
    "balance": "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
    "admin": "User is locked. Reason: Admin lock. Please contact support@fal.ai.",
    "topup": "User is locked. Reason: TOP_UP.",
}
DENIED = "Access denied"
START_BALANCE = Decimal(100)  # US dollars


def refuse(context: Context, route: Route) -> Response | None:
    """The refusal of what the account may not do; None if it may. What exists can be read on, whatever happens."""
    if route.name in PAID_ROUTES and route.credential in ("key", "cdn"):
        kind = locked_by(context, time.time())
        if kind is not None:
            return locked(kind)
    is_call = route.name in CALL_ROUTES and route.endpoint is not None
    return denied(route.name) if is_call and _is_denied(context, route) else None


def locked_by(context: Context, now: float) -> str | None:
    """The kind of lock that is in force at that Unix time: ordered, or since too little is left of the balance."""
    ordered = context.store.locked(now)
    if ordered is not None:
        return ordered
    for fault in context.faults:
        if fault.locks_account and now < context.began + fault.seconds:
            return fault.lock
    settings = context.settings
    has_too_little = settings.balance is not None and balance(context, now) < settings.lock_threshold
    return "balance" if has_too_little else None


def balance(context: Context, now: float) -> Decimal:
    """What is left at that Unix time, in US dollars; below zero too, since what runs is billed when it ends."""
    given = context.settings.balance
    return (START_BALANCE if given is None else given) - bills.total(context.store, now)


def locked(kind: str) -> Response:
    """The refusal of a locked account."""
    return answers.detail(403, LOCK_DETAILS[kind])


def denied(route: str) -> Response:
    """The refusal of a key and a balance that are good, for want of a permission."""
    if route in PLATFORM_ROUTES:
        return answers.problem(403, DENIED)
    headers = {"X-Fal-Error-Type": "authorization_error"}
    return answers.answer(403, {"detail": DENIED, "error_type": "authorization_error"}, headers=headers)


def _is_denied(context: Context, route: Route) -> bool:
    assert route.endpoint is not None
    return any(f"{route.endpoint.id}/".startswith(f"{denied_id}/") for denied_id in context.settings.deny)
