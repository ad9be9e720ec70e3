"""Logging in: prompts for a key or reads it from a pipe, checks it at the service, and stores it."""

from fal_cli.api import account as api
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import NotReached, Refused
from fal_cli.auth import credentials, keyring, profiles
from fal_cli.auth.accounts import Account
from fal_cli.auth.profiles import Profiles
from fal_cli.context import Context
from fal_cli.errors import CliError, Exit, Report, Retold, UsageError, report
from fal_cli.signals import Interrupted

PATIENCE_SECONDS = 10.0
_KEYS_PAGE = "https://fal.ai/dashboard/keys"
_NOTHING_STORED = "Nothing was stored."


def typed_key(context: Context, name: str) -> str:
    """The key, typed without echo. Raises `UsageError` without a terminal, or if it is not a key."""
    import getpass
    import warnings

    if not context.streams.stdin_is_terminal:
        raise UsageError(
            "no terminal to prompt for the key",
            hint=f"Pass it on stdin: {context.tool} auth login --with-key < FILE",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # it would go on, for all to see
            key = getpass.getpass(f"Key for profile {name} (from {_KEYS_PAGE}, not shown): ")
    except Interrupted:
        context.streams.stderr.write("\n")  # the next message starts on its own line
        raise
    except (getpass.GetPassWarning, OSError):
        raise UsageError("this terminal would show the key", hint="Pass it on stdin: --with-key") from None
    except (EOFError, UnicodeError):
        key = ""
    return profiles.checked_key(key)


def piped_key(context: Context) -> str:
    """The key as the first line of stdin. Raises `UsageError`."""
    from fal_cli.inputs.documents import text

    if context.streams.stdin_is_terminal:
        raise UsageError(
            "--with-key reads the key from a pipe or a file", hint="Leave it out, and fal prompts for the key."
        )
    lines, found = context.stdin.lines("--with-key"), list[bytes]()
    while not (found or lines.is_over):
        found = lines.take()
    return profiles.checked_key(text(found[0] if found else b"", "stdin"))


def check(context: Context, account: Account) -> None:
    """Checks the key at the service. Raises `CliError` if it is refused, or cannot be checked."""
    try:
        api.check_key(context.wire(account=account), Deadline(PATIENCE_SECONDS))
    except Refused as error:
        told = report(error)
        if error.status == 403 and told.code == Exit.LIMITED:
            context.talk.warn(told.message)  # the key is valid; the account needs a top-up
            return
        raise _not_stored(told, f"Keys are made at {_KEYS_PAGE}" if told.code == Exit.CREDENTIALS else "") from None
    except NotReached as error:
        raise _not_stored(report(error), "To store it unchecked: --no-check") from None


def keep(context: Context, ours: Profiles, name: str, key: str, *, in_keyring: bool) -> None:
    """Stores the key of a profile and says where. Raises `CliError`."""
    entry, was_in_keyring = ours.keyring_entry(name), ours.get(name).in_keyring
    if in_keyring:
        keyring.write(entry, key)
    profiles.store_key(ours.path, name, key, in_keyring=in_keyring)
    place = "the system keyring" if in_keyring else str(ours.path)
    context.talk.note(f"profile {name}: the key {profiles.short_id(key)}… is stored in {place}")
    if was_in_keyring and not in_keyring:
        try:
            keyring.remove(entry)
        except CliError as error:
            context.talk.warn(f"the old key is still in the keyring: {error.message}")


def forget(context: Context, ours: Profiles, name: str) -> None:
    """Deletes the key of a profile. Raises `CliError`; if the keyring fails, the profile stays as it was."""
    if ours.get(name).in_keyring:
        keyring.remove(ours.keyring_entry(name))
    profiles.forget_key(ours.path, name)
    context.talk.note(f"profile {name}: its key is deleted here; to revoke it: {_KEYS_PAGE}")


def nothing_stored() -> tuple[str, ...]:
    """What an interruption leaves behind."""
    return (_NOTHING_STORED,)


def tell_what_wins(context: Context, name: str) -> None:
    """Says which key calls use, if it is not this profile's."""
    variable = credentials.named_by_environment(context.env)
    active = profiles.of(context.env, in_sandbox=context.in_sandbox).active
    if context.in_sandbox or (variable == "FAL_PROFILE" and context.env["FAL_PROFILE"] == name):
        return
    if variable:
        context.talk.note(f"{variable} is set and overrides it: calls use it unless you pass --profile {name}")
    elif active != name:
        context.talk.note(f"the active profile is {active}; to use this one: fal auth switch {name}")


def tell_what_is_left(context: Context) -> None:
    """Says which key calls use now that one is deleted."""
    if context.in_sandbox:
        return
    try:
        context.talk.note(f"calls now use the key from {credentials.find(context.env).source}")
    except CliError as error:
        context.talk.note(error.message)


def _not_stored(told: Report, way_out: str) -> Retold:
    return Retold(told, hint=f"{_NOTHING_STORED} {way_out}".rstrip())
