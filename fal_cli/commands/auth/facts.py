"""Facts about the keys here, without secrets: all profiles, and the account behind the key in use."""

from collections.abc import Mapping
from typing import Any

from fal_cli.auth import profiles, vendor
from fal_cli.auth.profiles import Profile, Profiles
from fal_cli.context import Context
from fal_cli.errors import CliError, Retold, report
from fal_cli.jsontext import Number

Facts = Mapping[str, Any]


def profiles_facts(context: Context) -> list[Facts]:
    """Our profiles and those of fal.ai's own CLI, each as the JSON of `fal auth list`. Raises `UsageError`."""
    ours = profiles.of(context.env, in_sandbox=context.in_sandbox)
    theirs = {} if context.in_sandbox else _vendors(context)
    active = _active(context, ours)
    found = [_facts(profile, active, _place(profile)) for profile in ours.by_name.values()]
    for name, key in theirs.items():
        if not ours.get(name).has_key:
            found = [facts for facts in found if facts["profile"] != name]
            borrowed = Profile(name, key, key_id=profiles.short_id(key), hosts=ours.get(name).hosts)
            found.append(_facts(borrowed, active, "vendor" if key else None))
    return found


def account_facts(context: Context) -> Facts:
    """The account whose key calls use, as the JSON of `fal auth status`.

    Raises `CliError` where the service refuses the key or cannot be reached, `NoCredentials`.
    """
    from fal_cli.api import account as api
    from fal_cli.api.deadline import Deadline
    from fal_cli.api.errors import ApiError
    from fal_cli.commands.auth.keys import PATIENCE_SECONDS

    credential = context.accounts.own.credential
    try:
        billing = api.billing(context.wire(), Deadline(PATIENCE_SECONDS))
    except ApiError as error:
        told = report(error)
        raise Retold(told, hint=f"The key is from {credential.source}.") from None
    scheme, _, key = credential.authorization.partition(" ")
    return {
        "account": billing.username or None if billing else None,
        "balance": Number.of(f"{billing.balance}") if billing and billing.balance is not None else None,
        "currency": billing.currency or None if billing else None,
        "lock": _lock(context),
        "source": credential.source,
        "profile": credential.profile or None,
        "key_id": (profiles.short_id(key) if scheme == "Key" else "") or None,
        "hosts": context.accounts.hosts._asdict(),
    }


def _lock(context: Context) -> str | None:
    """The lock on the account, `none`, or None if it is not visible."""
    from fal_cli.api import account as api
    from fal_cli.api.deadline import Deadline
    from fal_cli.api.errors import ApiError
    from fal_cli.commands.auth.keys import PATIENCE_SECONDS

    try:
        return api.lock(context.wire(), Deadline(PATIENCE_SECONDS)) or "none"
    except ApiError:
        return None


def _facts(profile: Profile, active: str, source: str | None) -> Facts:
    return {
        "profile": profile.name,
        "active": profile.name == active,
        "source": source,
        "key_id": profile.key_id or None,
        "hosts": dict(profile.hosts),
    }


def _place(profile: Profile) -> str | None:
    if profile.in_keyring:
        return "keyring"
    return "file" if profile.key else None


def _active(context: Context, ours: Profiles) -> str:
    """The profile used by default: ours, or the active one of fal.ai's own CLI if we have none."""
    if ours.chosen or ours.get(ours.active).has_key or context.in_sandbox:
        return ours.active
    try:
        return vendor.active(context.env)
    except CliError:
        return ours.active


def _vendors(context: Context) -> Mapping[str, str]:
    try:
        return vendor.keys(context.env)
    except CliError as error:
        context.talk.warn(error.message)
        return {}
