"""Where files live and which hosts are called. Everything comes from the environment and has a default.

| variable | sets |
|---|---|
| `FAL_CLI_HOME` | one folder for state and cache, instead of the platform's own places |
| `FAL_RUN_HOST`, `FAL_QUEUE_RUN_HOST`, `FAL_REST_HOST`, | the hosts to call; plain http |
| `FAL_CDN_HOST`, `FAL_API_HOST` | for loopback only |
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from fal_cli.api.hosts import LOOPBACK, Hosts, is_loopback
from fal_cli.errors import UsageError

_APP = "fal-cli"


def state_folder(env: Mapping[str, str]) -> Path:
    """Where the ledger and the sandbox keep their state."""
    if env.get("FAL_CLI_HOME"):
        return Path(env["FAL_CLI_HOME"]).expanduser() / "state"
    from platformdirs import user_state_path

    return user_state_path(_APP, appauthor=False)


def sandbox_folder(env: Mapping[str, str]) -> Path:
    """Where the sandbox keeps its requests and files, and we our ledger of them."""
    return state_folder(env) / "sandbox"


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
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.scheme in ("https", "http") and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in url or "?" in url or "#" in url:
        raise UsageError(f"{name} is not a host: {value!r}", hint=f"Write it as host or host:port, e.g. {name}=fal.run")
    if url.startswith("http://") and not is_loopback(url):
        raise UsageError(f"{name}: http:// would send the key in clear; only {', '.join(LOOPBACK)} may use it")
    return url


def _queue_of(run: str) -> str:
    """The queue host beside a run host, by the vendor's own rule `queue.` + run."""
    if is_loopback(run):
        raise UsageError("FAL_RUN_HOST points at this machine: set FAL_QUEUE_RUN_HOST as well")
    return run.replace("://", "://queue.", 1)
