"""What this machine keeps, read for completion alone: the catalogue, schemas, the ledger and profiles.

The parts of the program that write these files import too much to be asked between two presses of a key. Their file
names and formats stand here a second time, held together by tests. Nothing is made, changed or asked for; what
cannot be read, or not at once, is not there.
"""

import os
import sys

from fal_cli.terminal.times import seconds_ago

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_APP = "fal-cli"
_XDG = {
    "config": ("XDG_CONFIG_HOME", "~/.config"),
    "state": ("XDG_STATE_HOME", "~/.local/state"),
    "cache": ("XDG_CACHE_HOME", "~/.cache"),
}
_API = "https://api.fal.ai"
_SANDBOX = "sandbox"
_LOCAL = "local"
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
_LONGEST_NAME = 120
_PATIENCE_SECONDS = 0.2
_MOST_ROWS = 100
_RECENT_ROWS = 1000
_LONGEST_PROMPT = 60
_WITHOUT_RESULT = {"failed": "failed, ", "cancelled": "cancelled, ", "expired": "expired, ", "refused": "refused, "}

_ROWS = f"""
SELECT local_id, request_id, endpoint, state, is_open,
       CAST((julianday('now') - julianday(created_at)) * 86400 AS INTEGER),
       CASE WHEN length(input) < 65536 AND json_valid(input) THEN
            substr(coalesce(json_extract(input, '$.prompt'), json_extract(input, '$.text'), ''), 1, {_LONGEST_PROMPT})
       END
FROM requests WHERE {{}} ORDER BY local_id DESC LIMIT {_MOST_ROWS}
"""
_ENDPOINTS = f"""
SELECT endpoint FROM (SELECT endpoint, local_id FROM requests ORDER BY local_id DESC LIMIT {_RECENT_ROWS})
WHERE endpoint NOT LIKE '%://%' GROUP BY endpoint ORDER BY max(local_id) DESC
"""
_LAST_INPUT = f"""
SELECT input FROM (SELECT endpoint, input, local_id FROM requests ORDER BY local_id DESC LIMIT {_RECENT_ROWS})
WHERE endpoint = ? AND input IS NOT NULL ORDER BY local_id DESC LIMIT 1
"""


class Model:
    """An entry of the kept catalogue."""

    def __init__(self, endpoint: str, title: str = "", category: str = "", status: str = "", *rest: str) -> None:
        self.endpoint = endpoint
        self.category = category
        self.text = ", ".join(part for part in (title, category, "deprecated" * (status == "deprecated")) if part)

    @property
    def is_named_well(self) -> bool:
        """Whether its name is one that an endpoint can have: a server gave it."""
        return all(character in _UNRESERVED or character == "/" for character in self.endpoint)


