"""What a webhook's signature covers, and the checks that make one valid (wire §10.3). Pure but for the keys."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

REQUEST_ID = "X-Fal-Webhook-Request-Id"
USER_ID = "X-Fal-Webhook-User-Id"
TIMESTAMP = "X-Fal-Webhook-Timestamp"
SIGNATURE = "X-Fal-Webhook-Signature"
HEADERS = (REQUEST_ID, USER_ID, TIMESTAMP, SIGNATURE)
TOLERANCE_SECONDS = 300.0
KEYS_PATH = "/.well-known/jwks.json"

_SECONDS = re.compile(r"[0-9]{1,15}")
_HEX = re.compile(r"[0-9a-fA-F]{128}")


class Invalid(Exception):
    """A webhook that is not to be trusted; the message says which check it failed."""


class Verifier(Protocol):
    """Public keys; `name` is what a message calls them."""

    @property
    def name(self) -> str: ...

    def accept(self, signature: bytes, message: bytes) -> bool: ...


@dataclass(frozen=True)
class Received:
    """A webhook as it came: every value of each header by its lower-case name, and the raw body.

    Header bytes that are no UTF-8 stand as surrogate escapes, so that the message is made of the bytes that came.
    """

    headers: Mapping[str, Sequence[str]]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """The value of a header, "" if it is missing. Raises `Invalid` if there are several."""
        values = self.headers.get(name.lower(), ())
        if len(values) > 1:
            raise Invalid(f"the header {name} appears {len(values)} times")
        return values[0] if values else ""

    def shown(self) -> dict[str, str | None]:
        """The four headers of a signature, None for a missing one; of several values the first."""
        return {name: next(iter(self.headers.get(name.lower(), ())), None) for name in HEADERS}


@dataclass(frozen=True)
class Verified:
    """What a valid webhook claims; `age` in seconds."""

    request_id: str
    user_id: str
    age: int


def message(request_id: str, user_id: str, timestamp: str, body: bytes) -> bytes:
    """What is signed: four texts, each on a line, without a newline at the end."""
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join((request_id, user_id, timestamp, digest)).encode("utf-8", "surrogateescape")


def check(received: Received, keys: Verifier, *, now: float, tolerance: float = TOLERANCE_SECONDS) -> Verified:
    """Checks a webhook at the moment `now` (Unix seconds); an infinite `tolerance` takes any time stamp.

    Raises `Invalid`, and what `keys` raises where there are none.
    """
    request_id, user_id, timestamp, signature = _values(received)
    age = _age(timestamp, now)
    if abs(age) > tolerance:
        where = f"{age} s old" if age > 0 else f"{-age} s ahead of this machine's clock"
        raise Invalid(f"the time stamp is {where}, more than the {tolerance:g} s allowed")
    if not _HEX.fullmatch(signature):
        raise Invalid(f"the header {SIGNATURE} is not 128 hex digits")
    if not keys.accept(bytes.fromhex(signature), message(request_id, user_id, timestamp, received.body)):
        raise Invalid(f"no key of {keys.name} verifies the signature: something was changed, or another key signed it")
    return Verified(request_id, user_id, age)


def _values(received: Received) -> list[str]:
    values = [received.header(name) for name in HEADERS]
    missing = [name for name, value in zip(HEADERS, values, strict=True) if not value]
    if missing:
        *others, last = missing
        what = f"headers {', '.join(others)} and {last} are" if others else f"header {last} is"
        raise Invalid(f"the {what} missing")
    return values


def _age(timestamp: str, now: float) -> int:
    """Whole seconds, as fal.ai's own examples count them."""
    if not _SECONDS.fullmatch(timestamp):
        raise Invalid(f"the time stamp {timestamp[:40]!r} is not a number of seconds")
    return int(now) - int(timestamp)
