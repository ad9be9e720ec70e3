"""Finding the credential, in one documented order; what was found says where it came from.

1. `--profile NAME`   2. `FAL_KEY`   3. `FAL_KEY_ID` + `FAL_KEY_SECRET`   4. `FAL_PROFILE`
5. our active profile   6. the vendor's active profile   7. the vendor's login token, while it is fresh

A profile is looked for among ours first and then in the vendor's file. `FAL_FORCE_AUTH_BY_USER=1` leaves only
`--profile` and the login.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from fal_cli.config import paths
from fal_cli.errors import CliError, NoCredentials, UsageError

if TYPE_CHECKING:
    from fal_cli.auth.profiles import Profile, Profiles

Tell = Callable[[str], None]


class Credential(NamedTuple):
    """A whole Authorization header value and the name of its source. `profile` is "" where it is of none."""

    authorization: str
    source: str
    profile: str = ""

    def __repr__(self) -> str:
        return f"Credential(source={self.source!r}, profile={self.profile!r})"

    @property
    def is_of_the_sandbox(self) -> bool:
        """Whether it is one of the keys that a sandbox takes, and nothing else does."""
        return self.authorization.removeprefix("Key ").startswith(paths.SANDBOX_KEYS)

    @property
    def key_print(self) -> str:
        """What tells this key from others in the ledger, and from which no key can be made."""
        return hashlib.sha256(self.authorization.encode()).hexdigest()[:16]


class Source:
    """Where a key is, and the hosts of its own that it is for. It is read when it is asked for first."""

    def __init__(self, read: Callable[[], Credential], hosts: Mapping[str, str] | None = None) -> None:
        self._read = read
        self._credential: Credential | None = None
        self.hosts: Mapping[str, str] = hosts or {}

    @property
    def credential(self) -> Credential:
        """The key. Raises `NoCredentials` if there is none or it cannot be a header, `CliError`."""
        self._credential = self._credential or self._read()
        return self._credential


def find(env: Mapping[str, str], profile: str = "") -> Credential:
    """The credential to call with.

    Raises `NoCredentials` if there is none or it cannot be a header, `UsageError` for an unknown `profile`.
    """
    return choose(env, profile).credential


def choose(
    env: Mapping[str, str], profile: str = "", *, warn: Tell = lambda text: None, tell: Tell | None = None
) -> Source:
    """Where the key to call with is. `warn` hears of danger, `tell` of choices that were made.

    Raises `UsageError` if our profiles cannot be read.
    """
    variable = named_by_environment(env)
    if not profile and variable == "FAL_FORCE_AUTH_BY_USER":
        return Source(lambda: _login(env) or _missing())
    if not profile and variable == "FAL_KEY":
        return Source(lambda: _key(env["FAL_KEY"], "FAL_KEY"))
    if not profile and variable == "FAL_KEY_ID and FAL_KEY_SECRET":
        return Source(lambda: _key(f"{env['FAL_KEY_ID'].strip()}:{env['FAL_KEY_SECRET'].strip()}", variable))
    return _of_profile(env, profile, warn, tell)


def named_by_environment(env: Mapping[str, str]) -> str:
    """The variables that say whose key is used before any active profile does; "" if none do."""
    if env.get("FAL_FORCE_AUTH_BY_USER") == "1":
        return "FAL_FORCE_AUTH_BY_USER"
    if env.get("FAL_KEY", "").strip():
        return "FAL_KEY"
    if env.get("FAL_KEY_ID", "").strip() and env.get("FAL_KEY_SECRET", "").strip():
        return "FAL_KEY_ID and FAL_KEY_SECRET"
    return "FAL_PROFILE" if env.get("FAL_PROFILE") else ""


def _of_profile(env: Mapping[str, str], profile: str, warn: Tell, tell: Tell | None) -> Source:
    """The profile that is named, else the active one. Of one that is not ours the hosts may still be."""
    from fal_cli.auth import profiles

    ours = profiles.read(profiles.path_of(env))
    name, how = _named(env, profile, ours)
    if not name:
        return Source(lambda: _of_vendor(env) or _missing(ours))
    found = ours.get(name)
    if not found.has_key:
        return Source(lambda: _named_by_vendor(env, ours, name, how), found.hosts)
    if ours.is_exposed:
        warn(f"{ours.path} can be read by others; make it yours alone: chmod 600 {ours.path}")
    if tell is not None and name in _vendors_names(env):
        tell(f"profile {name} is also a profile of fal.ai's own CLI; the one stored here is used")
    return Source(lambda: _own(ours, found, how), found.hosts)


def _named(env: Mapping[str, str], profile: str, ours: "Profiles") -> tuple[str, str]:
    """A profile's name and what names it; "" where we have none that is active."""
    if profile:
        return profile, f"--profile {profile}"
    if env.get("FAL_PROFILE"):
        return env["FAL_PROFILE"], f"FAL_PROFILE ({env['FAL_PROFILE']})"
    is_there = ours.chosen or ours.get(ours.active).has_key
    return (ours.active, f"the active profile ({ours.active})") if is_there else ("", "")


