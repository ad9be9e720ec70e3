"""The key pair that signs webhooks, and the headers and the JWKS that are made of it (§10.3).

The key is made once and kept in the state folder, where only its owner reads it, so that every sandbox of that
folder serves the keys of every other.
"""

import base64
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from fal_cli.sandbox.state import private
from fal_cli.sandbox.state.store import Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_FILE = "webhook-key.pem"
USER_ID = "sandbox"
_SIGNATURE = "X-Fal-Webhook-Signature"


def headers(store: Store, request_id: str, body: bytes, moment: float) -> dict[str, str]:
    """What goes with a webhook that is sent at `moment` (Unix seconds). Takes a moment: not on the event loop."""
    timestamp = str(int(moment))
    signed = "\n".join((request_id, USER_ID, timestamp, hashlib.sha256(body).hexdigest()))
    return {
        "X-Fal-Webhook-Request-Id": request_id,
        "X-Fal-Webhook-User-Id": USER_ID,
        "X-Fal-Webhook-Timestamp": timestamp,
        _SIGNATURE: _key(store).sign(signed.encode()).hex(),
    }


def spoil(signed: dict[str, str]) -> dict[str, str]:
    """The same headers with another signature, of the same form."""
    right = bytes.fromhex(signed[_SIGNATURE])
    return {**signed, _SIGNATURE: bytes([right[0] ^ 1, *right[1:]]).hex()}


def jwks(store: Store) -> dict[str, Any]:
    """The public key, as everyone may have it. Takes a moment: not on the event loop."""
    public = _key(store).public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "use": "sig", "alg": "EdDSA"}]}


def _key(store: Store) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = store.state / KEY_FILE
    if not path.exists():
        with store.transaction():  # of two processes at once, the second one finds the first one's
            if not path.exists():
                _make(path)
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")
    with private.create(part) as file:
        file.write(pem)
    os.replace(part, path)
