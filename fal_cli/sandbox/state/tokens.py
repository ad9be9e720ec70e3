"""Tokens and signed URLs: JWTs of the CDN and of realtime (§5.2, §7.1), signatures in a query (§5.3).

They carry all that they mean, so any sandbox honours those of any other. The secret is as public as the
sandbox's key.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

_SECRET = b"sandbox: signs nothing of value"
_HEADER = {"alg": "HS256", "typ": "JWT"}


def mint(kind: str, seconds: float, **claims: Any) -> str:
    """A token of that kind (`cdn` or `realtime`) which lives for `seconds`."""
    now = time.time()
    payload = {**claims, "kind": kind, "iat": now, "exp": now + seconds, "jti": secrets.token_hex(8)}
    signed = f"{_encode(_HEADER)}.{_encode(payload)}"
    return f"{signed}.{_base64url(_digest(signed))}"


def read(token: str, kind: str) -> dict[str, Any] | None:
    """The claims of a live token of that kind; None for an expired one or one that is not ours."""
    signed, _, signature = token.rpartition(".")
    if not _same(signature, _base64url(_digest(signed))):
        return None
    payload = signed.partition(".")[2]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims if claims["kind"] == kind and time.time() < claims["exp"] else None


def sign(url: str, subject: str, seconds: float) -> str:
    """`url` with a query that lets its holder do `subject` for `seconds`."""
    expires = f"{time.time() + seconds:.3f}"
    return f"{url}?{urlencode({'expires': expires, 'signature': _digest(f'{subject}:{expires}').hex()})}"


def is_signed(query: Mapping[str, str], subject: str) -> bool:
    """Whether a query holds a live signature for `subject`."""
    expires = query.get("expires", "")
    if not _same(query.get("signature", ""), _digest(f"{subject}:{expires}").hex()):
        return False
    return time.time() < float(expires)


def _digest(text: str) -> bytes:
    return hmac.digest(_SECRET, text.encode("utf-8", "surrogatepass"), hashlib.sha256)


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())


def _encode(value: Any) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
