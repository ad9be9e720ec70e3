"""Answers kept for a while, each in a file of its own. A cache that cannot be used is an empty one.

A file is a line of JSON (what it is of, its age and facts) and then the bytes as they came.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from fal_cli.files import atomic

_LONGEST_NAME = 120


class Kept(NamedTuple):
    """What is kept under a name. Moments are Unix seconds; after `until` it is to be asked for again."""

    name: str
    body: bytes
    kept_at: float
    until: float
    facts: Mapping[str, Any]
    is_fresh: bool


class Cache:
    """A folder of such files. No method raises: what cannot be read is not there, what cannot be written is let go."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._now = now

    def read(self, name: str) -> Kept | None:
        """What was kept under `name`, however old."""
        try:
            head, _, body = self._path(name).read_bytes().partition(b"\n")
            facts = json.loads(head)
            if facts.pop("name") != name:  # a file system that does not tell cases apart
                return None
            kept_at, until = float(facts.pop("kept_at")), float(facts.pop("until"))
        except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
            return None
        return Kept(name, body, kept_at, until, facts, is_fresh=kept_at <= self._now() < until)

    def write(
        self, name: str, body: bytes, *, seconds: float, facts: Mapping[str, Any], kept_at: float | None = None
    ) -> None:
        """Keeps `body` for so long; `kept_at` is when it came, if that was not now."""
        now = self._now()
        head = {**facts, "name": name, "kept_at": now if kept_at is None else kept_at, "until": now + seconds}
        with suppress(OSError, ValueError):
            atomic.make_private_folder(self.folder)
            atomic.write(self._path(name), json.dumps(head).encode() + b"\n" + body, private=True)

    def _path(self, name: str) -> Path:
        plain = quote(name, safe="")
        if len(plain) > _LONGEST_NAME:
            import hashlib

            plain = f"{plain[:80]}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:24]}"
        return self.folder / f"{plain}.json"
