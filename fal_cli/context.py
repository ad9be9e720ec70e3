"""One run of the program, in one object that a test can replace parts of.

It holds what was typed around the verb (`flags`) and what surrounds the process (`streams`, `env`). Of both it makes,
when first asked, what commands work with: `terminal` shows, `accounts` knows whose key and hosts calls use, `journal`
remembers, `wire` is the request layer. Flows tell `notify` what a person should know, and leave in `standing` what is
to be said if they are interrupted or fail.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fal_cli.api.redaction import Secrets
from fal_cli.options import GlobalFlags
from fal_cli.terminal.terminal import Streams, Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from fal_cli.api.events import Event
    from fal_cli.api.wire import Wire
    from fal_cli.auth.accounts import Account, Accounts
    from fal_cli.config.project import Project
    from fal_cli.errors import Report
    from fal_cli.inputs.reach import Reach
    from fal_cli.inputs.stdin import Stdin
    from fal_cli.ledger.journal import Journal
    from fal_cli.terminal.output import Output
    from fal_cli.terminal.progress.base import View
    from fal_cli.terminal.talk import Talk

Leave = Callable[[], tuple[str, ...]]


class Notify(Protocol):
    """Takes messages for a person. `terminal.talk` is one; a batch has its own for each row."""

    def note(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...
    def essential(self, text: str, **facts: Any) -> None: ...
    def decision(self, text: str) -> None: ...
    def error(self, report: "Report") -> None: ...


class Standing:
    """What a command has running at the service right now.

    `leave` is called when an interruption comes: it does what is to be done about a request that lives on, and
    answers the lines that tell what is left behind. `accepted_id` is the request that is paid for, `lost` names in
    the ledger the call whose answer was lost, `going_on` the requests that live on after an interruption; `is_spent`
    says that something was sent of which nothing can be taken up. `asked` are the words of this command line that say
    what becomes of the result, so that another command can go on where this one ends.
    `goes_on` are the words of the command that goes on with all of it, where that is one of its own.
    """

    def __init__(self) -> None:
        self.leave: Leave = tuple
        self.accepted_id = ""
        self.lost = ""
        self.asked: tuple[str, ...] = ()
        self.going_on: tuple[str, ...] = ()
        self.goes_on: tuple[str, ...] = ()
        self.is_spent = False


class Context:
    """One run of the program: see above."""

    def __init__(
        self, streams: Streams, env: Mapping[str, str], program: str = "fal", flags: GlobalFlags | None = None
    ) -> None:
        self.streams = streams
        self.env = env
        self.program = program
        self.flags = flags or GlobalFlags()
        self.secrets = Secrets(env)
        self.standing = Standing()

    def add_flags(self, flags: GlobalFlags) -> None:
        """Adds the flags of one side of the verb. Call it before anything reads them."""
        self.flags = self.flags.merged(flags)

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

    def command(self, verb: str, ref: str) -> str:
        """A command line that goes on with a request, to what was asked for: `fal resume ID -o cat.png`."""
        return f"{self.tool} {verb} {ref}{self.asked}"

    @property
    def asked(self) -> str:
        """The words that say what becomes of the result, as a shell reads them after others."""
        import shlex

        return "".join(f" {shlex.quote(word)}" for word in self.standing.asked)

    @cached_property
    def terminal(self) -> Terminal:
        return Terminal(self.streams, self.env, self.flags, self.program, self.secrets.hide)

    @property
    def talk(self) -> "Talk":
        """stderr."""
        return self.terminal.talk

    @property
    def output(self) -> "Output":
        """stdout."""
        return self.terminal.output

    @property
    def notify(self) -> Notify:
        """Takes the messages of flows."""
        return self.terminal.talk

    @cached_property
    def stdin(self) -> "Stdin":
        from fal_cli.inputs.stdin import Stdin

        return Stdin(
            self.streams.stdin,
            is_terminal=self.streams.stdin_is_terminal,
            say=self.notify.note,
            is_watched=self.streams.stderr_is_terminal,
        )

    @cached_property
    def reach(self) -> "Reach":
        """Which files inputs may name. Raises `UsageError` if the folder is not a folder."""
        from fal_cli.inputs.reach import reach

        is_literal = self.flags.literal or self.env.get("FAL_LITERAL", "") not in ("", "0")
        return reach(self.flags.files_ or self.env.get("FAL_FILES", ""), is_literal=is_literal)

    @cached_property
    def accounts(self) -> "Accounts":
        from fal_cli.auth.accounts import Accounts

        tell = self.talk.decision if self.talk.level >= 1 else None
        return Accounts(
            self.env,
            self.flags.profile,
            self.secrets,
            in_sandbox=self.in_sandbox,
            warn=self.notify.warn,
            tell=tell,
        )

    @cached_property
    def journal(self) -> "Journal":
        """The ledger, behind a guard: its failures never stop a call."""
        from fal_cli.ledger.journal import Journal

        return Journal(
            self.ledger_path,
            warn=self.notify.warn,
            alarm=lambda text: self.notify.essential(f"warning: {text}"),
            hide=self.secrets.hide,
            is_required=self.flags.require_ledger or self.env.get("FAL_REQUIRE_LEDGER", "") not in ("", "0"),
        )

    @property
    def ledger_path(self) -> "Path":
        """The ledger's file. Calls to a sandbox, private or served, have their own. Raises `UsageError`."""
        from pathlib import Path

        from fal_cli.config import paths

        return Path(paths.ledger(self.env, in_sandbox=self.accounts.costs_nothing))

    @cached_property
    def project(self) -> "Project | None":
        """What the `fal.toml` of this folder, or of one above, says. Raises `UsageError` for what it may not hold."""
        from fal_cli.config import paths

        path = paths.project(self.env)
        if not path:
            return None
        from fal_cli.config import project

        return project.read(Path(path))

    def wire(self, view: "View | None" = None, *, local: bool = False, account: "Account | None" = None) -> "Wire":
        """A request layer with an account's hosts and key, which tells `view` (or `notify`) of its retries.

        Without `account` it is this context's own. With `local` it is for an app on this machine, which gets no key.
        """
        from fal_cli.api.hosts import Hosts
        from fal_cli.api.wire import Wire

        if not local:
            account = account or self.accounts.own
        return Wire(
            account.hosts if account else Hosts(),
            account.credential.authorization if account else "",
            notify=view.show if view else self._tell_trouble,
            tracer=self.talk.exchange if self.talk.level >= 2 else None,
        )

    def reading_wire(self, account: "Account | None" = None, *, maker: str = "") -> "Wire":
        """A request layer for what needs no key: with one if there is one, as a restricted file does need it.

        `maker` is the endpoint or local app whose files are read: those of an app on this machine may be here too.
        """
        from fal_cli.api.hosts import Hosts
        from fal_cli.auth.accounts import Account
        from fal_cli.auth.credentials import Credential
        from fal_cli.errors import NoCredentials

        if "://" in maker:
            return self.wire(account=Account(Hosts(run=maker), Credential("", "nowhere")))
        try:
            return self.wire(account=account)
        except NoCredentials:
            return self.wire(account=Account(self.accounts.hosts, Credential("", "nowhere")))

    def _tell_trouble(self, event: "Event") -> None:
        from fal_cli.terminal.progress.base import trouble

        self.notify.note(trouble(event))
