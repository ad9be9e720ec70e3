"""The few habits that can be set for good.

| variable | sets |
|---|---|
| `FAL_PRIVATE` | every call is private, as with `--private` |
| `FAL_ON_INTERRUPT` | what Ctrl-C does to a request, as with `--on-interrupt` |
| `FAL_BUDGET` | what calls may cost, as with `--budget`; a profile's own holds beside it |

A variable wins over `config.toml`, which `fal config` writes.
"""

import os
from collections.abc import Mapping
from typing import Literal

from fal_cli.config.hosts import HOST_VARIABLES
from fal_cli.config.paths import config_path
from fal_cli.errors import UsageError

BUDGET_VARIABLE = "FAL_BUDGET"
HOSTS = tuple(f"hosts.{service}" for service in HOST_VARIABLES)
NAMES = ("private", "on_interrupt", "profile", "budget", *HOSTS)
"""What `fal config` knows."""


def is_private(env: Mapping[str, str]) -> bool:
    """Whether every call is to be private, as with `--private`. Raises `UsageError`."""
    if env.get("FAL_PRIVATE"):
        return env["FAL_PRIVATE"] != "0"
    return kept_private(env) or False


def kept_private(env: Mapping[str, str]) -> bool | None:
    """What `config.toml` says of it; None if nothing. Raises `UsageError` if that cannot be read."""
    kept = _kept(env, "private")
    if kept is None or isinstance(kept, bool):
        return kept
    raise UsageError(f"{config_path(env)}: private is not true or false", hint="Set it: fal config set private true")


def on_interrupt(env: Mapping[str, str]) -> Literal["detach", "cancel"]:
    """What Ctrl-C does to a request where `--on-interrupt` is not given. Raises `UsageError`."""
    return _behaviour(env.get("FAL_ON_INTERRUPT"), "FAL_ON_INTERRUPT") or kept_on_interrupt(env) or "detach"


def kept_on_interrupt(env: Mapping[str, str]) -> Literal["detach", "cancel"] | None:
    """What `config.toml` says of it; None if nothing. Raises `UsageError` if that cannot be read."""
    return _behaviour(_kept(env, "on_interrupt"), f"{config_path(env)}: on_interrupt")


def _kept(env: Mapping[str, str], name: str) -> object:
    path = config_path(env)
    if not os.path.exists(path):  # most have none, and nothing is imported for them
        return None
    from fal_cli.config import toml

    return toml.read(path).values.get(name)


def _behaviour(value: object, name: str) -> Literal["detach", "cancel"] | None:
    if value is None or value == "":
        return None
    if value == "detach" or value == "cancel":
        return "detach" if value == "detach" else "cancel"
    raise UsageError(f"{name} is not detach or cancel")
