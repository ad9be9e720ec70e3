"""Our own profiles: named keys, each with hosts of its own where it needs them.

active = "work"                  # what was switched to; `default` where nothing was

[profiles.work]
key = "…"                        # or `keyring = true`, and the key is in the system's keyring

budget = "20/month"              # what its calls may cost

[profiles.work.hosts]
queue = "https://queue.example"  # what is not here is the service's own
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from fal_cli.config import paths, toml
from fal_cli.errors import UsageError

DEFAULT = "default"
_NAME = re.compile(r"\w[\w.@+-]{0,63}")
_KEY = re.compile(r"[A-Za-z0-9._-]+:(?!//)[!-~]+")
_LONGEST_KEY = 1024
_SHOWN_OF_ID = 8
_NONE: Mapping[str, str] = MappingProxyType({})


class Profile(NamedTuple):
    """A named key and the hosts that it is for. `key` is "" where there is none, or where the keyring has it.

    `key_id` is the beginning of the key's own id, as people know it; it is not a secret. `budget` is what its calls
    may cost, such as `20/month`.
    """

    name: str
    key: str = ""
    in_keyring: bool = False
    key_id: str = ""
    hosts: Mapping[str, str] = _NONE
    budget: str = ""

    def __repr__(self) -> str:
        return f"Profile(name={self.name!r}, key_id={self.key_id!r})"

    @property
    def has_key(self) -> bool:
        return self.in_keyring or bool(self.key)


class Profiles(NamedTuple):
    """All profiles, and which one was switched to ("" where none was)."""

    path: Path
    chosen: str
    by_name: Mapping[str, Profile]
    is_exposed: bool

    @property
    def active(self) -> str:
        return self.chosen or DEFAULT

    def get(self, name: str) -> Profile:
        """The profile of that name; one without anything in it if there is none."""
        return self.by_name.get(name) or Profile(name)

    def keyring_entry(self, name: str) -> str:
        """What the key of a profile is called in the keyring, which all homes of this user share."""
        return f"{name} ({os.path.realpath(self.path)})"


def path_of(env: Mapping[str, str], *, in_sandbox: bool = False) -> Path:
    """The file that holds the profiles. A sandbox has its own, so that no play touches a real key."""
    return Path(paths.profiles(env, in_sandbox=in_sandbox))


def read(path: Path) -> Profiles:
    """What the file says; no profiles if there is none. Raises `UsageError` for what it cannot mean."""
    contents = toml.read(path)
    chosen, tables = contents.values.get("active", ""), contents.values.get("profiles", {})
    if not isinstance(chosen, str) or not isinstance(tables, dict):
        raise _misread(path, "active" if not isinstance(chosen, str) else "profiles")
    by_name = {name: _profile(path, name, table) for name, table in tables.items()}
    return Profiles(path, chosen, by_name, contents.is_exposed)


def of(env: Mapping[str, str], *, in_sandbox: bool) -> Profiles:
    """The profiles that a command is to look at and change. Raises as `read`."""
    return read(path_of(env, in_sandbox=in_sandbox))


def named(env: Mapping[str, str], ours: Profiles, profile: str) -> str:
    """The name of the profile that a command is about: the active one unless another is named."""
    return profile or env.get("FAL_PROFILE") or ours.active


def short_id(key: str) -> str:
    """The beginning of a key's id, which may be shown; "" for a key that does not say where its id ends."""
    key_id, colon, _ = key.partition(":")
    return key_id[:_SHOWN_OF_ID] if colon else ""


def checked_name(name: str) -> str:
    """Raises `UsageError` for what is not a name for a profile."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a name for a profile", hint="Use letters, digits and . _ - @ +")
    return name


def checked_key(text: str) -> str:
    """A key without the white space around it. Raises `UsageError`, which does not show it, for what cannot be one."""
    key = text.strip()
    if not key:
        raise UsageError("no key was given")
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise UsageError(
            "this is not a key: a key looks like id:secret", hint="Copy all of it from https://fal.ai/dashboard/keys"
        )
    return key


def store_key(path: Path, name: str, key: str, *, in_keyring: bool) -> None:
    """Gives a profile its key, made if need be; the first one of all becomes the active one.

    With `in_keyring` no more of the key than the beginning of its id is written. Raises `CliError`.
    """
    with toml.changing(path) as values:
        tables = values.setdefault("profiles", {})
        if name != DEFAULT and not values.get("active") and not _profile(path, DEFAULT, tables.get(DEFAULT)).has_key:
            values["active"] = name
        table = tables.setdefault(name, {})
        _drop_key(table)
        table.update({"keyring": True, "key_id": short_id(key)} if in_keyring else {"key": key})


def forget_key(path: Path, name: str) -> None:
    """Takes the key of a profile away; a profile with nothing else in it goes too. Raises `CliError`."""
    with toml.changing(path) as values:
        tables = values.get("profiles", {})
        _drop_key(tables.get(name, {}))
        if not tables.get(name):
            tables.pop(name, None)
        if values.get("active") == name:
            del values["active"]


def switch(path: Path, name: str) -> None:
    """Makes a profile the active one; "" leaves it to `default`. Raises `CliError`."""
    with toml.changing(path) as values:
        values.pop("active", None)
        if name:
            values["active"] = name


def set_budget(path: Path, name: str, text: str) -> None:
    """Gives a profile a budget; "" takes it away. Raises `CliError`."""
    with toml.changing(path) as values:
        tables = values.setdefault("profiles", {})
        table = tables.setdefault(name, {})
        table.pop("budget", None)
        if text:
            table["budget"] = text
        if not table:
            del tables[name]
        if not tables:
            del values["profiles"]


def set_host(path: Path, name: str, service: str, url: str) -> None:
    """Gives a profile a host of its own; "" takes it away. Raises `CliError`."""
    with toml.changing(path) as values:
        hosts = values.setdefault("profiles", {}).setdefault(name, {}).setdefault("hosts", {})
        hosts.pop(service, None)
        if url:
            hosts[service] = url
        for table, key in ((values["profiles"][name], "hosts"), (values["profiles"], name), (values, "profiles")):
            if not table[key]:
                del table[key]


def _profile(path: Path, name: str, table: Any) -> Profile:
    table = {} if table is None else table
    if not isinstance(table, dict):
        raise _misread(path, f"profiles.{name}")
    key, key_id, in_keyring = table.get("key", ""), table.get("key_id", ""), table.get("keyring", False)
    hosts, budget = table.get("hosts", {}), table.get("budget", "")
    for place, value, kind in (
        ("key", key, str),
        ("key_id", key_id, str),
        ("keyring", in_keyring, bool),
        ("budget", budget, str),
    ):
        if not isinstance(value, kind):
            raise _misread(path, f"profiles.{name}.{place}")
    if not isinstance(hosts, dict) or not all(isinstance(url, str) for url in hosts.values()):
        raise _misread(path, f"profiles.{name}.hosts")
    key = "" if in_keyring else key.strip()
    return Profile(name, key, in_keyring, key_id if in_keyring else short_id(key), hosts, budget)


def _drop_key(table: dict[str, Any]) -> None:
    for name in ("key", "keyring", "key_id"):
        table.pop(name, None)


def _misread(path: Path, place: str) -> UsageError:
    return UsageError(f"{path}: {place} is not valid", hint="Fix the file, or move it away.")
