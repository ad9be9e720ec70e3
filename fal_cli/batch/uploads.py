"""The files of many calls: each is sent once, by whichever thread needs it first, and found again another day.

What is known of a file is known by its bytes (`identity.digests`). An address that is remembered is tried before it is
used; one that no longer answers is sent anew.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fal_cli.api.deadline import Deadline
from fal_cli.api.upload import Lifecycle, Upload, upload
from fal_cli.api.wire import Wire
from fal_cli.calls.attachments import open_source
from fal_cli.calls.uploaded import Uploaded
from fal_cli.context import Context
from fal_cli.files.attachment import Attachment, holds_attachments
from fal_cli.identity.digests import Digests
from fal_cli.media import MediaFile
from fal_cli.results import at_hand
from fal_cli.results.at_hand import NotHad


class Uploads:
    """The addresses of files."""

    def __init__(self, context: Context, digests: Digests, deadline: Deadline) -> None:
        self._context = context
        self._digests = digests
        self._deadline = deadline
        self._urls: dict[str, str] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self.sent = 0

    def resolved(self, wire: Wire, input_json: Mapping[str, Any], spares: Mapping[str, str]) -> dict[str, Any]:
        """An input with an address in place of each file. Raises the request layer's errors, `UsageError`.

        `spares` are files for addresses that may have expired.
        """
        gone = {url: path for url, path in spares.items() if _names(input_json, url) and not _answers(wire, url)}
        if not gone and not holds_attachments(dict(input_json)):
            return dict(input_json)
        replaced: dict[str, Any] = self._replaced(wire, dict(input_json), gone)
        return replaced

    def _replaced(self, wire: Wire, value: Any, gone: Mapping[str, str]) -> Any:
        if isinstance(value, Attachment):
            return self._url(wire, value)
        if isinstance(value, str) and value in gone:
            return self._url(wire, Attachment(key="", path=Path(gone[value])))
        if isinstance(value, dict):
            return {key: self._replaced(wire, inner, gone) for key, inner in value.items()}
        return [self._replaced(wire, inner, gone) for inner in value] if isinstance(value, list) else value

    def _url(self, wire: Wire, file: Attachment) -> str:
        digest = self._digests.of(file)
        with self._lock:
            lock = self._locks.setdefault(digest, threading.Lock())
        with lock:  # the others wait for the one that sends it
            if digest not in self._urls:
                known = Uploaded(self._context, wire)
                self._urls[digest] = known.url_of(file) or self._sent(wire, known, file)
            return self._urls[digest]

    def _sent(self, wire: Wire, known: Uploaded, file: Attachment) -> str:
        with open_source(file.path, name=file.name) as source:
            url = upload(wire, Upload(source, Lifecycle(), lambda count: None, self._deadline))
        self.sent += 1
        known.remember(file, url)
        return url


def _names(value: Any, url: str) -> bool:
    if isinstance(value, str):
        return value == url
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(_names(one, url) for one in inner)


def _answers(wire: Wire, url: str) -> bool:
    """Whether an address still leads to a file."""
    try:
        at_hand.beginning(wire, MediaFile(url), count=1)
    except NotHad:
        return False
    return True
