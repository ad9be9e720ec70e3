"""The way to the service: proxy, certificates, each host by name lookup, connection and TLS, the clock, and the key.

All hosts are asked at once, on threads that nobody waits for: a name lookup cannot be stopped, and a network that
is away is told within `LIMIT_SECONDS`.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

from fal_cli.api.hosts import Hosts
from fal_cli.auth.credentials import Credential
from fal_cli.commands.doctor.finding import Finding, ok, problem, warning
from fal_cli.commands.doctor.route import (
    LIMIT_SECONDS,
    Reached,
    Unreachable,
    as_url,
    name_of,
    reach,
    shown_proxy,
    trusting,
)
from fal_cli.context import Context
from fal_cli.errors import CliError, Exit, report

_MOST_SKEW_SECONDS = 300
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class _Task:
    """Something that is found out on a thread: what it `found`, or why not; neither while it goes on."""

    def __init__(self, action: Callable[[], Reached]) -> None:
        self.found: Reached | None = None
        self.failure: Exception | None = None
        self._action = action
        self._thread = threading.Thread(target=self._run, name="doctor", daemon=True)
        self._thread.start()

    def wait(self, until: float) -> None:
        self._thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        try:
            self.found = self._action()
        except Exception as error:
            self.failure = error


class Inquiry:
    """What was begun: the findings are there when its time is over, at the latest."""

    def __init__(
        self, context: Context, hosts: Hosts | None, credential: Credential | None, misconfigured: str
    ) -> None:
        self.hosts = hosts
        self._context = context
        self._misconfigured = misconfigured
        self._until = time.monotonic() + LIMIT_SECONDS
        self._ca, self._ca_finding = _certificates(context.env)
        self._tasks: dict[str, _Task] = {}
        self._account: _Task | None = None
        if hosts:
            for url in dict.fromkeys(hosts):
                self._tasks[url] = _Task(partial(reach, url, self._ca))
        if hosts and credential:
            self._account = _Task(partial(_account, hosts, credential))

    def findings(self) -> Iterator[Finding]:
        """All of it, in the order of the way."""
        yield _proxy(self._context.env)
        yield self._ca_finding
        if self.hosts is None:
            yield problem("hosts", self._misconfigured, "See: fal help environment")
            return
        for task in self._tasks.values():
            task.wait(self._until)
        yield from self._hosts_told(self.hosts)
        dates = [(url, task.found.date) for url, task in self._tasks.items() if task.found and task.found.date]
        if dates:
            yield _clock(*dates[0])
        yield from self._service()

    def _hosts_told(self, hosts: Hosts) -> Iterator[Finding]:
        """A line for each host that was reached; those that fail for the same reason have one together."""
        failed: dict[str, list[str]] = {}
        for service, url in hosts._asdict().items():
            task, name = self._tasks[url], name_of(url)
            if task.found:
                yield ok(f"host {service}", f"{name}: {task.found.told}")
            else:
                failed.setdefault(_why(task), []).append(name)
        for reason, names in failed.items():
            everything = len(names) == len(hosts)
            told = "no host is reached" if everything else ", ".join(dict.fromkeys(names))
            way_out = "Look at the network, the proxy above, and the hosts: fal help environment"
            yield problem("network" if everything else "host", f"{told}: {reason}", way_out)

    def _service(self) -> Iterator[Finding]:
        if self._account is None:
            return
        if not any(task.found for task in self._tasks.values()):
            yield warning("service", "not asked: no host is reached", "Ask again with a network")
            return
        self._account.wait(self._until)
        yield _told_of_account(self._account)


def begin(context: Context, credential: Credential | None) -> Inquiry:
    """Begins to ask all hosts, and the service about the key."""
    try:
        return Inquiry(context, context.accounts.hosts, credential, "")
    except CliError as error:
        return Inquiry(context, None, credential, error.message)


def _why(task: _Task) -> str:
    if task.failure is None:
        return f"no answer within {LIMIT_SECONDS:g} s"
    return str(task.failure) if isinstance(task.failure, Unreachable) else f"{type(task.failure).__name__}"


# -- certificates and proxies


def _certificates(env: Mapping[str, str]) -> tuple[str | None, Finding]:
    """The file of certificates to trust, as the request layer chooses it."""
    variable = next((name for name in _CA_VARIABLES if env.get(name)), "")
    if variable:
        path, source = env[variable], f"{variable}: {env[variable]}"
    else:
        import certifi

        path, source = certifi.where(), "the packaged list (certifi)"
    try:
        count = len(trusting(path).get_ca_certs())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        way_out = f"Name a file of certificates in {variable}, or unset it" if variable else "Install certifi anew"
        return None, problem("certificates", f"{source} cannot be used ({reason})", way_out)
    counted = f", {count} authorities" if count else ""
    return path, ok("certificates", f"{source}{counted}, {ssl.OPENSSL_VERSION.rsplit(' ', 3)[0]}")


def _proxy(env: Mapping[str, str]) -> Finding:
    """The proxy variables that are set, without a password that may stand in them."""
    given = {name: env[name] for name in _PROXY_VARIABLES if env.get(name)}
    if not given:
        return ok("proxy", "none")
    spared = env.get("NO_PROXY") or env.get("no_proxy")
    told = ", ".join(f"{name} {shown_proxy(as_url(value))}" for name, value in given.items())
    if any(as_url(value).scheme.startswith("socks") for value in given.values()):
        return warning("proxy", told, "SOCKS needs a package more: pip install 'requests[socks]'")
    return ok("proxy", f"{told}{f'; not for {spared}' if spared else ''}")


# -- the clock and the service


def _clock(url: str, there: datetime) -> Finding:
    """How far this machine's clock is from a host's: a webhook is refused if it seems too old or of the future."""
    skew = round((datetime.now(UTC) - there.astimezone(UTC)).total_seconds())
    told = f"{abs(skew)} s {'ahead of' if skew > 0 else 'behind'} {name_of(url)}"
    if abs(skew) > _MOST_SKEW_SECONDS:
        return warning("clock", told, "Set the clock: signed webhooks are refused beyond 5 minutes")
    return ok("clock", told if abs(skew) > 1 else f"that of {name_of(url)}")


def _account(hosts: Hosts, credential: Credential) -> Reached:
    """Makes a free call that takes a key."""
    from fal_cli.api import account
    from fal_cli.api.deadline import Deadline
    from fal_cli.api.wire import Wire

    account.check_key(Wire(hosts, credential.authorization), Deadline(LIMIT_SECONDS))
    return Reached("the key is accepted")


def _told_of_account(task: _Task) -> Finding:
    if task.found:
        return ok("service", task.found.told)
    if task.failure is None:
        return warning("service", f"no answer within {LIMIT_SECONDS:g} s", "Ask again")
    told = report(task.failure)
    if told.code in (Exit.CREDENTIALS, Exit.LIMITED):
        return problem("service", told.message, told.hint or "Log in again: fal auth login")
    return warning("service", told.message, told.hint or "Ask again")
