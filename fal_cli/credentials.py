"""Finding the credential, in one documented order; what was found says where it came from.

1. `--profile NAME`, a table of the vendor's config file   2. `FAL_KEY`   3. `FAL_KEY_ID` + `FAL_KEY_SECRET`
4. `FAL_PROFILE`   5. the active profile of that file   6. the vendor's login token, while it is fresh

The vendor's files (`~/.fal`, wire §1.3 to §1.5) are read as they are and never written: refreshing a token
would rotate it, and that is their owner's to do. `FAL_FORCE_AUTH_BY_USER=1` leaves only the login.
"""

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fal_cli.errors import NoCredentials, UsageError

_INTERNAL = "__internal__"  # the vendor's table that names the active profile
_STALE_SECONDS = 300


@dataclass(frozen=True)
class Credential:
    """A whole Authorization header value and the name of its source."""

    authorization: str = field(repr=False)
    source: str
    profile: str = ""

    @property
    def key_print(self) -> str:
        """What tells this key from others in the ledger, and from which no key can be made."""
        return hashlib.sha256(self.authorization.encode()).hexdigest()[:16]


def find(env: Mapping[str, str], profile: str = "") -> Credential:
    """The credential to call with.

    Raises `NoCredentials` if there is none or it cannot be a header, `UsageError` for an unknown `profile`.
    """
    if profile:
        return _of_profile(env, profile, f"--profile {profile}", required=True) or _missing()
    found = _login(env) if env.get("FAL_FORCE_AUTH_BY_USER") == "1" else _any(env)
    return found or _missing()


def _any(env: Mapping[str, str]) -> Credential | None:
    if env.get("FAL_KEY", "").strip():
        return _key(env["FAL_KEY"], "FAL_KEY")
    if env.get("FAL_KEY_ID", "").strip() and env.get("FAL_KEY_SECRET", "").strip():
        key = f"{env['FAL_KEY_ID'].strip()}:{env['FAL_KEY_SECRET'].strip()}"
        return _key(key, "FAL_KEY_ID and FAL_KEY_SECRET")
    if env.get("FAL_PROFILE"):
        return _of_profile(env, env["FAL_PROFILE"], "FAL_PROFILE", required=True)
    internal = _config(env).get(_INTERNAL)
    active = internal.get("profile") if isinstance(internal, dict) else None
    named = _of_profile(env, active, "the active profile", required=False) if isinstance(active, str) else None
    return named or _login(env)


def _key(key: str, source: str, profile: str = "") -> Credential:
    return Credential(f"Key {_header_safe(key, source)}", source, profile)


def _header_safe(secret: str, source: str) -> str:
    secret = secret.strip()
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise NoCredentials(f"the key from {source} holds a character that no key has")
    return secret


def _of_profile(env: Mapping[str, str], name: str, source: str, *, required: bool) -> Credential | None:
    profiles = {key: table for key, table in _config(env).items() if key != _INTERNAL and isinstance(table, dict)}
    if name not in profiles:
        if required:
            known = ", ".join(profiles) or "none"
            raise UsageError(f"there is no profile {name!r} in {_config_path(env)} (known: {known})")
        return None
    key = profiles[name].get("key")
    if not isinstance(key, str) or not key.strip():
        if required:
            raise NoCredentials(f"the profile {name!r} in {_config_path(env)} has no key")
        return None
    return _key(key, f"{source} ({name})" if name not in source else source, name)


def _config_path(env: Mapping[str, str]) -> Path:
    return Path(os.path.expanduser(env.get("FAL_CONFIG_PATH") or "~/.fal/config.toml"))


def _config(env: Mapping[str, str]) -> dict[str, Any]:
    path = _config_path(env)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredentials(f"cannot read {path}: {error}") from None
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NoCredentials(f"{path} is not TOML: {error}") from None


def _login(env: Mapping[str, str]) -> Credential | None:
    path = Path(os.path.expanduser(env.get("FAL_HOME_DIR") or "~/.fal")) / "auth0_token"
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredentials(f"cannot read {path}: {error}") from None
    if len(lines) < 2 or not _expires_at(lines[1]) - time.time() > _STALE_SECONDS:
        raise NoCredentials(
            f"the vendor's login in {path} is stale, and only its own tool may renew it",
            hint="Set FAL_KEY (https://fal.ai/dashboard/keys), or log in again with the vendor's tool.",
        )
    return Credential(f"Bearer {_header_safe(lines[1], str(path))}", str(path))


def _expires_at(token: str) -> float:
    """The `exp` of a JWT in Unix seconds; 0 for what cannot be read, which counts as stale."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0.0


def _missing() -> Credential:
    raise NoCredentials(
        "no key: set FAL_KEY to a key from https://fal.ai/dashboard/keys",
        hint="To try things without a key, network or cost, put --sandbox before the command.",
    )
