"""The key, by where it comes from, and what could stand in its way."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from fal_cli.api.hosts import Hosts
from fal_cli.auth import vendor
from fal_cli.auth.credentials import Credential
from fal_cli.commands.doctor.finding import Finding, ok, problem
from fal_cli.config import paths
from fal_cli.context import Context
from fal_cli.errors import CliError

_LOG_IN = "Log in: fal auth login (or try things without a key: --sandbox)"


def key(context: Context) -> tuple[Credential | None, Finding]:
    """Where the key comes from; never the key itself."""
    try:
        credential = context.accounts.credential
    except CliError as error:
        if error.message.startswith("no key: log in"):
            return None, problem("key", "none", _LOG_IN)
        return None, problem("key", error.message, error.hint.partition("\n")[0] or _LOG_IN)
    return credential, ok("key", f"from {credential.source}{_beside(context)}")


def netrc(context: Context, hosts: Hosts | None) -> Iterator[Finding]:
    """Lines of `~/.netrc` for the service's hosts. Other programs send those instead of the key."""
    import netrc as reader

    path = paths.expanded(context.env.get("NETRC") or "~/.netrc")
    try:
        known = set(reader.netrc(path).hosts)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, UnicodeDecodeError, reader.NetrcParseError) as error:
        yield ok("netrc", f"{path} cannot be read ({getattr(error, 'msg', error)}); fal does not use it")
        return
    names = {urlsplit(url).hostname or "" for url in hosts or Hosts()}
    matching = sorted(names & known) + (["every host"] if "default" in known else [])
    if matching:
        yield ok("netrc", f"{path} has lines for {', '.join(matching)}; fal does not use them, but curl and others do")


def _beside(context: Context) -> str:
    """The files of fal.ai's own CLI, if they exist and are not used."""
    if context.in_sandbox:
        return ""
    there = [path for path in (vendor.config_path(context.env), vendor.login_path(context.env)) if path.exists()]
    return f"; fal.ai's own CLI has one too: {', '.join(map(str, there))}" if there else ""
