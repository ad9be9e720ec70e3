"""What programs may count on of each command: what it does beside printing, and what its stdout holds.

The tree (`fal --help --json`) prints this beside what Typer knows. A command that is not here cannot be added.
"""

from typing import NamedTuple

from fal_cli import durations


class Effects(NamedTuple):
    """What a command does beside printing.

    `pays`: it may start work that is billed. `writes` names what it changes here (ledger, cache, files, settings,
    sandbox) or at the service (`service`). `asks`: a person at a terminal may be asked. `stdin` says when it is read.
    `repeatable`: whether running it twice ends as running it once: `yes`, `no`, or `with_once` (the option `--once`).
    """

    pays: bool = False
    writes: tuple[str, ...] = ()
    deletes: bool = False
    network: bool = False
    asks: bool = False
    blocks: str = "no"
    stdin: str = "no"
    repeatable: str = "yes"


class Stdout(NamedTuple):
    """What stdout holds: in a `pipe` without `--json`, and with it as lines that fit a `schema`.

    `lines` is `one`, one for `each` thing that was named, or `many`. `options` name the schema with other options.
    """

    pipe: str
    schema: str
    lines: str = "one"
    options: dict[str, str] = {}  # noqa: RUF012  # read only


class Contract(NamedTuple):
    """All of it, with the options that exclude each other and those that need another."""

    effects: Effects
    stdout: Stdout
    conflicts: tuple[tuple[str, ...], ...] = ()
    requires: dict[str, tuple[str, ...]] = {}  # noqa: RUF012  # read only


_CALL = Effects(
    pays=True, writes=("ledger", "cache", "files", "service"), network=True, asks=True, blocks="until_done",
    stdin="if_no_input", repeatable="no",
)  # fmt: skip
_READ = Effects(network=True)
_LOOK = Effects(writes=("ledger",), network=True)
_HERE = Effects()
_SETTING = Effects(writes=("settings",))
_QUERY = {"--query": "any"}
_FORMS = _QUERY | {
    "--print envelope": "envelope", "--print urls": "texts", "--print files": "texts", "--print text": "text",
    "--print id": "text", "--print url": "text",
}  # fmt: skip
_WRITTEN = {"--dry-run": "dry_run", "--as": "script"}
_SAVING = (("--output", "--directory"), ("--json", "--directory -"))
_QUEUED = ("--webhook", "--max-queue", "--priority", "--print url", "--on-timeout cancel")
_NOT_DIRECT = tuple(("--direct", option) for option in _QUEUED)
_AGAIN: dict[str, tuple[str, ...]] = {"--again": ("--once",)}
_LITERAL = (("--literal", "--from"),)

