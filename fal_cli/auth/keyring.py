"""The system's own secret store, by the extra `keyring`.

It may be missing, locked, or never answer (a D-Bus without its other end), so every call has a limit.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from fal_cli.api.redaction import redacted
from fal_cli.concurrency import TooLate, within
from fal_cli.errors import NoCredentials, UsageError

T = TypeVar("T")
LIMIT_SECONDS = 3.0
_SERVICE = "fal-cli"
_LONGEST_REASON = 200
_NOT_INSTALLED = "the keyring needs a package that is not installed (keyring)"
_HOW_TO_INSTALL = "Install it: pip install 'fal-cli[keyring]'"


class KeychainError(NoCredentials):
    """The secret store did not do what was asked."""


def require() -> None:
    """Raises `UsageError` if the extra is not installed."""
    if find_spec("keyring") is None:
        raise UsageError(_NOT_INSTALLED, hint=_HOW_TO_INSTALL)


def read(entry: str) -> str | None:
    """The secret under a name; None if there is none. Raises `KeychainError`."""
    found = _within_limit(lambda keyring: keyring.get_password(_SERVICE, entry))
    return found if isinstance(found, str) else None


def write(entry: str, secret: str) -> None:
    """Keeps a secret under a name, and makes sure that it is there. Raises as `read`."""
    _within_limit(lambda keyring: keyring.set_password(_SERVICE, entry, secret), secret)
    if read(entry) != secret:  # there are stores that take everything and keep nothing
        raise KeychainError(
            "the system keyring did not store the key", hint="Leave out --keyring to store it in a file."
        )


def remove(entry: str) -> None:
    """Forgets what is kept under a name. Raises as `read`."""
    if read(entry) is not None:
        _within_limit(lambda keyring: keyring.delete_password(_SERVICE, entry))


def _within_limit(action: Callable[[Any], T], secret: str = "") -> T:
    """What `action` makes of the library. A thread that never ends is left behind, and ends with the process."""
    try:
        return within(LIMIT_SECONDS, lambda: action(import_module("keyring")), name="keyring")
    except TooLate:
        raise KeychainError(
            f"the system keyring did not answer within {LIMIT_SECONDS:.0f} seconds",
            hint="Unlock it and run the command again, or set FAL_KEY.",
        ) from None
    except Exception as error:  # the library's backends raise whatever theirs do
        raise _explained(error, secret) from None


def _explained(error: Exception, secret: str) -> KeychainError:
    if isinstance(error, ModuleNotFoundError) and error.name == "keyring":
        return KeychainError(_NOT_INSTALLED, hint=_HOW_TO_INSTALL)
    reason = " ".join(redacted(str(error), secret).split()).partition(". ")[0][:_LONGEST_REASON]
    return KeychainError(
        f"the system keyring failed ({type(error).__name__}{': ' if reason else ''}{reason})",
        hint="Store the key in a file instead: fal auth login --no-keyring",
    )