class Row:
    """A request of the ledger. `name` is what it is called on a command line."""

    def __init__(self, found: "tuple[Any, ...]") -> None:
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
        return [model for model in found if model.is_named_well]

    def document(self, endpoint: str) -> "tuple[Any, str] | None":
        """The kept OpenAPI document of an endpoint, or of an app on this machine, and its route there."""
        import json

        from fal_cli.endpoint import InvalidEndpoint, LocalApp, parse_target

        try:
            target = parse_target(endpoint)
            if isinstance(target, LocalApp):
                scheme, _, rest = target.url.partition("://")
                host, slash, path = rest.partition("/")
                body, route = self._kept(os.path.join(_LOCAL, "schemas"), f"{scheme}://{host}"), slash + path
            else:
                body, route = self._kept(os.path.join(self._api_host(), "schemas"), str(target)), str(target)
            return (json.loads(body), route) if body else None
        except (InvalidEndpoint, ValueError, RecursionError):
            return None

    def rows(
        self, beginning: str = "", *, only_queued: bool, only_open: bool = False, endpoint: str = ""
    ) -> "list[Row]":
        """Requests whose id begins so, newest first; `@` and a number for those without one, unless `only_queued`."""
        conditions, values = ["1"], []
        if beginning.startswith("@"):
            conditions += ["'@' || local_id LIKE ? || '%'"]
            values += [beginning]
        elif beginning:
            conditions += ["request_id >= ? AND request_id < ?"]
            values += [beginning, f"{beginning}\U0010ffff"]
        conditions += ["request_id IS NOT NULL AND mode = 'queue'"] * only_queued + ["is_open"] * only_open
        if endpoint:
            conditions += ["endpoint = ?"]
            values += [endpoint.strip("/")]
        return [Row(found) for found in self._asked(_ROWS.format(" AND ".join(conditions)), tuple(values))]

    def called_endpoints(self) -> "list[str]":
        """The endpoints that were called lately, the last one first."""
        return [str(found[0]) for found in self._asked(_ENDPOINTS)]

    def last_input(self, endpoint: str) -> "list[str]":
        """The names of the inputs that an endpoint was given the last time."""
        import json

        for found in self._asked(_LAST_INPUT, (endpoint.strip("/"),)):
            try:
                return [str(name) for name in json.loads(found[0])]
            except (ValueError, TypeError, RecursionError):
                pass
        return []

    def profiles(self) -> "list[tuple[str, str]]":
        """The names of our profiles and the vendor's, each with where it is kept."""
        ours = _toml(self._profiles_path()).get("profiles", {})
        found = [(name, "") for name in ours] if isinstance(ours, dict) else []
        if not self._is_sandbox:
            path = os.path.expanduser(self._env.get("FAL_CONFIG_PATH") or "~/.fal/config.toml")
            theirs = [name for name, table in _toml(path).items() if name != "__internal__" and isinstance(table, dict)]
            found += [(name, "of the vendor's file") for name in theirs if name not in dict(found)]
        return found

    def _folder(self, kind: str) -> str:
        return folder(kind, self._env)

    def _profiles_path(self) -> str:
        inside = os.path.join(self._folder("state"), _SANDBOX) if self._is_sandbox else self._folder("config")
        return os.path.join(inside, "profiles.toml")

    def _api_host(self) -> str:
        """The folder of the host whose catalogue is asked for."""
        if self._is_sandbox:
            return _SANDBOX
        host = self._env.get("FAL_API_HOST", "").strip() or self._own_api_host() or _API
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
        path = os.path.join(self._folder("cache"), inside, f"{file_name(name)}.json")
        try:
            with open(path, "rb") as stream:
                return stream.read().partition(b"\n")[2]
        except OSError:
            return b""

    def _asked(self, statement: str, values: "tuple[str, ...]" = ()) -> "list[tuple[Any, ...]]":
        """Rows of the ledger; none where it is missing, broken or held by another for too long."""
        is_sandbox = self._is_sandbox or self._env.get("FAL_KEY", "").startswith(("sandbox:", "sandbox-"))
        path = os.path.join(self._folder("state"), *([_SANDBOX] if is_sandbox else []), "ledger.db")
        if not os.path.exists(path):
            return []
        import sqlite3

        for how in ("mode=ro", "mode=ro&immutable=1"):  # the second where not even its index may be made
            try:
                return _rows(path, how, statement, values)
            except sqlite3.OperationalError as error:
                if "unable to open" not in str(error):
                    return []
            except sqlite3.Error:
                return []
        return []


def folder(kind: str, env: "Mapping[str, str]") -> str:
    """Our folder for `config`, `state` or `cache`, as `settings` has it."""
    if env.get("FAL_CLI_HOME"):
        return os.path.join(os.path.expanduser(env["FAL_CLI_HOME"]), kind)
    if sys.platform in ("darwin", "win32"):
        import platformdirs

        return str(getattr(platformdirs, f"user_{kind}_dir")(_APP, appauthor=False))
    variable, usual = _XDG[kind]
    given = env.get(variable, "").strip()
    return os.path.join(given if os.path.isabs(given) else os.path.expanduser(usual), _APP)


def file_name(name: str) -> str:
    """The name of a file of the cache without its ending, as `cache` has it."""
    plain = quoted(name)
    if len(plain) <= _LONGEST_NAME:
        return plain
    import hashlib

    return f"{plain[:80]}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:24]}"


def quoted(text: str) -> str:
    """What `urllib.parse.quote` makes of it, which takes long to import."""
    data = text.encode("utf-8", "replace")
    return "".join(chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in data)


def _rows(path: str, how: str, statement: str, values: "tuple[str, ...]") -> "list[tuple[Any, ...]]":
    import sqlite3

    address = f"file:{path.replace('%', '%25').replace('?', '%3f').replace('#', '%23')}?{how}"
    db = sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS)
    try:
        return db.execute(statement, values).fetchall()
    finally:
        db.close()


def _toml(path: str) -> "dict[str, Any]":
    import tomllib

    try:
        with open(path, "rb") as stream:
            return tomllib.load(stream)
    except (OSError, ValueError):
        return {}
