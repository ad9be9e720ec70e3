"""The files of many calls: each is sent once, by whichever thread needs it first, and found again another day.

What is known of a file is known by its bytes (`identity.digests`). An address that is remembered is tried before it is
used; one that no longer answers is sent anew.
"""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fal_cli.api import retry
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError
from fal_cli.api.messages import Request, TransportFailure
from fal_cli.api.upload import Lifecycle, Upload, upload
from fal_cli.api.wire import Wire
from fal_cli.batch.group import Group
from fal_cli.calls.attachments import open_source
from fal_cli.files.attachment import Attachment, holds_attachments
from fal_cli.identity.digests import Digests
from fal_cli.ledger import uploads

_TAKES_NO_HEAD = (405, 501)


class Uploads:
    """The addresses of files. `scope` is the account that they belong to."""

    def __init__(self, group: Group, digests: Digests, scope: str, deadline: Deadline) -> None:
        self._group = group
        self._digests = digests
        self._scope = scope
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
                self._urls[digest] = self._remembered(wire, digest) or self._sent(wire, digest, file)
            return self._urls[digest]

    def _remembered(self, wire: Wire, digest: str) -> str:
        url = self._group.do(lambda ledger: uploads.url_of(ledger, digest, self._scope, datetime.now(UTC)))
        return url if url and _answers(wire, url) else ""

    def _sent(self, wire: Wire, digest: str, file: Attachment) -> str:
        with open_source(file.path, name=file.name) as source:
            url = upload(wire, Upload(source, Lifecycle(), lambda count: None, self._deadline))
        self.sent += 1
        self._group.do(lambda ledger: uploads.remember_url(ledger, digest, self._scope, url))
        return url


def _names(value: Any, url: str) -> bool:
    if isinstance(value, str):
        return value == url
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(_names(one, url) for one in inner)


def _answers(wire: Wire, url: str) -> bool:
    """Whether an address still leads to a file, as far as its host tells."""
    request = Request("the look at a file", "HEAD", url, {"Accept": "*/*"}, authorization="")
    try:
        answer = wire.send(request, retry.at_most(1))
    except (TransportFailure, ApiError):
        return False
    return answer.ok or answer.status in _TAKES_NO_HEAD
