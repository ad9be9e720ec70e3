"""Answers kept for a while, each in a file of its own. A cache that cannot be used is an empty one.

A file is a line of JSON (what it is of, its age and facts) and then the bytes as they came. Light: completion reads it.
"""

import json
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_LONGEST_NAME = 120
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


class Kept:
    """What is kept under a name. Moments are Unix seconds; after `until` it is to be asked for again."""

    def __init__(
        self, name: str, body: bytes, kept_at: float, until: float, facts: "Mapping[str, Any]", *, is_fresh: bool
    ) -> None:
        self.name = name
        self.body = body
        self.kept_at = kept_at
        self.until = until
        self.facts = facts
        self.is_fresh = is_fresh


class Cache:
    """A folder of such files. Nothing raises: what cannot be read is not there, what cannot be written is dropped."""

    def __init__(self, folder: "str | os.PathLike[str]", *, now: "Callable[[], float]" = time.time) -> None:
        self.folder = os.fspath(folder)
        self._now = now

    def read(self, name: str) -> Kept | None:
        """What was kept under `name`, however old."""
        try:
            with open(self.path_of(name), "rb") as stream:
                head, _, body = stream.read().partition(b"\n")
            facts = json.loads(head)
            if facts.pop("name") != name:  # a file system that does not tell cases apart
                return None
            kept_at, until = float(facts.pop("kept_at")), float(facts.pop("until"))
        except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
            return None
        return Kept(name, body, kept_at, until, facts, is_fresh=kept_at <= self._now() < until)

    def write(
        self, name: str, body: bytes, *, seconds: float, facts: "Mapping[str, Any]", kept_at: float | None = None
    ) -> None:
        """Keeps `body` for so long; `kept_at` is when it came, if that was not now."""
        from contextlib import suppress
        from pathlib import Path

        from fal_cli.files import atomic

        now = self._now()
        head = {**facts, "name": name, "kept_at": now if kept_at is None else kept_at, "until": now + seconds}
        with suppress(OSError, ValueError):
            atomic.make_private_folder(Path(self.folder))
            atomic.write(Path(self.path_of(name)), json.dumps(head).encode() + b"\n" + body, private=True)

    def path_of(self, name: str) -> str:
        """The file of a name."""
        plain = quoted(name)
        if len(plain) > _LONGEST_NAME:
            import hashlib

            plain = f"{plain[:80]}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:24]}"
        return os.path.join(self.folder, f"{plain}.json")


def quoted(text: str) -> str:
    """What `urllib.parse.quote` makes of it, which takes long to import."""
    data = text.encode("utf-8", "replace")
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in data)
