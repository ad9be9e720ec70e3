"""The SHA-256 of a file, read once and remembered for as long as the file looks the same."""

import hashlib
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fal_cli.errors import UsageError
from fal_cli.files.attachment import Attachment
from fal_cli.ledger import uploads
from fal_cli.ledger.journal import Journal
from fal_cli.ledger.uploads import Seen

T = TypeVar("T")
_BLOCK = 1024 * 1024
# A file that was written this shortly ago may be written once more without looking different.
_SETTLED_NS = 2_000_000_000


class NoDigest(Exception):
    """A file that is no file but a pipe: it can be read once, and that is for sending it."""


class Digests:
    """The digests of files, each read once in this process; with `remembers` once for as long as it is unchanged."""

    def __init__(self, journal: Journal, *, remembers: bool = True) -> None:
        self._journal = journal
        self._remembers = remembers
        self._known: dict[tuple[str, Seen], str] = {}

    def of(self, attachment: Attachment) -> str:
        """The SHA-256 of an attachment's file, of a folder that of its files and their names.

        Raises `NoDigest` for a pipe, `UsageError` where it cannot be read.
        """
        return self._of_folder(attachment.path) if attachment.is_folder else self.of_path(attachment.path)

    def _of_folder(self, folder: Path) -> str:
        from fal_cli.api.upload_folder import Skipped, listed

        try:
            paths = [path for path in listed(folder) if not isinstance(path, Skipped)]
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read {folder}: {getattr(error, 'strerror', None) or error}") from None
        digest = hashlib.sha256()
        for path in paths:
            name = path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape")
            digest.update(name + b"\0" + self.of_path(path).encode())
        return digest.hexdigest()

    def of_path(self, path: Path) -> str:
        """The same by the file's path."""
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # opening one would take it from whoever is to send it
                raise NoDigest(f"{path} is a pipe or a device, which is known only once it is read")
            with path.open("rb") as stream:
                found = os.fstat(stream.fileno())
                seen = Seen(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
                place = (os.path.realpath(path), seen)
                if place not in self._known:
                    self._known[place] = self._remembered(*place) or self._read(*place, stream.read)
                return self._known[place]
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None

    def _remembered(self, path: str, seen: Seen) -> str:
        if not self._remembers:
            return ""
        return self._journal.attempt(lambda ledger: uploads.hash_of(ledger, path, seen), "")

    def _read(self, path: str, seen: Seen, read: Callable[[int], bytes]) -> str:
        digest, count = hashlib.sha256(), 0
        while block := read(_BLOCK):
            digest.update(block)
            count += len(block)
        sha256 = digest.hexdigest()
        is_settled = time.time_ns() - max(seen.mtime_ns, seen.ctime_ns) > _SETTLED_NS
        if self._remembers and is_settled and count == seen.size:
            self._journal.attempt(lambda ledger: uploads.remember_hash(ledger, path, seen, sha256), None)
        return sha256
