"""What this program keeps: its folders, settings, ledger and cache."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from fal_cli.auth import profiles
from fal_cli.commands.doctor.finding import Finding, ok, problem, short, warning
from fal_cli.config import hosts, paths, settings, toml
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.files.cache import Cache
from fal_cli.terminal.times import ago

_OTHERS = 0o077
_PATIENCE_SECONDS = 2.0
_UNITS = (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10))


def checks(context: Context) -> Iterator[tuple[str, Callable[[], Iterable[Finding]]]]:
    """Every finding about files."""
    yield "settings", lambda: [_settings(context)]
    yield "ledger", lambda: [_ledger(context)]
    yield "cache", lambda: [_cache(context)]


def _settings(context: Context) -> Finding:
    path = profiles.path_of(context.env, in_sandbox=context.in_sandbox)
    try:
        ours = profiles.read(path)
        toml.read(paths.config_path(context.env))
        settings.is_private(context.env)
        settings.on_interrupt(context.env)
        hosts.hosts(context.env, ours.get(profiles.named(context.env, ours, context.flags.profile)).hosts)
    except CliError as error:
        return problem("settings", error.message, error.hint or "Fix that file")
    if ours.is_exposed:
        return problem("settings", f"{path} can be read by others", f"chmod 600 {path}")
    count = len(ours.by_name)
    told = f"{count} profile{'s' * (count != 1)}, {ours.active} is active" if count else "no profile"
    return ok("settings", f"{short(path.parent)}: {told}")


def _ledger(context: Context) -> Finding:
    """Whether the ledger is intact, by SQLite's own check. Changes nothing."""
    try:
        path = context.ledger_path
    except CliError:  # `access` tells of the key
        path = paths.state_folder(context.env) / "ledger.db"
    if paths.NOWHERE in str(path):
        return problem("ledger", "no home folder to keep it in", "Choose a folder: FAL_CLI_HOME=FOLDER")
    try:
        mode = path.stat().st_mode
    except OSError:
        return _no_ledger(path)
    try:
        rows, unfinished, verdict = _asked(path)
    except sqlite3.Error as error:
        return problem("ledger", f"{path}: {error}", f"Move it away; fal makes a new one: mv {path} {path}.broken")
    fact = f"{short(path)}: {rows} request{'s' * (rows != 1)}, {unfinished} unfinished, {_size(path)}, {verdict}"
    if verdict != "whole":
        return problem("ledger", fact, f"Move it away; fal makes a new one: mv {path} {path}.broken")
    if mode & _OTHERS and os.name != "nt":
        return warning("ledger", f"{fact}; others can read it", f"chmod 600 {path}")
    if not os.access(path, os.W_OK):
        return problem("ledger", f"{fact}; it cannot be written", f"Make it yours: chown {path}")
    return ok("ledger", fact)


def _no_ledger(path: Path) -> Finding:
    """The first call creates it; whether that will work."""
    parent = next((folder for folder in path.parents if folder.exists()), path)
    if not os.access(parent, os.W_OK | os.X_OK):
        return problem("ledger", f"{path} cannot be created", f"Make {parent} writable, or set FAL_CLI_HOME")
    return ok("ledger", f"{short(path)}: none yet; the first call creates it")


def _asked(path: Path) -> tuple[int, int, str]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_PATIENCE_SECONDS)) as db:
        verdict = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "requests" not in tables:
            return 0, 0, "whole"
        (rows,) = db.execute("SELECT count(*) FROM requests").fetchone()
        columns = {found[1] for found in db.execute("PRAGMA table_info(requests)")}
        (unfinished,) = (
            db.execute("SELECT count(*) FROM requests WHERE is_open").fetchone() if "is_open" in columns else (0,)
        )
    return int(rows), int(unfinished), "whole" if verdict == "ok" else f"damaged ({verdict})"


def _cache(context: Context) -> Finding:
    folder = paths.cache_folder(context.env)
    files = [path for path in folder.rglob("*.json") if path.is_file()] if folder.is_dir() else []
    if not files:
        return ok("cache", f"{short(folder)}: empty; 'fal models' fills it, for completion too")
    size = sum(path.stat().st_size for path in files)
    exposed = [path for path in files if stat.S_IMODE(path.stat().st_mode) & _OTHERS] if os.name != "nt" else []
    fact = f"{short(folder)}: {len(files)} files, {_sized(size)}{_age_of_catalogue(folder)}"
    if exposed:
        return warning("cache", f"{fact}; others can read it", f"chmod -R go= {folder}")
    return ok("cache", fact)


def _age_of_catalogue(folder: Path) -> str:
    """How old the newest list of models is."""
    from datetime import UTC, datetime

    kept = [found for path in folder.glob("*/models.json") if (found := Cache(path.parent).read("models"))]
    if not kept:
        return ""
    when = datetime.fromtimestamp(max(found.kept_at for found in kept), UTC)
    return f", models of {ago(when, datetime.now(UTC)) or f'{when:%Y-%m-%d}'}"


def _size(path: Path) -> str:
    return _sized(path.stat().st_size)


def _sized(count: int) -> str:
    for unit, size in _UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
