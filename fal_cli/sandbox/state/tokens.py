"""Tokens and signed URLs: JWTs of logins, of the CDN and of realtime (§1.2, §5.2, §7.1), signatures in a query (§5.3).

They carry all that they mean, so any sandbox of a state folder honours those of any other. `secret` is one of that
folder's `keys`.
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

_HEADER = {"alg": "HS256", "typ": "JWT"}


def mint(secret: bytes, kind: str, seconds: float, **claims: Any) -> str:
    """A token of that kind (`login`, `cdn` or `realtime`) which lives for `seconds`."""
    now = time.time()
    payload = {**claims, "kind": kind, "iat": now, "exp": now + seconds, "jti": secrets.token_hex(8)}
    signed = f"{_encode(_HEADER)}.{_encode(payload)}"
    return f"{signed}.{_base64url(_digest(secret, signed))}"


def read(secret: bytes, token: str, kind: str) -> dict[str, Any] | None:
    """The claims of a token of that kind, alive or not; None for one that is not ours.

    A token that names no kind is one of a login, as other tools make them.
    """
    signed, _, signature = token.rpartition(".")
    if not _same(signature, _base64url(_digest(secret, signed))):
        return None
    try:
        header, claims = (json.loads(_decode(part)) for part in signed.split("."))
    except (ValueError, RecursionError):
        return None
    is_jwt = isinstance(header, dict) and header.get("alg") == "HS256" and isinstance(claims, dict)
    return claims if is_jwt and claims.get("kind", "login") == kind else None


def is_live(claims: Mapping[str, Any]) -> bool:
    """Whether a token's time is not over. One that names no end is taken for dead."""
    end = claims.get("exp")
    return isinstance(end, int | float) and time.time() < end


def sign(secret: bytes, url: str, subject: str, seconds: float) -> str:
    """`url` with a query that lets its holder do `subject` for `seconds`."""
    expires = f"{time.time() + seconds:.3f}"
    signature = _digest(secret, f"{subject}:{expires}").hex()
    return f"{url}?{urlencode({'expires': expires, 'signature': signature})}"


def is_signed(secret: bytes, query: Mapping[str, str], subject: str) -> bool:
    """Whether a query holds a live signature for `subject`."""
    expires = query.get("expires", "")
    if not _same(query.get("signature", ""), _digest(secret, f"{subject}:{expires}").hex()):
        return False
    return time.time() < float(expires)


def _digest(secret: bytes, text: str) -> bytes:
    return hmac.digest(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256)


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())


def _encode(value: Any) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
