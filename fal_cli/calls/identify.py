"""What a ready call is known by, so that another process, or the same command another day, finds it again."""

from fal_cli.calls.model import Call
from fal_cli.context import Context
from fal_cli.identity import canonical
from fal_cli.identity.digests import Digests, NoDigest
from fal_cli.identity.keys import Identity, identity, outcome_of, scope_of


def identity_of(context: Context, call: Call) -> Identity | None:
    """The identity of a call whose files are not uploaded yet; None where it has none.

    A private call must not be recognised, an app on this machine costs nothing, and a pipe can be read only once.
    Raises `UsageError` for a file that cannot be read.
    """
    try:
        return required_identity(context, call)
    except (NoDigest, RecursionError):
        return None


def required_identity(context: Context, call: Call) -> Identity | None:
    """The same, but raises `NoDigest` for a pipe and `RecursionError` for values nested too deeply."""
    if call.is_private or call.is_local or call.given is None:
        return None
    known = canonical.text(call.given, Digests(context.journal).of)
    return identity(scope_of(context.accounts.own), str(call.endpoint), known, outcome=outcome_of(call.options))
