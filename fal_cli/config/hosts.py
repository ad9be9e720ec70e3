"""Which hosts are called: a variable (`HOST_VARIABLES`), else the profile's own, else the service's.

Plain http is for loopback only.
"""

import re
from collections.abc import Mapping

from fal_cli.api.hosts import Hosts
from fal_cli.errors import UsageError
from fal_cli.urls import LOOPBACK, is_loopback

HOST_VARIABLES = {
    "run": "FAL_RUN_HOST",
    "queue": "FAL_QUEUE_RUN_HOST",
    "rest": "FAL_REST_HOST",
    "cdn": "FAL_CDN_HOST",
    "api": "FAL_API_HOST",
}
"""The hosts by their names in a profile."""
_HOST = re.compile(
    r"(?P<scheme>https?)://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[\w./-]*)?",
    re.IGNORECASE,
)


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
            f"the run host {run} is on this machine: so the queue host must be set too",
            hint="Set FAL_QUEUE_RUN_HOST, or for a profile: fal config set hosts.queue …",
        )
    return run.replace("://", "://queue.", 1)
