"""The keys of a sandbox: made once for a state folder, and kept there where only its owner reads them.

`sandbox:SECRET` calls models, `sandbox-admin:SECRET` also reads the bills, and `sandbox-locked:SECRET` is the key of
the same account as if its balance were used up. The first is in the file; all sandboxes of a folder take all three.
"""

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from fal_cli.sandbox.state import private

FILE = "key"
_PREFIX = "sandbox:"
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,128}")


@dataclass(frozen=True)
class Keys:
    """All keys that have one secret."""

    secret: str = field(repr=False)

    @property
    def plain(self) -> str:
        """Calls models (§1.2: the scope `API`)."""
        return f"{_PREFIX}{self.secret}"

    @property
    def admin(self) -> str:
        """Also reads the bills (the scope `ADMIN`)."""
        return f"sandbox-admin:{self.secret}"

    @property
    def locked(self) -> str:
        """Calls nothing that costs money."""
        return f"sandbox-locked:{self.secret}"

    @property
    def login(self) -> bytes:
        """What access tokens of a login are signed with (HS256): the key, so that whoever has it can make one."""
        return self.plain.encode()

    @property
    def seal(self) -> bytes:
        """What the tokens and signed URLs of the sandbox are signed with."""
        return hmac.digest(self.secret.encode(), b"seal", hashlib.sha256)


def of(state: Path) -> Keys:
    """The keys of a state folder; the folder and they are made if they are missing. Raises OSError."""
    private.folder(state)
    path = state / FILE
    found = _read(path)
    if found is None:
        _make(path)
        found = _read(path)
    if found is None:
        raise OSError(f"{path} holds no key of a sandbox; remove it")
    private.touch(path)
    return found


def _read(path: Path) -> Keys | None:
    try:
        text = path.read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    secret = text.removeprefix(_PREFIX)
    return Keys(secret) if text.startswith(_PREFIX) and _SECRET.fullmatch(secret) else None


def _make(path: Path) -> None:
    """Writes a new key beside, then names it: of two processes at once the second one finds the first one's."""
    part = path.with_name(f"{FILE}.{secrets.token_hex(8)}.part")
    with private.create(part) as file:
        file.write(f"{_PREFIX}{secrets.token_hex(16)}\n".encode())
    try:
        os.link(part, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
