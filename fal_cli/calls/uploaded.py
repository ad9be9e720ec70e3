"""What was uploaded before: a file's URL by the SHA-256 of its bytes, as long as it still answers."""

from datetime import UTC, datetime
from pathlib import Path

from fal_cli.api.wire import Wire
from fal_cli.context import Context
from fal_cli.files.attachment import Attachment
from fal_cli.identity.digests import Digests, NoDigest
from fal_cli.identity.keys import scope_of
from fal_cli.ledger import uploads
from fal_cli.media import MediaFile
from fal_cli.results import at_hand
from fal_cli.results.at_hand import NotHad
from fal_cli.urls import is_loopback, origin


class Uploaded:
    """The uploads of an account that the ledger remembers."""

    def __init__(self, context: Context, wire: Wire) -> None:
        self._journal = context.journal
        self._wire = wire
        self._scope = scope_of(context.accounts.own)
        self._digests = Digests(context.journal)
        self._asked: dict[Path, str] = {}

    def url_of(self, attachment: Attachment) -> str:
        """The URL of a file that is already uploaded; "" if it is not, or is gone."""
        sha256, now = self._sha256(attachment), datetime.now(UTC)
        self._asked[attachment.path] = sha256
        if not sha256:
            return ""
        url = self._journal.attempt(lambda ledger: uploads.url_of(ledger, sha256, self._scope, now), "")
        url = self._of_today(url)
        if not url or self._answers(url):
            return url
        self._journal.attempt(lambda ledger: uploads.forget_url(ledger, sha256, self._scope), None)
        return ""

    def remember(self, attachment: Attachment, url: str) -> None:
        """Records where a file was uploaded to that was asked for before: it is what it was then, or was not sent."""
        if sha256 := self._asked[attachment.path]:
            self._journal.attempt(lambda ledger: uploads.remember_url(ledger, sha256, self._scope, url), None)

    def _sha256(self, attachment: Attachment) -> str:
        try:
            return self._digests.of(attachment)
        except NoDigest:
            return ""

    def _of_today(self, url: str) -> str:
        """A sandbox has another port each time that it is started, and any of its files is there."""
        cdn = self._wire.hosts.cdn
        if url and is_loopback(url) and is_loopback(cdn) and origin(url) != origin(cdn):
            return cdn + url.partition("://")[2].partition("/")[1] + url.partition("://")[2].partition("/")[2]
        return url

    def _answers(self, url: str) -> bool:
        try:
            at_hand.beginning(self._wire, MediaFile(url), count=1)
        except NotHad:
            return False
        return True
