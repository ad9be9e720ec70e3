"""Everything a command takes from its surroundings, in one object that a test can fill differently."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from fal_cli.errors import CliError, NoCredentials, UsageError
from fal_cli.extras import sandbox_extra
from fal_cli.options import GlobalFlags
from fal_cli.terminal.hyperlinks import are_known
from fal_cli.terminal.output import Output
from fal_cli.terminal.streams import Streams
from fal_cli.terminal.talk import Talk

if TYPE_CHECKING:
    from pathlib import Path

    from fal_cli.api.events import Event
    from fal_cli.api.hosts import Hosts
    from fal_cli.api.wire import Wire
    from fal_cli.auth.account import Account
    from fal_cli.auth.credentials import Credential, Source
    from fal_cli.inputs.stdin import Stdin
    from fal_cli.ledger.journal import Journal
    from fal_cli.sandbox.server import Sandbox
    from fal_cli.terminal.progress.base import Display, View
    from fal_cli.terminal.progress.transfer import Transfer

Stake = Callable[[], tuple[str, ...]]


class Context:
    """One run of the program: streams, environment, flags, and what is made of them on demand.

    `stake` is called when an interruption comes: it does what is to be done about a request that lives on,
    and answers the lines that tell what is left behind. `accepted_id` is the request that is paid for, `lost`
    names in the ledger the call whose answer was lost.
    """

    def __init__(
        self, streams: Streams, env: Mapping[str, str], program: str = "fal", flags: GlobalFlags | None = None
    ) -> None:
        self.streams = streams
        self.env = env
        self.program = program
        self.flags = flags or GlobalFlags()
        self.stake: Stake = tuple
        self.accepted_id = ""
        self.lost = ""
        self._secrets: list[str] = []
        self._by_profile: dict[str, Credential] = {}
        self._sources: dict[str, Source] = {}

    def add_flags(self, flags: GlobalFlags) -> None:
        """Adds the flags of one side of the verb. Comes before anything is made of them."""
        self.flags = self.flags.merged(flags)

    def use(self, account: "Account") -> None:
        """Makes calls as this account from here on. Comes before any is made."""
        self.__dict__.update(account=account, hosts=account.hosts, credential=account.credential)

    def hide(self, text: str) -> str:
        """`text` without any secret that this run knows of."""
        from fal_cli.api.redaction import redacted

        known = [self.env.get("FAL_KEY", ""), self.env.get("FAL_KEY_SECRET", "")]
        for secret in filter(None, [*known, *self._secrets]):
            text = redacted(text, secret)
        return text

    @property
    def in_sandbox(self) -> bool:
        return self.flags.sandbox or self.env.get("FAL_SANDBOX", "") not in ("", "0")

    @property
    def tool(self) -> str:
        """How to call this program again under the same conditions: `fal`, `fal --sandbox`, …"""
        words = [self.program]
        if self.flags.sandbox:
            words.append("--sandbox")
        if self.flags.profile:
            words += ["--profile", self.flags.profile]
        return " ".join(words)

    @cached_property
    def talk(self) -> Talk:
        level = -1 if self.flags.quiet else self.flags.verbose
        color = self._color(self.streams.stderr_is_terminal)
        return Talk(self.streams.stderr, level=level, machine=self.flags.json, color=color, hide=self.hide)

    @cached_property
    def output(self) -> Output:
        is_terminal = self.streams.stdout_is_terminal and not self.flags.json
        color = self._color(is_terminal)
        return Output(self.streams.stdout, is_terminal=is_terminal, color=color, links=color and are_known(self.env))

    @cached_property
    def stdin(self) -> "Stdin":
        from fal_cli.inputs.stdin import Stdin

        return Stdin(self.streams.stdin, is_terminal=self.streams.stdin_is_terminal, say=self.talk.note)

    @cached_property
    def hosts(self) -> "Hosts":
        """The hosts to call: the environment's, the profile's, or those of a private sandbox. Raises `UsageError`."""
        from fal_cli.api.hosts import Hosts

        if self.in_sandbox:
            addresses = self._sandbox.addresses
            return Hosts(
                run=addresses.run, queue=addresses.queue, cdn=addresses.cdn, rest=addresses.rest, api=addresses.api
            )
        return self.hosts_of(self.flags.profile)

    def hosts_of(self, profile: str) -> "Hosts":
        """The hosts that a profile calls; with "" those of the key to call with. Raises `UsageError`."""
        from fal_cli.config.hosts import hosts

        return hosts(self.env, self._source(profile).hosts)

    @cached_property
    def credential(self) -> "Credential":
        """The key to call with. Raises `NoCredentials`."""
        return self._credential(self.flags.profile)

    @cached_property
    def account(self) -> "Account":
        """Whose calls these are. Raises `NoCredentials`, `UsageError`."""
        from fal_cli.auth.account import Account

        return Account(self.hosts, self.credential)

    def wire(self, view: "View | None" = None, *, local: bool = False, account: "Account | None" = None) -> "Wire":
        """A request layer with an account's hosts and key, which tells `view` (or stderr) of its retries.

        Without `account` it is this context's own. With `local` it is for an app on this machine, which gets no key.
        """
        from fal_cli.api.hosts import Hosts
        from fal_cli.api.wire import Wire

        if not local:
            account = account or self.account
        return Wire(
            account.hosts if account else Hosts(),
            account.credential.authorization if account else "",
            notify=view.show if view else self._tell_trouble,
            tracer=self.talk.exchange if self.talk.level >= 2 else None,
        )

    @cached_property
    def journal(self) -> "Journal":
        """The ledger, behind a guard that never stops a call."""
        from fal_cli.ledger.journal import Journal

        return Journal(self.ledger_path, warn=self.talk.warn, hide=self.hide)

    @property
    def ledger_path(self) -> "Path":
        """Where calls are remembered; those to a sandbox, private or served, apart. Raises as `credential`."""
        from fal_cli.config import paths

        folder = paths.sandbox_folder(self.env) if self._costs_nothing else paths.state_folder(self.env)
        return folder / "ledger.db"

    def view(self, endpoint: str, *, logs: bool = False) -> "View":
        """The display of one followed request."""
        from fal_cli.terminal.progress.base import View

        return View(self.display(of_one=True, logs=logs), endpoint)

    def display(self, *, of_one: bool = False, logs: bool = False) -> "Display":
        """The display of followed requests."""
        from fal_cli.terminal.progress.open import open_display

        return open_display(
            self.talk,
            is_terminal=self.streams.stderr_is_terminal and self.env.get("TERM") != "dumb",
            color=self._color(self.streams.stderr_is_terminal),
            of_one=of_one,
            logs=logs,
        )

    def transfer(self, verb: str, name: str, total: int | None) -> "Transfer":
        """The display of one file on its way."""
        from fal_cli.terminal.progress.transfer import open_transfer

        is_terminal = self.streams.stderr_is_terminal and self.env.get("TERM") != "dumb"
        color = self._color(self.streams.stderr_is_terminal)
        return open_transfer(self.talk, verb, name, total, is_terminal=is_terminal, color=color)

    @cached_property
    def _sandbox(self) -> "Sandbox":
        from fal_cli.config import paths

        with sandbox_extra():
            from fal_cli.sandbox.server import Sandbox

            faults = self.env.get("FAL_SANDBOX_FAULT", "").split()
            try:
                sandbox = Sandbox(paths.sandbox_folder(self.env), faults=faults)
            except ValueError as error:
                raise UsageError(f"FAL_SANDBOX_FAULT: {error}") from None
            except OSError as error:
                raise CliError(f"the sandbox cannot start: {error}") from None
            sandbox.start()
        return sandbox

    @property
    def _costs_nothing(self) -> bool:
        if self.in_sandbox:
            return True
        try:
            return self.credential.is_of_the_sandbox
        except NoCredentials:
            return False

    def _credential(self, profile: str) -> "Credential":
        from fal_cli.auth import credentials

        if self.in_sandbox:
            with sandbox_extra():
                from fal_cli.sandbox.intake.auth import SANDBOX_KEY
            return credentials.Credential(f"Key {SANDBOX_KEY}", "the sandbox")
        found = self._source(profile).credential
        self._secrets.append(found.authorization)
        self.talk.decision(f"key from {found.source}")
        return found

    def _source(self, profile: str) -> "Source":
        """Where the key of a profile is, or with "" the key to call with; looked up once."""
        from fal_cli.auth import credentials

        if profile not in self._sources:
            tell = self.talk.decision if self.talk.level >= 1 else None
            self._sources[profile] = credentials.choose(self.env, profile, warn=self.talk.warn, tell=tell)
        return self._sources[profile]

    def credential_of(self, profile: str) -> "Credential":
        """The key of the profile that made a request; looked up once."""
        if profile not in self._by_profile:
            self.talk.decision(f"profile {profile}, which made the request")
            self._by_profile[profile] = self._credential(profile)
        return self._by_profile[profile]

    def _tell_trouble(self, event: "Event") -> None:
        from fal_cli.terminal.progress.base import trouble

        self.talk.note(trouble(event))

    def _color(self, is_terminal: bool) -> bool:
        unwanted = self.flags.no_color or self.env.get("NO_COLOR") or self.env.get("TERM") == "dumb"
        return is_terminal and not unwanted