CONTRACTS: dict[str, Contract] = {
    "run": Contract(
        _CALL._replace(repeatable="with_once"),
        Stdout("json", "result", "one", _FORMS | _WRITTEN),
        _SAVING + _NOT_DIRECT + _LITERAL,
        _AGAIN,
    ),
    "submit": Contract(
        _CALL._replace(blocks="no", repeatable="with_once"),
        Stdout("text", "submitted", "one", {"--print id": "text", "--print url": "text"} | _WRITTEN),
        _LITERAL,
        _AGAIN,
    ),
    "batch": Contract(
        _CALL._replace(repeatable="yes", stdin="if_asked"),
        Stdout(
            "jsonl", "batch_row", "many",
            {"--print files": "text", "--print urls": "text", "--dry-run": "batch_plan"},
        ),
        (("--attach", "--dry-run"),),
    ),
    "batch status": Contract(_HERE, Stdout("json", "batch")),
    "batch resume": Contract(
        _CALL._replace(repeatable="yes", stdin="no"),
        Stdout("jsonl", "batch_row", "many", {"--print files": "text", "--print urls": "text"}),
    ),
    "batch retry": Contract(
        _CALL._replace(stdin="no"),
        Stdout("jsonl", "batch_row", "many", {"--print files": "text", "--print urls": "text"}),
    ),
    "batch cancel": Contract(Effects(writes=("service",), network=True), Stdout("none", "any", "many")),
    "batch export": Contract(_HERE, Stdout("jsonl", "batch_export", "many", {"--format csv": "text"})),
    "batch rm": Contract(Effects(writes=("ledger",), deletes=True), Stdout("none", "any", "many")),
    "stream": Contract(
        _CALL,
        Stdout("jsonl", "any", "many", {"--text": "text"} | _WRITTEN),
        (("--text", "--final"), *_SAVING, *_LITERAL),
    ),
    "realtime": Contract(_CALL._replace(asks=False, stdin="yes"), Stdout("jsonl", "any", "many")),
    "upload": Contract(
        Effects(writes=("service",), network=True, blocks="until_done", stdin="if_asked", repeatable="no"),
        Stdout("text", "uploaded", "each"),
    ),
    "status": Contract(
        _LOOK._replace(blocks="until_done"),
        Stdout(
            "text", "status", "each",
            _QUERY | {"--print envelope": "status_envelope", "--print id": "text", "--follow": "status"},
        ),
        requires={"--timeout": ("--follow",)},
    ),
    "logs": Contract(
        _READ._replace(blocks="until_done"), Stdout("text", "log_line", "many"), requires={"--timeout": ("--follow",)}
    ),
    "result": Contract(
        _LOOK._replace(writes=("ledger", "files"), blocks="until_done"),
        Stdout("json", "result", "each", _FORMS),
        _SAVING,
        {"--timeout": ("--wait",)},
    ),
    "wait": Contract(_LOOK._replace(blocks="until_done"), Stdout("text", "ended", "each")),
    "resume": Contract(
        Effects(pays=True, writes=("ledger", "files"), network=True, blocks="until_done"),
        Stdout("json", "result", "each", _FORMS),
        _SAVING,
    ),
    "cancel": Contract(Effects(writes=("ledger", "service"), network=True), Stdout("none", "cancelled", "each")),
    "rerun": Contract(_CALL, Stdout("json", "result", "one", _FORMS | _WRITTEN), _SAVING + _LITERAL),
    "history": Contract(_HERE, Stdout("jsonl", "request", "many")),
    "history show": Contract(_HERE, Stdout("jsonl", "request_whole", "each")),
    "history rm": Contract(Effects(writes=("ledger",), deletes=True), Stdout("none", "forgotten", "each")),
    "history clear": Contract(Effects(writes=("ledger",), deletes=True), Stdout("none", "cleared")),
    "show": Contract(_READ, Stdout("jsonl", "shown", "many")),
    "gallery": Contract(
        Effects(writes=("files",), network=True),
        Stdout("text", "page"),
        (("--open", "--output -"), ("--json", "--output -")),
    ),
    "cost": Contract(_READ, Stdout("jsonl", "cost", "many")),
    "open": Contract(_READ, Stdout("text", "address")),
    "models": Contract(Effects(writes=("cache",), network=True), Stdout("jsonl", "model", "many")),
    "schema": Contract(
        Effects(writes=("cache",), network=True),
        Stdout("jsonl", "field", "many", {"--openapi": "openapi", "--sample": "sample"}),
        (("--openapi", "--sample"),),
    ),
    "pricing": Contract(_READ, Stdout("jsonl", "price", "each")),
    "webhook verify": Contract(
        Effects(writes=("cache",), network=True, stdin="if_no_input"),
        Stdout("bytes", "any", "one", {"--print request_id": "text"}),
    ),
    "webhook send": Contract(
        Effects(network=True, blocks="until_done", repeatable="no"),
        Stdout("none", "webhook_sent", "many", {"--dry-run": "raw_request"}),
        requires={"--timeout": ("--wait",)},
    ),
    "webhook listen": Contract(
        Effects(network=True, blocks="forever"),
        Stdout("jsonl", "webhook_received", "many"),
        (("--no-verify", "--jwks"),),
    ),
    "webhook jwks": Contract(
        Effects(writes=("settings",), blocks="no"), Stdout("json", "jwks", "one", {"--serve": "served"})
    ),
    "auth login": Contract(
        Effects(writes=("settings",), network=True, asks=True, stdin="if_asked"), Stdout("none", "profile_changed")
    ),
    "auth logout": Contract(
        Effects(writes=("settings",), deletes=True, repeatable="no"), Stdout("none", "profile_changed")
    ),
    "auth list": Contract(_HERE, Stdout("jsonl", "profile", "many")),
    "auth status": Contract(_READ, Stdout("json", "account")),
    "auth switch": Contract(_SETTING, Stdout("none", "profile_changed")),
    "config get": Contract(_HERE, Stdout("text", "setting")),
    "config set": Contract(_SETTING, Stdout("none", "setting")),
    "config unset": Contract(_SETTING, Stdout("none", "setting")),
    "config list": Contract(_HERE, Stdout("jsonl", "setting", "many")),
    "alias set": Contract(_SETTING, Stdout("none", "alias")),
    "alias list": Contract(_HERE, Stdout("jsonl", "alias", "many")),
    "alias rm": Contract(
        Effects(writes=("settings",), deletes=True, repeatable="no"), Stdout("none", "alias_removed")
    ),
    "doctor": Contract(_READ, Stdout("jsonl", "finding", "many")),
    "sandbox start": Contract(Effects(writes=("sandbox",)), Stdout("none", "sandbox_state")),
    "sandbox stop": Contract(Effects(writes=("sandbox",)), Stdout("none", "sandbox_state")),
    "sandbox status": Contract(_HERE, Stdout("json", "sandbox_state")),
    "sandbox env": Contract(_HERE, Stdout("text", "variable", "many")),
    "sandbox serve": Contract(
        Effects(writes=("sandbox",), blocks="forever"),
        Stdout("text", "variable", "many"),
        requires={"--cert": ("--key",), "--key": ("--cert",)},
    ),
    "sandbox reset": Contract(Effects(writes=("sandbox",), deletes=True), Stdout("none", "sandbox_emptied")),
    "sandbox stats": Contract(_HERE, Stdout("json", "sandbox_stats")),
    "sandbox lock": Contract(Effects(writes=("sandbox",)), Stdout("none", "sandbox_lock")),
    "sandbox unlock": Contract(Effects(writes=("sandbox",)), Stdout("none", "sandbox_lock")),
    "completion install": Contract(Effects(writes=("files",)), Stdout("none", "completion_installed", "many")),
    **{
        f"completion {shell}": Contract(_HERE, Stdout("text", "completion_script"))
        for shell in ("bash", "zsh", "fish", "powershell")
    },
    "skill": Contract(_HERE, Stdout("text", "skill")),
    "skill install": Contract(Effects(writes=("files",)), Stdout("none", "skill_installed", "many")),
    "mcp": Contract(_CALL._replace(asks=False, blocks="forever", stdin="yes"), Stdout("jsonl", "any", "many")),
    "help": Contract(_HERE, Stdout("text", "topic", "one", {"": "tree", "errors": "kind", "COMMAND": "command"})),
}  # fmt: skip
CONTRACTS["subscribe"] = CONTRACTS["run"]
"""Every command that does something, by its path."""

