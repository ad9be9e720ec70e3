"""Where files live, which hosts are called, and the few habits that can be set for good.

| variable | sets |
|---|---|
| `FAL_CLI_HOME` | one folder for config, state and cache, instead of the platform's own places |
| `FAL_PRIVATE` | every call is private, as with `--private` |
| `FAL_ON_INTERRUPT` | what Ctrl-C does to a request, as with `--on-interrupt` |
| `FAL_RUN_HOST`, `FAL_QUEUE_RUN_HOST`, `FAL_REST_HOST`, | the hosts to call; plain http |
| `FAL_CDN_HOST`, `FAL_API_HOST` | for loopback only |

A variable wins over `config.toml`, which `fal config` writes, and over the hosts of a profile.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from fal_cli.api.hosts import LOOPBACK, Hosts, is_loopback
from fal_cli.errors import UsageError

HOST_VARIABLES = {
    "run": "FAL_RUN_HOST",
    "queue": "FAL_QUEUE_RUN_HOST",
    "rest": "FAL_REST_HOST",
    "cdn": "FAL_CDN_HOST",
    "api": "FAL_API_HOST",
}
"""The hosts by their names in a profile."""

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


def cache_folder(env: Mapping[str, str]) -> Path:
    """Where what can be fetched again is kept."""
    if env.get("FAL_CLI_HOME"):
        return Path(os.path.expanduser(env["FAL_CLI_HOME"])) / "cache"
    from platformdirs import user_cache_path

    return user_cache_path(_APP, appauthor=False)


def config_folder(env: Mapping[str, str]) -> Path:
    """Where profiles and settings are kept."""
    if env.get("FAL_CLI_HOME"):
        return Path(os.path.expanduser(env["FAL_CLI_HOME"])) / "config"
    from platformdirs import user_config_path

    return user_config_path(_APP, appauthor=False)


def config_path(env: Mapping[str, str]) -> Path:
    """The file of settings."""
    return config_folder(env) / "config.toml"


def sandbox_folder(env: Mapping[str, str]) -> Path:
    """Where the sandbox keeps its requests and files, and we our ledger of them."""
    return state_folder(env) / "sandbox"


def is_private(env: Mapping[str, str]) -> bool:
    """Whether every call is to be private, as with `--private`. Raises `UsageError`."""
    if env.get("FAL_PRIVATE"):
        return env["FAL_PRIVATE"] != "0"
    return kept_private(env) or False


def kept_private(env: Mapping[str, str]) -> bool | None:
    """What `config.toml` says of it; None if nothing. Raises `UsageError` if that cannot be read."""
    kept = _kept(env, "private")
    if kept is None or isinstance(kept, bool):
        return kept
    raise UsageError(f"{config_path(env)}: private is neither true nor false", hint="Set it: fal config set private …")


def on_interrupt(env: Mapping[str, str]) -> Literal["detach", "cancel"]:
    """What Ctrl-C does to a request where `--on-interrupt` is not given. Raises `UsageError`."""
    return _behaviour(env.get("FAL_ON_INTERRUPT"), "FAL_ON_INTERRUPT") or kept_on_interrupt(env) or "detach"


def kept_on_interrupt(env: Mapping[str, str]) -> Literal["detach", "cancel"] | None:
    """What `config.toml` says of it; None if nothing. Raises `UsageError` if that cannot be read."""
    return _behaviour(_kept(env, "on_interrupt"), f"{config_path(env)}: on_interrupt")


def hosts(env: Mapping[str, str], own: Mapping[str, str] | None = None) -> Hosts:
    """The hosts to call: the environment's, else a profile's `own`, else the service's.

    Raises `UsageError` for a value that is no host or that would send the key in clear.
    """
    default = Hosts()
    given = {service: _given(env, own or {}, service) for service in HOST_VARIABLES}
    return Hosts(
        run=given["run"] or default.run,
        queue=given["queue"] or _queue_of(given["run"] or default.run),
        rest=given["rest"] or default.rest,
        cdn=given["cdn"] or default.cdn,
        api=given["api"] or default.api,
    )


def checked_host(value: str, name: str) -> str:
    """The base URL that a host is written as; "" for nothing. `name` is what an error calls it.

    Raises `UsageError`.
    """
    value = value.strip().rstrip("/")
    if not value:
        return ""
    url = value if "://" in value else f"https://{value}"
    match = _HOST.fullmatch(url)
    if not match or not _is_port(match["port"]):
        raise UsageError(f"{name} is not a host: {value!r}", hint=f"Write it as host or host:port, e.g. {name}=fal.run")
    if match["scheme"].lower() == "http" and not is_loopback(url):
        raise UsageError(f"{name}: http:// would send the key in clear; only {', '.join(LOOPBACK)} may use it")
    return url


def _given(env: Mapping[str, str], own: Mapping[str, str], service: str) -> str:
    variable = HOST_VARIABLES[service]
    return checked_host(env.get(variable, ""), variable) or checked_host(own.get(service, ""), f"hosts.{service}")


def _is_port(text: str | None) -> bool:
    return text is None or 0 < int(text) < 65536


def _queue_of(run: str) -> str:
    """The queue host beside a run host, by the vendor's own rule `queue.` + run."""
    if is_loopback(run):
        raise UsageError(
            f"the run host {run} is on this machine: the queue's has to be given too",
            hint="Set FAL_QUEUE_RUN_HOST, or for a profile: fal config set hosts.queue …",
        )
    return run.replace("://", "://queue.", 1)


def _kept(env: Mapping[str, str], name: str) -> object:
    path = config_path(env)
    if not os.path.exists(path):  # most have none, and nothing is imported for them
        return None
    from fal_cli import tomlfile

    return tomlfile.read(path).values.get(name)


def _behaviour(value: object, name: str) -> Literal["detach", "cancel"] | None:
    if value is None or value == "":
        return None
    if value == "detach" or value == "cancel":
        return "detach" if value == "detach" else "cancel"
    raise UsageError(f"{name} is neither detach nor cancel")
