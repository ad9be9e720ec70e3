"""Webhooks: checking a received one, receiving them, and sending one as the service does (wire §10)."""

from fal_cli.errors import UsageError

WEBHOOK_EXTRA = "pip install 'fal-cli[webhook]'"


class webhook_extra:  # reads as a block, like contextlib.suppress
    """A block whose missing imports mean that the extra is not installed; raises `UsageError` then."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ImportError):
            name = error.name or "cryptography"
            raise UsageError(
                f"signatures of webhooks need a package that is not installed ({name.partition('.')[0]})",
                hint=f"Install it: {WEBHOOK_EXTRA}",
            ) from None
