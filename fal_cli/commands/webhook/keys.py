"""The public keys that a signature is checked with: the service's, another URL's, or a file's (wire §10.3)."""

import base64
import json
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fal_cli.api import retry
from fal_cli.api.deadline import Deadline
from fal_cli.api.messages import Request, TransportFailure
from fal_cli.api.wire import Wire
from fal_cli.commands.webhook.received import file_or_stdin
from fal_cli.commands.webhook.signature import KEYS_PATH
from fal_cli.config import paths
from fal_cli.context import Context
from fal_cli.errors import CliError, Exit, UsageError
from fal_cli.files.cache import Cache
from fal_cli.inputs import documents
from fal_cli.urls import LOOPBACK, is_loopback, origin

KEPT_SECONDS = 24 * 3600.0
FETCH_SECONDS = 8.0  # whoever checks a webhook has 15 s in all to acknowledge it (§10.1)
REFETCH_SECONDS = 10.0  # forged webhooks must not make us hammer the service
_FETCH_RETRIES = 2
_HINT = "Choose other keys with --jwks FILE or --jwks URL."
_X = re.compile(r"[A-Za-z0-9_-]{43}")


class NoKeys(CliError):
    """No keys to check with are available now."""

    code = Exit.NETWORK
    kind = "service_unavailable"


class BadKeys(ValueError):
    """The document is not a set of Ed25519 keys."""


class FileKeys:
    """Keys that were read once."""

    def __init__(self, name: str, keys: Sequence[Ed25519PublicKey]) -> None:
        self.name = name
        self._keys = keys

    def load(self) -> None:
        """Does nothing: they are there."""

    def accept(self, signature: bytes, message: bytes) -> bool:
        """Whether one of the keys made the signature."""
        return _any_verifies(self._keys, signature, message)


class ServedKeys:
    """Keys of a URL: from the cache, fetched where it has none, and fetched once more where none fits."""

    def __init__(self, wire: Wire, url: str, cache: Cache | None) -> None:
        self.name = url
        self._wire = wire
        self._cache = cache
        self._keys: list[Ed25519PublicKey] = []
        self._until = 0.0
        self._fetched_at: float | None = None

    def load(self) -> None:
        """Makes sure that there are keys, none older than a day. Raises `NoKeys`."""
        if self._keys and time.time() < self._until:
            return
        kept = self._cache.read(self.name) if self._cache else None
        if kept is not None and kept.is_fresh:
            with suppress(NoKeys):
                self._take(kept.body, kept.until)
                return
        self._fetch()

    def accept(self, signature: bytes, message: bytes) -> bool:
        """Whether one of the keys made the signature. Raises `NoKeys`."""
        self.load()
        if _any_verifies(self._keys, signature, message):
            return True
        if self._fetched_at is not None and time.monotonic() - self._fetched_at < REFETCH_SECONDS:
            return False
        self._fetch()
        return _any_verifies(self._keys, signature, message)

    def _fetch(self) -> None:
        body = _fetched(self._wire, self.name)
        self._take(body, time.time() + KEPT_SECONDS)
        self._fetched_at = time.monotonic()
        if self._cache:
            self._cache.write(self.name, body, seconds=KEPT_SECONDS, facts={})

    def _take(self, body: bytes, until: float) -> None:
        try:
            self._keys = parsed(json.loads(body))
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, BadKeys) else "does not answer with JSON"
            raise NoKeys(f"{self.name} {reason}", hint=_HINT) from None
        self._until = until


def open_keys(context: Context, word: str) -> FileKeys | ServedKeys:
    """The keys that `--jwks` names, or the service's own. Raises `UsageError`."""
    if word and "://" not in word:
        source = "stdin" if word == "-" else word
        document = documents.loads(file_or_stdin(context, word, "--jwks", "the keys"), source)
        try:
            return FileKeys(source, parsed(document))
        except BadKeys as error:
            raise UsageError(f"{source} {error}") from None
    url = word or f"{context.accounts.hosts.rest}{KEYS_PATH}"
    _check(url)
    # Nobody's key goes along: the keys are public.
    cache = None if context.in_sandbox else Cache(paths.cache_folder(context.env) / "webhook-keys")
    return ServedKeys(context.wire(local=True), url, cache)


def parsed(document: Any) -> list[Ed25519PublicKey]:
    """The Ed25519 keys of a JWKS; others in it are left out. Raises `BadKeys` where there is none."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise BadKeys('is not a key set: it has no list of "keys"')
    keys = [key for key in map(_key, listed) if key is not None]
    if not keys:
        raise BadKeys("has no Ed25519 key (kty OKP, crv Ed25519, x of 32 bytes)")
    return keys


def _key(entry: Any) -> Ed25519PublicKey | None:
    if not isinstance(entry, dict) or (entry.get("kty"), entry.get("crv")) != ("OKP", "Ed25519"):
        return None
    x = entry.get("x")
    if not isinstance(x, str) or not _X.fullmatch(x):
        return None
    try:
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{x}="))
    except ValueError:
        return None


def _any_verifies(keys: Sequence[Ed25519PublicKey], signature: bytes, message: bytes) -> bool:
    for key in keys:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


def _fetched(wire: Wire, url: str) -> bytes:
    request = Request("fetching the keys", "GET", url, authorization="").for_a_short_answer()
    try:
        answer = wire.send(request, retry.at_most(_FETCH_RETRIES), deadline=Deadline(FETCH_SECONDS))
    except TransportFailure as failure:
        raise NoKeys(f"the keys of {url} cannot be fetched: {failure.reason}", hint=_HINT) from None
    if not answer.ok:
        raise NoKeys(f"the keys of {url} cannot be fetched: HTTP {answer.status}", hint=_HINT)
    return answer.body


def _check(url: str) -> None:
    scheme, host, _ = origin(url)
    if scheme not in ("https", "http") or not host:
        raise UsageError(f"--jwks takes a file or a URL, not {url!r}")
    if scheme == "http" and not is_loopback(url):
        raise UsageError(f"--jwks: anyone could forge keys over http://; only {', '.join(LOOPBACK)} may use it")
