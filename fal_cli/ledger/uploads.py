"""What is remembered of files: which bytes they hold, and where those bytes were uploaded to."""

from datetime import datetime
from typing import NamedTuple

from fal_cli.ledger.store import Ledger, moment_text


class Seen(NamedTuple):
    """A file as the system described it when it was read. One that looks the same holds the same bytes.

    The time of the last change of the entry is among it: unlike that of the file it cannot be set back.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def hash_of(ledger: Ledger, path: str, seen: Seen) -> str:
    """The SHA-256 of a file that looks as it did when it was read; "" if it does not, or never was."""
    found = ledger.execute(
        "SELECT sha256 FROM hashes WHERE path = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND inode = ?",
        (path, *seen),
    ).fetchone()
    return str(found["sha256"]) if found else ""


def remember_hash(ledger: Ledger, path: str, seen: Seen, sha256: str) -> None:
    """Records what a file held."""
    ledger.execute(
        "INSERT OR REPLACE INTO hashes (path, size, mtime_ns, ctime_ns, inode, sha256) VALUES (?, ?, ?, ?, ?, ?)",
        (path, *seen, sha256),
    )


def url_of(ledger: Ledger, sha256: str, scope: str, now: datetime) -> str:
    """Where an account uploaded these bytes to, unless that is past its time; "" if it did not."""
    found = ledger.execute(
        "SELECT url FROM uploads WHERE sha256 = ? AND scope = ? AND (expires IS NULL OR expires > ?)",
        (sha256, scope, moment_text(now)),
    ).fetchone()
    return str(found["url"]) if found else ""


def remember_url(ledger: Ledger, sha256: str, scope: str, url: str, expires: datetime | None = None) -> None:
    """Records where bytes were uploaded to, and until when they are there."""
    ledger.execute(
        "INSERT OR REPLACE INTO uploads (sha256, scope, url, expires) VALUES (?, ?, ?, ?)",
        (sha256, scope, url, moment_text(expires) if expires else None),
    )


def forget_url(ledger: Ledger, sha256: str, scope: str) -> None:
    """Takes an address that does not answer any more out of what is remembered."""
    ledger.execute("DELETE FROM uploads WHERE sha256 = ? AND scope = ?", (sha256, scope))