def _own(ours: "Profiles", found: "Profile", how: str) -> Credential:
    if not found.in_keyring:
        return _key(found.key, f"{how} in {ours.path}", found.name)
    from fal_cli.auth import keyring

    key = keyring.read(ours.keyring_entry(found.name))
    if not key:
        raise NoCredentials(
            f"the system keyring has no key for profile {found.name}",
            hint=f"Log in again: fal auth login --profile {found.name}",
        )
    return _key(key, f"{how} in the system keyring", found.name)


def _named_by_vendor(env: Mapping[str, str], ours: "Profiles", name: str, how: str) -> Credential:
    from fal_cli.auth import vendor

    theirs = vendor.keys(env)
    if theirs.get(name):
        return _key(theirs[name], f"{how} in {vendor.config_path(env)}", name)
    hint = f"Log in to it: fal auth login --profile {name}"
    if name in theirs or name in ours.by_name:
        raise NoCredentials(f"the profile {name!r} has no key", hint=hint)
    known = ", ".join(dict.fromkeys([*ours.by_name, *theirs])) or "none"
    raise UsageError(f"no profile {name!r} (known: {known})", hint=hint)


def _of_vendor(env: Mapping[str, str]) -> Credential | None:
    from fal_cli.auth import vendor

    name = vendor.active(env)
    key = vendor.keys(env).get(name) if name else ""
    if key:
        return _key(key, f"the active profile ({name}) in {vendor.config_path(env)}", name)
    return _login(env)


def _login(env: Mapping[str, str]) -> Credential | None:
    from fal_cli.auth import vendor

    token, path = vendor.login(env), str(vendor.login_path(env))
    return Credential(f"Bearer {_header_safe(token, path)}", path) if token else None


def _vendors_names(env: Mapping[str, str]) -> Mapping[str, str]:
    from fal_cli.auth import vendor

    try:
        return vendor.keys(env)
    except CliError:
        return {}


def _key(key: str, source: str, profile: str = "") -> Credential:
    return Credential(f"Key {_header_safe(key, source)}", source, profile)


def _header_safe(secret: str, source: str) -> str:
    secret = secret.strip()
    if len(secret) > 2 and secret[0] == secret[-1] and secret[0] in "\"'":
        secret = secret[1:-1].strip()  # Docker's --env-file keeps the quotes
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise NoCredentials(f"the key from {source} contains a character that no key has")
    return secret


def _missing(ours: "Profiles | None" = None) -> Credential:
    others = [profile.name for profile in ours.by_name.values() if profile.has_key] if ours else []
    if others:
        raise NoCredentials(
            f"no key: none of the profiles is active ({', '.join(others)})",
            hint=f"Choose one: fal auth switch {others[0]}",
            next=("auth", "switch", others[0]),
        )
    raise NoCredentials(
        "no key: log in (fal auth login), or set FAL_KEY to a key from https://fal.ai/dashboard/keys",
        hint="To try things without a key, network or cost, put --sandbox before the command.",
        next=("auth", "login", "--with-key"),
    )


def switch_to(env: Mapping[str, str], ours: "Profiles", name: str) -> None:
    """Makes a profile of ours or the vendor's the active one. Raises `UsageError`, `NoCredentials`."""
    from fal_cli.auth import profiles

    if not name:
        raise UsageError("name a profile", hint="List them: fal auth list")
    if not ours.get(name).has_key:
        find(env, name)
    profiles.switch(ours.path, name)
