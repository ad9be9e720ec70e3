"""The identity of a paid call: `once_key = SHA-256(scope · endpoint · canonical input · nth · outcome options)`.

The *scope* is the account: host and profile, or without a profile the id of the key, so that a rotated secret keeps
it. A batch makes a scope of its own. *nth* tells equal calls apart that are meant to be made more than once. Options
that change what comes back belong to it; those that change how it comes (tags, priority, hints) do not.
"""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from fal_cli.api.call_options import CallOptions, expiry_seconds
from fal_cli.auth.accounts import Account
from fal_cli.urls import origin

_NONE: Mapping[str, str] = MappingProxyType({})
_FORM = "1"  # a change of what a key is made of is another form, so that no old key means something else


class Identity(NamedTuple):
    """What a call is known by: in its scope (`once_key`), and by its content alone, in any scope (`content_key`)."""

    once_key: str
    content_key: str
    scope: str


def identity(
    scope: str, endpoint: str, canonical_input: str, *, nth: int = 0, outcome: Mapping[str, str] = _NONE
) -> Identity:
    """The identity of a call. `canonical_input` is what `canonical.text` made, `outcome` what `outcome_of` did."""
    content = _print(endpoint, canonical_input, str(nth), json.dumps(dict(outcome), sort_keys=True))
    return Identity(_print(scope, content), content, scope)


def once_key(
    scope: str, endpoint: str, canonical_input: str, *, nth: int = 0, outcome: Mapping[str, str] = _NONE
) -> str:
    """What a call is known by in its scope."""
    return identity(scope, endpoint, canonical_input, nth=nth, outcome=outcome).once_key


def scope_of(account: Account) -> str:
    """The account that a call is paid by, as 32 digits that tell nothing of it. No key can be made of it."""
    credential = account.credential
    # A sandbox's own keys name the sandbox, whatever port it answers at today.
    host = "sandbox" if credential.is_of_the_sandbox else ":".join(map(str, origin(account.hosts.queue)))
    who = f"profile {credential.profile}" if credential.profile else f"key {_key_id(credential.authorization)}"
    if credential.is_of_the_sandbox:
        who = f"{who} {credential.key_print}"
    return _print(host, who)[:32]


def batch_scope(scope: str, batch: str) -> str:
    """The scope of the calls of one batch."""
    return _print(scope, "batch", batch)[:32]


def outcome_of(options: CallOptions) -> Mapping[str, str]:
    """The options that change what comes back; the path is part of the endpoint."""
    found = {}
    if options.method != "post":
        found["method"] = options.method
    if options.expires:
        found["expires"] = str(expiry_seconds(options.expires))
    return found


def _key_id(authorization: str) -> str:
    """The part of a key before its secret; of one that has no such part a print of the whole."""
    kind, _, key = authorization.partition(" ")
    key_id, colon, _ = key.partition(":")
    return key_id if kind == "Key" and colon else _print(authorization)


def _print(*parts: str) -> str:
    text = json.dumps([_FORM, *parts], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
