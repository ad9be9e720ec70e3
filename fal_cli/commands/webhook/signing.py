"""The local key that stands in for the service's: made once, and public as a JWKS (wire §10.3)."""

import base64
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from fal_cli.commands.webhook import signature
from fal_cli.config import paths
from fal_cli.context import Context
from fal_cli.errors import CliError, UsageError
from fal_cli.files import atomic
from fal_cli.inputs import documents
from fal_cli.urls import is_loopback

_HINT = "Make one with: openssl genpkey -algorithm ed25519 -out key.pem"


class Signer:
    """Signs webhooks with one key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def headers(self, request_id: str, user_id: str, body: bytes, *, now: float) -> dict[str, str]:
        """The four headers of a webhook that is sent at the moment `now` (Unix seconds)."""
        timestamp = str(int(now))
        signed = self._key.sign(signature.message(request_id, user_id, timestamp, body))
        return {
            signature.REQUEST_ID: request_id,
            signature.USER_ID: user_id,
            signature.TIMESTAMP: timestamp,
            signature.SIGNATURE: signed.hex(),
        }

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key as the service publishes its own."""
        x = base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw()).rstrip(b"=").decode()
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "use": "sig", "alg": "EdDSA"}]}


def open_signer(context: Context, pem: str) -> Signer:
    """A signer with the key of a PEM file, or with this machine's own, which is made at its first use.

    Where the keys are to come from a sandbox on this machine, it is the sandbox's own: what checks with its keys
    takes these webhooks too.
    Raises `UsageError`, and `CliError` if the key cannot be stored.
    """
    if pem:
        return Signer(_loaded(documents.read_file(pem), pem))
    is_sandbox = context.in_sandbox or is_loopback(context.accounts.hosts.rest)
    folder = paths.sandbox_folder(context.env) if is_sandbox else paths.state_folder(context.env)
    path = folder / "webhook-key.pem"
    try:
        if not path.exists():
            _make(path)
            context.talk.decision(f"a new signing key in {path}")
        return Signer(_loaded(path.read_bytes(), str(path)))
    except OSError as error:
        raise CliError(f"the signing key {path} cannot be used: {error.strerror or error}") from None


def _loaded(pem: bytes, name: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise UsageError(f"the key in {name} is encrypted; use a key without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"{name} is not a private key in PEM format", hint=_HINT) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"the key in {name} is not an Ed25519 key", hint=_HINT)
    return key


def _make(path: Path) -> None:
    """Writes a new key, unless another process is first; whole when it is there, and its owner's alone."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    atomic.make_private_folder(path.parent)
    with atomic.Part(path, private=True) as part:
        part.write(pem)
        part.place_if_free(path)
