"""Why an account may not call: its locks told apart, and what is a want of permission (wire §1.7).

A lock is told in words alone. Whatever they become, one that is not known is still a lock.
"""

from typing import Literal

from fal_cli.api.errors import ApiError

Lock = Literal["balance", "admin", "topup", "other"]
_WORDS: tuple[tuple[str, Lock], ...] = (
    ("exhausted balance", "balance"),
    ("admin", "admin"),
    ("top_up", "topup"),
    ("top-up", "topup"),
    ("top up is due", "topup"),
)
_PERMISSIONS = ("scope", "permission")
_AUTHORIZATION = "authorization_error"


def lock_of(error: ApiError) -> Lock | None:
    """Which lock a refusal speaks of; None if of none."""
    told = error.message.lower()
    if error.status != 403 or "locked" not in told:
        return None
    return next((lock for words, lock in _WORDS if words in told), "other")


def lacks_permission(error: ApiError) -> bool:
    """Whether a refusal says that the key is good and may not do this."""
    return error.status == 403 and any(word in error.message.lower() for word in _PERMISSIONS)


def is_denied(error: ApiError) -> bool:
    """Whether a refusal says that key and balance are good, and that this is not allowed to the account."""
    return error.status == 403 and (error.error_type == _AUTHORIZATION or "access denied" in error.message.lower())
