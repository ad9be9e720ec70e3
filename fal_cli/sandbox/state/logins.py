"""Refresh tokens of logins, which rotate: each is good once, and one that is used again ends its whole login (§1.5)."""

import hashlib
import secrets
from pathlib import Path

from fal_cli.sandbox.state import private
from fal_cli.sandbox.state.store import Store

FILE = "auth0_token"


def begin(store: Store) -> str:
    """The first refresh token of a new login."""
    return _add(store, secrets.token_hex(8))


def rotate(store: Store, token: str) -> str | None:
    """The token in the place of this one, which is used up; None for one that is not good."""
    with store.transaction() as db:
        row = db.execute("SELECT login, is_used FROM logins WHERE digest = ?", (_digest(token),)).fetchone()
        if row is None:
            return None
        login, is_used = row
        if is_used:
            db.execute("DELETE FROM logins WHERE login = ?", (login,))
            return None
        db.execute("UPDATE logins SET is_used = 1 WHERE digest = ?", (_digest(token),))
        return _add(store, login)


def write(store: Store, folder: Path) -> Path:
    """A new login in the form of the vendor's own file; its path. Raises OSError."""
    private.folder(folder)
    path = folder / FILE
    with private.create(path) as file:
        file.write(begin(store).encode())
    private.touch(path)
    return path


def _add(store: Store, login: str) -> str:
    token = f"sandbox-refresh-{secrets.token_urlsafe(32)}"
    store.db.execute("INSERT INTO logins VALUES (?, ?, 0)", (_digest(token), login))
    return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
