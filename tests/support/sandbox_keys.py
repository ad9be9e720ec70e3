"""Sandboxes whose keys are known: the same in each, so that a test can name one before there is any."""

from pathlib import Path
from typing import Any

from fal_cli.sandbox.server import Sandbox
from fal_cli.sandbox.state import keys, private

SECRET = "only-of-the-tests-0123456789"
KEYS = keys.Keys(SECRET)
SANDBOX_KEY, ADMIN_KEY, LOCKED_KEY = KEYS.plain, KEYS.admin, KEYS.locked
# The names under which the tests' proxies pass requests on, each with whatever port.
_REAL = ("fal.run", "queue.fal.run", "rest.fal.ai", "v3.fal.media", "api.fal.ai")
PROXIED = ("127.0.0.1", "localhost", *_REAL, *(f"{name}.other.example" for name in _REAL))


def provided(state: Path) -> Path:
    """A state folder whose key is the one above."""
    private.folder(state)
    with private.create(state / keys.FILE) as file:
        file.write(f"{SANDBOX_KEY}\n".encode())
    return state


def sandbox_at(state: Path, **options: Any) -> Sandbox:
    """A sandbox with the key above, which may be asked through the tests' proxies."""
    return Sandbox(provided(state), **({"hosts": PROXIED} | options))
