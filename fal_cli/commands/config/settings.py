"""The stored settings: the value of each now, where it comes from, and changing it.

`private` and `on_interrupt` stand in `config.toml`; `profile` (the active one), the `budget` and the `hosts.*` of a
profile stand beside its key.
"""

from collections.abc import Mapping
from typing import NamedTuple

from fal_cli.auth import credentials, profiles
from fal_cli.config import budgets, hosts, paths, settings, toml
from fal_cli.config.settings import HOSTS, NAMES
from fal_cli.context import Context
from fal_cli.errors import UsageError

_VARIABLES = {
    "private": "FAL_PRIVATE",
    "on_interrupt": "FAL_ON_INTERRUPT",
    "profile": "FAL_PROFILE",
    "budget": "",  # FAL_BUDGET does not take its place: both hold
} | {f"hosts.{service}": variable for service, variable in hosts.HOST_VARIABLES.items()}
_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Setting(NamedTuple):
    """A setting as it is now. `source` is a variable, a file, or `default`."""

    name: str
    value: str | bool
    source: str

    @property
    def text(self) -> str:
        """The value as it is typed."""
        return str(self.value).lower() if isinstance(self.value, bool) else self.value

    @property
    def facts(self) -> Mapping[str, str | bool]:
        """The JSON that `fal config list` prints."""
        return {"key": self.name, "value": self.value, "from": self.source}


def known(name: str) -> str:
    """Raises `UsageError` for an unknown setting."""
    if name not in NAMES:
        raise UsageError(f"no setting {name!r}", hint=f"Choose from: {', '.join(NAMES)}")
    return name


def look(context: Context, name: str) -> Setting:
    """A setting as it is now; a host is that of the profile. Raises `UsageError`."""
    known(name)
    env, variable = context.env, variable_set(context, name)
    ours = profiles.of(context.env, in_sandbox=context.in_sandbox)
    profile = profiles.named(context.env, ours, context.flags.profile)
    if name == "private":
        return _setting(name, settings.is_private(env), variable, paths.config_path(env), settings.kept_private(env))
    if name == "on_interrupt":
        kept = settings.kept_on_interrupt(env)
        return _setting(name, settings.on_interrupt(env), variable, paths.config_path(env), kept)
    if name == "profile":
        return _setting(name, profile, variable, ours.path, ours.chosen or None)
    if name == "budget":
        own_budget = ours.get(profile).budget
        return _setting(name, own_budget, variable, ours.path, own_budget or None)
    own = ours.get(profile).hosts
    service = name.removeprefix("hosts.")
    return _setting(name, getattr(hosts.hosts(env, own), service), variable, ours.path, own.get(service))


def put(context: Context, name: str, text: str) -> None:
    """Stores a setting. Raises `UsageError` for a value that it cannot have, `CliError`."""
    if known(name) == "profile":
        credentials.switch_to(context.env, profiles.of(context.env, in_sandbox=context.in_sandbox), text)
    elif name in HOSTS:
        _put_host(context, name, hosts.checked_host(text, name))
    elif name == "budget":
        _put_budget(context, str(budgets.limit(text, "budget")))
    else:
        value = _truth(text) if name == "private" else _word(text, ("detach", "cancel"))
        with toml.changing(paths.config_path(context.env)) as values:
            values[name] = value


def drop(context: Context, name: str) -> None:
    """Resets a setting to its default. Raises `CliError`."""
    if known(name) == "profile":
        profiles.switch(profiles.of(context.env, in_sandbox=context.in_sandbox).path, "")
    elif name in HOSTS:
        _put_host(context, name, "")
    elif name == "budget":
        _put_budget(context, "")
    else:
        with toml.changing(paths.config_path(context.env)) as values:
            values.pop(name, None)


def variable_set(context: Context, name: str) -> str:
    """The variable that overrides a stored setting; "" if none does."""
    variable = _VARIABLES[name]
    return variable if variable and context.env.get(variable, "").strip() else ""


def _put_host(context: Context, name: str, url: str) -> None:
    ours = profiles.of(context.env, in_sandbox=context.in_sandbox)
    profile = profiles.checked_name(profiles.named(context.env, ours, context.flags.profile))
    profiles.set_host(ours.path, profile, name.removeprefix("hosts."), url)
    if url and not ours.get(profile).has_key:
        context.talk.note(
            f"profile {profile} has no key yet; its hosts take effect when it has one: "
            f"fal auth login --profile {profile}"
        )


def _put_budget(context: Context, text: str) -> None:
    ours = profiles.of(context.env, in_sandbox=context.in_sandbox)
    profile = profiles.checked_name(profiles.named(context.env, ours, context.flags.profile))
    profiles.set_budget(ours.path, profile, text)


def _setting(name: str, value: str | bool, variable: str, path: object, kept: object) -> Setting:
    return Setting(name, value, variable or ("default" if kept is None else str(path)))


def _truth(text: str) -> bool:
    value = _TRUTHS.get(text.lower())
    if value is None:
        raise UsageError(f"{text!r} is not true or false")
    return value


def _word(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise UsageError(f"{text!r} is not one of: {', '.join(choices)}")
    return text
