"""The vendor's own files in `~/.fal` (wire §1.3 to §1.5), read as they are and never written.

Refreshing its login would rotate a token, and that is its owner's to do.
"""

import base64
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fal_cli.config import paths
from fal_cli.errors import NoCredentials

_INTERNAL = "__internal__"  # its table that names the active profile
_STALE_SECONDS = 300


def config_path(env: Mapping[str, str]) -> Path:
    """Where its profiles are."""
    return Path(paths.expanded(env.get("FAL_CONFIG_PATH") or "~/.fal/config.toml"))


def keys(env: Mapping[str, str]) -> dict[str, str]:
    """Its profiles by name with their keys, "" where one has none. Raises `NoCredentials`."""
    tables = {name: table for name, table in _config(env).items() if name != _INTERNAL and isinstance(table, dict)}
    found = {name: table.get("key") for name, table in tables.items()}
    return {name: key.strip() if isinstance(key, str) else "" for name, key in found.items()}


def active(env: Mapping[str, str]) -> str:
    """The name of its active profile; "" if none is. Raises `NoCredentials`."""
    internal = _config(env).get(_INTERNAL)
    name = internal.get("profile") if isinstance(internal, dict) else None
    return name if isinstance(name, str) else ""


def login_path(env: Mapping[str, str]) -> Path:
    """Where its login is."""
    return Path(paths.expanded(env.get("FAL_HOME_DIR") or "~/.fal")) / "auth0_token"


def login(env: Mapping[str, str]) -> str | None:
    """The access token of its login; None if there is no login. Raises `NoCredentials` for one that is stale."""
    path = login_path(env)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredentials(f"cannot read {path}: {error}") from None
    if len(lines) < 2 or not _expires_at(lines[1]) - time.time() > _STALE_SECONDS:
        raise NoCredentials(
            f"the login of fal.ai's own CLI in {path} has expired, and only that CLI can renew it",
            hint="Use a key instead (https://fal.ai/dashboard/keys): fal auth login, or FAL_KEY.",
        )
    return lines[1]


def _config(env: Mapping[str, str]) -> dict[str, Any]:
    path = config_path(env)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredentials(f"cannot read {path}: {error}") from None
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        detail = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise NoCredentials(f"{path} is not TOML: {detail}") from None


def _expires_at(token: str) -> float:
    """The `exp` of a JWT in Unix seconds; 0 for what cannot be read, which counts as stale."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0.0
