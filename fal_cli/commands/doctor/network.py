"""The way to the service: proxy, certificates, each host by name lookup, connection and TLS, the clock, and the key.

All hosts are asked at once, on threads that nobody waits for: a name lookup cannot be stopped, and a network that
is away is told within `LIMIT_SECONDS`.
"""

import ssl
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

from fal_cli.api import proxies, trust
from fal_cli.api.hosts import Hosts
from fal_cli.api.reasons import NO_SOCKS
from fal_cli.auth.credentials import Credential
from fal_cli.commands.doctor.finding import Finding, ok, problem, warning
from fal_cli.commands.doctor.route import LIMIT_SECONDS, Reached, Unreachable, name_of, reach, shown_proxy
from fal_cli.concurrency import Task
from fal_cli.context import Context
from fal_cli.errors import CliError, Exit, report

_MOST_SKEW_SECONDS = 300


class Inquiry:
    """The running checks. Their findings are there by the deadline at the latest."""

    def __init__(
        self, context: Context, hosts: Hosts | None, credential: Credential | None, misconfigured: str
    ) -> None:
        self.hosts = hosts
        self._context = context
        self._misconfigured = misconfigured
        self._until = time.monotonic() + LIMIT_SECONDS
        self._trust = _certificates()
        self._tasks: dict[str, Task[Reached]] = {}
        self._account: Task[Reached] | None = None
        if hosts:
            for url in dict.fromkeys(hosts):
                self._tasks[url] = Task(partial(reach, url), name="doctor")
        if hosts and credential:
            self._account = Task(partial(_account, hosts, credential), name="doctor")

    def findings(self) -> Iterator[Finding]:
        """Every finding, in the order of the route."""
        yield _proxy(self._context.env)
        yield self._trust
        if self.hosts is None:
            yield problem("hosts", self._misconfigured, "See: fal help environment")
            return
        for task in self._tasks.values():
            task.wait(self._until - time.monotonic())
        yield from self._hosts_told(self.hosts)
        dates = [(url, task.found.date) for url, task in self._tasks.items() if task.found and task.found.date]
        if dates:
            yield _clock(*dates[0])
        yield from self._service()

    def _hosts_told(self, hosts: Hosts) -> Iterator[Finding]:
        """A line for each host that was reached; hosts that fail for the same reason share one."""
        failed: dict[str, list[str]] = {}
        reasons: dict[str, str] = {}
        for service, url in hosts._asdict().items():
            task, name = self._tasks[url], name_of(url)
            if task.found:
                yield ok(f"host {service}", f"{name}: {task.found.told}")
            else:
                kind, reason = _why(task)
                failed.setdefault(kind, []).append(name)
                reasons.setdefault(kind, reason)
        for kind, names in failed.items():
            everything = len(names) == len(hosts)
            told = "no host can be reached" if everything else ", ".join(dict.fromkeys(names))
            way_out = "Check the network, the proxy above, and the hosts: fal help environment"
            yield problem("network" if everything else "host", f"{told}: {reasons[kind]}", way_out)

    def _service(self) -> Iterator[Finding]:
        if self._account is None:
            return
        if not any(task.found for task in self._tasks.values()):
            yield warning("service", "not asked: no host can be reached", "Run fal doctor again when the network is up")
            return
        self._account.wait(self._until - time.monotonic())
        yield _told_of_account(self._account)


def begin(context: Context, credential: Credential | None) -> Inquiry:
    """Begins to ask all hosts, and the service about the key."""
    try:
        return Inquiry(context, context.accounts.hosts, credential, "")
    except CliError as error:
        return Inquiry(context, None, credential, error.message)


def _why(task: Task[Reached]) -> tuple[str, str]:
    """Why a host was not reached: what kind of failure, which several may share, and in words."""
    if task.failure is None:
        told = f"no answer within {LIMIT_SECONDS:g} s"
        return told, told
    if isinstance(task.failure, Unreachable):
        return task.failure.kind, str(task.failure)
    return type(task.failure).__name__, f"{type(task.failure).__name__}: {task.failure}"


# -- certificates and proxies


def _certificates() -> Finding:
    """Which certificates are trusted, as the request layer chooses them."""
    store = trust.store()
    try:
        count = len(trust.context().get_ca_certs())
    except trust.Unusable as error:
        way_out = (
            f"Set {store.variable} to a file of certificates, or unset it" if store.variable else "Install certifi"
        )
        return problem("certificates", str(error), way_out)
    counted = f", {count} authorities" if count else ""  # a hashed folder is read as far as it is needed
    return ok("certificates", f"{store.name}{counted}, {ssl.OPENSSL_VERSION.rsplit(' ', 3)[0]}")


def _proxy(env: Mapping[str, str]) -> Finding:
    """The proxy variables that are set, without passwords."""
    given = {name: env[name] for name in proxies.VARIABLES if env.get(name)}
    if not given:
        return ok("proxy", "none")
    spared = env.get("NO_PROXY") or env.get("no_proxy")
    told = ", ".join(f"{name} {shown_proxy(proxies.as_url(value))}" for name, value in given.items())
    if any(proxies.as_url(value).scheme.startswith("socks") for value in given.values()):
        return warning("proxy", told, NO_SOCKS)
    return ok("proxy", f"{told}{f'; not for {spared}' if spared else ''}")


# -- the clock and the service


def _clock(url: str, there: datetime) -> Finding:
    """How far this machine's clock is from a host's: a webhook is refused if it seems too old or of the future."""
    skew = round((datetime.now(UTC) - there.astimezone(UTC)).total_seconds())
    told = f"{abs(skew)} s {'ahead of' if skew > 0 else 'behind'} {name_of(url)}"
    if abs(skew) > _MOST_SKEW_SECONDS:
        return warning("clock", told, "Set the clock: signed webhooks are refused if it is off by more than 5 minutes")
    return ok("clock", told if abs(skew) > 1 else f"that of {name_of(url)}")


def _account(hosts: Hosts, credential: Credential) -> Reached:
    """Makes a free call that takes a key."""
    from fal_cli.api import account
    from fal_cli.api.deadline import Deadline
    from fal_cli.api.wire import Wire

    account.check_key(Wire(hosts, credential.authorization), Deadline(LIMIT_SECONDS))
    return Reached("the key is accepted")


def _told_of_account(task: Task[Reached]) -> Finding:
    if task.found:
        return ok("service", task.found.told)
    if task.failure is None:
        return warning("service", f"no answer within {LIMIT_SECONDS:g} s", "Run fal doctor again")
    told = report(task.failure)
    if told.code in (Exit.CREDENTIALS, Exit.LIMITED):
        return problem("service", told.message, told.hint or "Log in again: fal auth login")
    return warning("service", told.message, told.hint or "Run fal doctor again")
