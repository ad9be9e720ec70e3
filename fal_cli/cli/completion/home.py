"""What this machine keeps, as completion offers it: the catalogue, schemas, the ledger and profiles.

Only the light parts of the rooms that own these files are imported between two presses of a key (`config.paths`,
`files.cache`, `ledger.glance`). Nothing is made, changed or asked for; what cannot be read, or not at once, is not
there.
"""

import os

from fal_cli.config import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_API = "https://api.fal.ai"
_SANDBOX = "sandbox"
_LOCAL = "local"
_IN_NAMES = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/")
_WITHOUT_RESULT = {"failed": "failed, ", "cancelled": "cancelled, ", "expired": "expired, ", "refused": "refused, "}


def is_endpoint(name: str) -> bool:
    """Whether a name is one that an endpoint can have: a server or a file gave it."""
    return not name.startswith("-") and all(character in _IN_NAMES for character in name)


class Model:
    """An entry of the kept catalogue."""

    def __init__(self, endpoint: str, title: str = "", category: str = "", status: str = "", *rest: str) -> None:
        self.endpoint = endpoint
        self.category = category
        self.text = ", ".join(part for part in (title, category, "deprecated" * (status == "deprecated")) if part)


class Row:
    """A request of the ledger. `name` is what it is called on a command line."""

    def __init__(self, found: "tuple[Any, ...]") -> None:
        from fal_cli.terminal.times import seconds_ago

        local_id, request_id, self.endpoint, state, is_open, seconds, prompt = found
        self.name = request_id or f"@{local_id}"
        how = "unfinished, " if is_open else _WITHOUT_RESULT.get(state, "")
        told = f"{self.endpoint}: {prompt}" if prompt else str(self.endpoint)
        self.text = f"{told} · {how}{seconds_ago(seconds or 0)}"


class Home:
    """Where this user's files are, and what is in them; those of the sandbox where that is used."""

    def __init__(self, env: "Mapping[str, str]", profile: str = "", *, wants_sandbox: bool = False) -> None:
        self._env = env
        self._profile = profile
        self._is_sandbox = wants_sandbox or env.get("FAL_SANDBOX", "") not in ("", "0")

    def models(self) -> "list[Model]":
        """The catalogue, however old."""
        import json

        body = self._kept(self._api_host(), "models")
        try:
            found = [Model(*map(str, row)) for row in json.loads(body)] if body else []
        except (ValueError, TypeError, RecursionError):
            return []
        return [model for model in found if is_endpoint(model.endpoint)]

    def aliases(self) -> "dict[str, str]":
        """Short names of endpoints and what each stands for; one's own before the project's."""
        found: dict[str, str] = {}
        for path in (os.path.join(paths.folder("config", self._env), "config.toml"), paths.project(self._env)):
            table = _toml(path).get("aliases") if os.path.exists(path) else None
            for name, text in table.items() if isinstance(table, dict) else ():
                if isinstance(text, str) and text and is_endpoint(name) and "/" not in name:
                    found.setdefault(name, text)
        return found

    def document(self, endpoint: str) -> "tuple[Any, str] | None":
        """The kept OpenAPI document of an endpoint, or of an app on this machine, and its route there."""
        from fal_cli.endpoint import InvalidEndpoint, LocalApp, parse_target

        try:
            target = parse_target(endpoint)
            if isinstance(target, LocalApp):
                scheme, _, rest = target.url.partition("://")
                host, slash, path = rest.partition("/")
                body, route = self._kept(os.path.join(_LOCAL, "schemas"), f"{scheme}://{host}"), slash + path
            else:
                body, route = self._kept(os.path.join(self._api_host(), "schemas"), str(target)), str(target)
        except InvalidEndpoint:
            return None
        if not body:
            return None
        from fal_cli.schema.document import parsed

        return parsed(body), route

    def rows(
        self, beginning: str = "", *, only_queued: bool, only_open: bool = False, endpoint: str = ""
    ) -> "list[Row]":
        """Requests whose id begins so, newest first; `@` and a number for those without one, unless `only_queued`."""
        from fal_cli.ledger import glance

        found = glance.rows(
            self._ledger_path(), beginning, only_queued=only_queued, only_open=only_open, endpoint=endpoint
        )
        return [Row(row) for row in found]

    def called_endpoints(self) -> "list[str]":
        """The endpoints that were called lately, the last one first."""
        from fal_cli.ledger import glance

        return [name for name in glance.called_endpoints(self._ledger_path()) if is_endpoint(name)]

    def batches(self) -> "list[tuple[str, str]]":
        """The names of batches with the endpoint of each, the newest first."""
        from fal_cli.ledger import glance

        return glance.batches(self._ledger_path())

    def last_input(self, endpoint: str) -> "list[str]":
        """The names of the inputs that an endpoint was given the last time."""
        import json

        from fal_cli.ledger import glance

        for text in glance.last_input(self._ledger_path(), endpoint):
            try:
                return [str(name) for name in json.loads(text)]
            except (ValueError, TypeError, RecursionError):
                pass
        return []

    def profiles(self) -> "list[tuple[str, str]]":
        """The names of our profiles and the vendor's, each with where it is kept."""
        ours = _toml(self._profiles_path()).get("profiles", {})
        found = [(name, "") for name in ours] if isinstance(ours, dict) else []
        if not self._is_sandbox:
            path = paths.expanded(self._env.get("FAL_CONFIG_PATH") or "~/.fal/config.toml")
            theirs = [name for name, table in _toml(path).items() if name != "__internal__" and isinstance(table, dict)]
            found += [(name, "of fal.ai's own CLI") for name in theirs if name not in dict(found)]
        return found

    def _profiles_path(self) -> str:
        return paths.profiles(self._env, in_sandbox=self._is_sandbox)

    def _ledger_path(self) -> str:
        is_sandbox = self._is_sandbox or self._env.get("FAL_KEY", "").startswith(paths.SANDBOX_KEYS)
        return paths.ledger(self._env, in_sandbox=is_sandbox)

    def _api_host(self) -> str:
        """The folder of the host whose catalogue is asked for."""
        if self._is_sandbox:
            return _SANDBOX
        host = self._env.get("FAL_API_HOST", "").strip() or self._own_api_host() or _API
        from fal_cli.files.cache import quoted

        return quoted(host.rstrip("/").rpartition("://")[2])

    def _own_api_host(self) -> str:
        """The API host of the profile's own."""
        path = self._profiles_path()
        try:
            with open(path, "rb") as stream:
                if b"api" not in stream.read():
                    return ""
        except OSError:
            return ""
        values = _toml(path)
        name = self._profile or self._env.get("FAL_PROFILE") or values.get("active") or "default"
        found = values.get("profiles", {}).get(name, {}).get("hosts", {}).get("api", "")
        return found if isinstance(found, str) else ""

    def _kept(self, inside: str, name: str) -> bytes:
        """The body of a file of the cache; nothing if there is none."""
        from fal_cli.files.cache import Cache

        found = Cache(os.path.join(paths.folder("cache", self._env), inside)).read(name)
        return found.body if found else b""


def _toml(path: str) -> "dict[str, Any]":
    import tomllib

    try:
        with open(path, "rb") as stream:
            return tomllib.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}
