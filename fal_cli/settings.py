"""Where files live and which hosts are called. Everything comes from the environment and has a default.

| variable | sets |
|---|---|
| `FAL_CLI_HOME` | one folder for state and cache, instead of the platform's own places |
| `FAL_PRIVATE` | every call is private, as with `--private` |
| `FAL_RUN_HOST`, `FAL_QUEUE_RUN_HOST`, `FAL_REST_HOST`, | the hosts to call; plain http |
| `FAL_CDN_HOST`, `FAL_API_HOST` | for loopback only |
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from fal_cli.api.hosts import LOOPBACK, Hosts, is_loopback
from fal_cli.errors import UsageError

_APP = "fal-cli"
_HOST = re.compile(
    r"(?P<scheme>https?)://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[\w./-]*)?",
    re.IGNORECASE,
)


def state_folder(env: Mapping[str, str]) -> Path:
    """Where the ledger and the sandbox keep their state."""
    if env.get("FAL_CLI_HOME"):
        return Path(os.path.expanduser(env["FAL_CLI_HOME"])) / "state"
    from platformdirs import user_state_path

    return user_state_path(_APP, appauthor=False)


def sandbox_folder(env: Mapping[str, str]) -> Path:
    """Where the sandbox keeps its requests and files, and we our ledger of them."""
    return state_folder(env) / "sandbox"


def has_sandbox_key(env: Mapping[str, str]) -> bool:
    """Whether the key is one of the sandbox's, as `fal sandbox serve` prints it: its requests cost nothing."""
    return env.get("FAL_KEY", "").strip().startswith(("sandbox:", "sandbox-"))


def is_private(env: Mapping[str, str]) -> bool:
    """Whether every call is to be private, as with `--private`."""
    return env.get("FAL_PRIVATE", "") not in ("", "0")


def hosts(env: Mapping[str, str]) -> Hosts:
    """The hosts to call. Raises `UsageError` for a value that is no host or that would send the key in clear."""
    default = Hosts()
    run = _base(env, "FAL_RUN_HOST") or default.run
    return Hosts(
        run=run,
        queue=_base(env, "FAL_QUEUE_RUN_HOST") or _queue_of(run),
        rest=_base(env, "FAL_REST_HOST") or default.rest,
        cdn=_base(env, "FAL_CDN_HOST") or default.cdn,
        api=_base(env, "FAL_API_HOST") or default.api,
    )


def _base(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip().rstrip("/")
    if not value:
        return ""
    url = value if "://" in value else f"https://{value}"
    match = _HOST.fullmatch(url)
    if not match or not _is_port(match["port"]):
        raise UsageError(f"{name} is not a host: {value!r}", hint=f"Write it as host or host:port, e.g. {name}=fal.run")
    if match["scheme"].lower() == "http" and not is_loopback(url):
        raise UsageError(f"{name}: http:// would send the key in clear; only {', '.join(LOOPBACK)} may use it")
    return url


def _is_port(text: str | None) -> bool:
    return text is None or 0 < int(text) < 65536


def _queue_of(run: str) -> str:
    """The queue host beside a run host, by the vendor's own rule `queue.` + run."""
    if is_loopback(run):
        raise UsageError("FAL_RUN_HOST points at this machine: set FAL_QUEUE_RUN_HOST as well")
    return run.replace("://", "://queue.", 1)