DEFAULTS: dict[tuple[str, str], object] = {
    **{(verb, "--print"): "result" for verb in ("run", "result", "resume", "rerun", "subscribe")},
    ("submit", "--print"): "id",
    **{(verb, "--limit"): 0 for verb in ("models", "history")},
    **{(verb, "--idle-timeout"): "120s" for verb in ("stream", "realtime")},
    ("gallery", "--output"): "fal-gallery.html",
    ("realtime", "--path"): "/realtime",
    ("realtime", "--throttle"): "0s",
}
"""What holds where an option is not given, in a pipe, and Typer does not know it."""

ENVIRONMENT: dict[str, str] = {
    "--sandbox": "FAL_SANDBOX", "--profile": "FAL_PROFILE", "--private": "FAL_PRIVATE", "--no-color": "NO_COLOR",
    "--literal": "FAL_LITERAL", "--files": "FAL_FILES", "--require-ledger": "FAL_REQUIRE_LEDGER",
}  # fmt: skip
"""The variables that stand for options and that Typer does not know."""

_ENDPOINT_ID = r"([A-Za-z0-9_~][A-Za-z0-9._~-]*/)+[A-Za-z0-9_~][A-Za-z0-9._~-]*|\d+-[A-Za-z0-9-]+"
_EXPIRY = r"(\d+|1h|1d|7d|30d|1y|never|immediate)"
PATTERNS: dict[str, str] = {
    "endpoint": rf"(https?://(localhost|127\.0\.0\.1)(:\d+)?(/.*)?|{_ENDPOINT_ID})",
    "endpoint_list": rf"({_ENDPOINT_ID})(,({_ENDPOINT_ID}))*",
    "duration": durations.DURATION_PATTERN,
    "moment": durations.MOMENT_PATTERN,
    "input": r"(?s)(-|@.+|\{.*|[^=@]+(=|:=|@).*|[^=@]+\.json)",
    "input_text": r"(?s)[^=]+=.*",
    "expiry": _EXPIRY,
    "port": r"\d{1,5}",
    "url": r"https?://.+",
    "method": r"(?i)(get|post|put|patch|delete)",
    "tag": r"[^=]+=.*",
    "header": r"[^:]+:.*",
    "size": r"(?i)\d{1,12}(\.\d{1,3})?[kmg]?b?",
    "acl": r"(.+=)?(allow|forbid|hide)",
}  # fmt: skip
"""What the text of a value looks like as a whole, by what it stands for."""
