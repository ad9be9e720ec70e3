"""Whose key and hosts calls use, each found once: of the flags, the environment, the profiles, or a private sandbox."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from fal_cli.auth.credentials import Credential
from fal_cli.errors import CliError, NoCredentials, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from fal_cli.api.hosts import Hosts
    from fal_cli.api.redaction import Secrets
    from fal_cli.auth.credentials import Source
    from fal_cli.sandbox.server import Sandbox

Tell = Callable[[str], None]


class Account(NamedTuple):
    """A credential and the hosts that it goes to."""

    hosts: "Hosts"
    credential: Credential


class Accounts:
    """The account that calls are made with (`own`), and those of other profiles.

    In a private sandbox there is only its own. `warn` hears of danger, `tell` of choices, if they are wanted.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        profile: str,
        secrets: "Secrets",
        *,
        in_sandbox: bool,
        warn: Tell,
        tell: Tell | None,
    ) -> None:
        self._env = env
        self._profile = profile
        self._secrets = secrets
        self._in_sandbox = in_sandbox
        self._warn = warn
        self._tell = tell
        self._sources: dict[str, Source] = {}
        self._credentials: dict[str, Credential] = {}

    def use(self, account: Account) -> None:
        """Makes calls as this account from here on. Comes before any is made."""
        self.own, self.hosts, self.credential = account, account.hosts, account.credential

    @cached_property
    def own(self) -> Account:
        """Whose calls these are. Raises `NoCredentials`, `UsageError`."""
        return Account(self.hosts, self.credential)

    @cached_property
    def hosts(self) -> "Hosts":
        """The hosts to call: the environment's, the profile's, or those of a private sandbox. Raises `UsageError`."""
        return self._hosts_of_sandbox() if self._in_sandbox else self.hosts_of(self._profile)

    @cached_property
    def credential(self) -> "Credential":
        """The key to call with. Raises `NoCredentials`."""
        return self._credential(self._profile)

    @property
    def costs_nothing(self) -> bool:
        """Whether calls go to a sandbox, private or served."""
        if self._in_sandbox:
            return True
        try:
            return self.credential.is_of_the_sandbox
        except NoCredentials:
            return False

    def hosts_of(self, profile: str) -> "Hosts":
        """The hosts that a profile calls; with "" those of the key to call with. Raises `UsageError`."""
        from fal_cli.config.hosts import hosts

        return hosts(self._env, self._source(profile).hosts)

    def credential_of(self, profile: str) -> "Credential":
        """The key of the profile that made a request. Raises `NoCredentials`."""
        if profile not in self._credentials:
            self._decide(f"profile {profile}, which made the request")
            self._credentials[profile] = self._credential(profile)
        return self._credentials[profile]

    def _credential(self, profile: str) -> "Credential":
        from fal_cli.auth import credentials

        if self._in_sandbox:
            from fal_cli.sandbox.state import keys

            try:
                key = keys.of(self._sandbox_folder).plain
            except OSError as error:
                raise CliError(f"the sandbox cannot start: {error}") from None
            return credentials.Credential(f"Key {key}", "the sandbox")
        found = self._source(profile).credential
        self._secrets.add(found.authorization)
        self._decide(f"key from {found.source}")
        return found

    def _source(self, profile: str) -> "Source":
        """Where the key of a profile is, or with "" the key to call with."""
        from fal_cli.auth import credentials

        if profile not in self._sources:
            self._sources[profile] = credentials.choose(self._env, profile, warn=self._warn, tell=self._tell)
        return self._sources[profile]

    def _decide(self, text: str) -> None:
        if self._tell:
            self._tell(text)

    def _hosts_of_sandbox(self) -> "Hosts":
        from fal_cli.api.hosts import Hosts

        addresses = self._sandbox.addresses
        return Hosts(
            run=addresses.run, queue=addresses.queue, cdn=addresses.cdn, rest=addresses.rest, api=addresses.api
        )

    @cached_property
    def _sandbox_folder(self) -> "Path":
        """Where the sandbox keeps its state: a folder for this command alone where its own cannot be made.

        Raises `CliError` if no place can store it.
        """
        import shutil
        import tempfile
        from pathlib import Path

        from fal_cli.config import paths
        from fal_cli.files import cleanup
        from fal_cli.sandbox.state import keys

        folder = paths.sandbox_folder(self._env)
        try:
            keys.of(folder)
            return folder
        except OSError as error:
            reason = error
        try:
            made = tempfile.mkdtemp(prefix="fal-sandbox-")
        except OSError:
            raise CliError(
                f"the sandbox cannot start: {reason}", hint="Choose a writable folder: FAL_CLI_HOME=FOLDER"
            ) from None
        cleanup.at_end(lambda: shutil.rmtree(made, ignore_errors=True))
        self._warn(f"the sandbox cannot save its state ({reason}): it is lost when this command ends")
        return Path(made)

    @cached_property
    def _sandbox(self) -> "Sandbox":
        """A private sandbox for the life of this command. Raises `UsageError`, `CliError`."""
        from fal_cli.extras import sandbox_extra

        with sandbox_extra():
            from fal_cli.sandbox.orders.settings import SettingError
            from fal_cli.sandbox.server import Sandbox

            faults = self._env.get("FAL_SANDBOX_FAULT", "").split()
            settings = self._env.get("FAL_SANDBOX_SETTINGS", "").split()
            try:
                sandbox = Sandbox(self._sandbox_folder, faults=faults, settings=settings)
            except SettingError as error:
                raise UsageError(f"FAL_SANDBOX_SETTINGS: {error}") from None
            except ValueError as error:
                raise UsageError(f"FAL_SANDBOX_FAULT: {error}") from None
            except OSError as error:
                raise CliError(f"the sandbox cannot start: {error}") from None
            sandbox.start()
        return sandbox
