"""`fal auth`: the key that calls use."""

from typing import Annotated

import typer

from fal_cli.context import Context

EXAMPLES = """\
  fal auth login                                      # prompts for the key
  fal auth login --profile work --with-key < key.txt
  fal auth list
  fal auth switch work
  fal auth status --json | jq -r .balance
  fal auth logout --profile work"""


def login(
    context: Context,
    with_key: Annotated[bool, typer.Option("--with-key", help="Read the key from stdin: one line.")] = False,
    keyring: Annotated[
        bool | None,
        typer.Option(
            "--keyring/--no-keyring",
            show_default=False,
            help="Store it in the system's keyring, or in a file (default: where it was, else a file).",
        ),
    ] = None,
    no_check: Annotated[bool, typer.Option("--no-check", help="Store it without asking the service.")] = False,
) -> None:
    """Check a key and store it for later calls.

    Prompts for your key without echoing it, checks it, and stores it in a file only you can read. It becomes the key of
    the active profile ('default' at first) or of --profile NAME. FAL_KEY in the environment overrides all of them.
    """
    from fal_cli.auth import keyring as keychain
    from fal_cli.auth import profiles
    from fal_cli.auth.accounts import Account
    from fal_cli.auth.credentials import Credential
    from fal_cli.commands.auth import keys
    from fal_cli.config.hosts import hosts as hosts_of

    context.standing.leave = keys.nothing_stored
    ours = profiles.of(context.env, in_sandbox=context.in_sandbox)
    name = profiles.checked_name(profiles.named(context.env, ours, context.flags.profile))
    in_keyring = ours.get(name).in_keyring if keyring is None else keyring
    if in_keyring:
        keychain.require()
    hosts = context.accounts.hosts if context.in_sandbox else hosts_of(context.env, ours.get(name).hosts)
    key = keys.piped_key(context) if with_key else keys.typed_key(context, name)
    if not no_check:
        keys.check(context, Account(hosts, Credential(f"Key {key}", "auth login", name)))
    keys.keep(context, ours, name, key, in_keyring=in_keyring)
    _print(context, name, has_key=True)
    keys.tell_what_wins(context, name)


def logout(context: Context) -> None:
    """Delete the stored key of the active profile, or of --profile NAME.

    The profile's hosts stay. Says which key calls use now, if there is one.
    """
    from fal_cli.auth import profiles
    from fal_cli.commands.auth import keys
    from fal_cli.errors import UsageError

    ours = profiles.of(context.env, in_sandbox=context.in_sandbox)
    name = profiles.named(context.env, ours, context.flags.profile)
    if not ours.get(name).has_key:
        stored = ", ".join(profile.name for profile in ours.by_name.values() if profile.has_key) or "none"
        raise UsageError(
            f"no key is stored for profile {name!r} (stored: {stored})",
            hint="fal does not remove keys in the environment or in the files of fal.ai's own CLI.",
        )
    keys.forget(context, ours, name)
    _print(context, name, has_key=False)
    keys.tell_what_is_left(context)


def list_(context: Context) -> None:
    """List the profiles, and those of fal.ai's own CLI.

    A table on a terminal, one JSON object a line in a pipe. Of a key only the beginning of its id is shown.
    """
    from fal_cli.auth import credentials
    from fal_cli.commands.auth import facts as whose
    from fal_cli.commands.auth.table import COLUMNS

    if not context.output.rows(COLUMNS, whose.profiles_facts(context), dict):
        context.talk.note("no profile yet; make one: fal auth login")
    variable = credentials.named_by_environment(context.env)
    if variable and not context.in_sandbox:
        context.talk.note(f"{variable} is set and overrides the active profile")


def status(context: Context) -> None:
    """Show the key that calls use: its account, balance, whether it is locked, and where the key comes from.

    Account and balance are shown to keys of the ADMIN scope. In a pipe it is a JSON object.
    """
    from fal_cli.api.hosts import Hosts
    from fal_cli.commands.auth import facts as whose
    from fal_cli.commands.auth.table import sheet

    facts = whose.account_facts(context)
    context.output.record(lambda: facts, lambda screen: sheet(facts, Hosts()._asdict(), screen))


def switch(
    context: Context,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="A profile of 'fal auth list'.")],
) -> None:
    """Make a profile the active one. Calls then use its key and hosts."""
    from fal_cli.auth import credentials, profiles
    from fal_cli.commands.auth import keys

    credentials.switch_to(context.env, profiles.of(context.env, in_sandbox=context.in_sandbox), name)
    context.talk.note(f"the active profile is {name}")
    _print(context, name, has_key=True)
    keys.tell_what_wins(context, name)


def _print(context: Context, name: str, *, has_key: bool) -> None:
    """What became of a profile, for a program."""
    if context.output.machine:
        context.output.json({"profile": name, "has_key": has_key})


SUBVERBS = {"login": login, "status": status, "list": list_, "switch": switch, "logout": logout}
