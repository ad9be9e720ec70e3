"""Optional packages: what is said when one is not installed."""

from fal_cli.errors import CliError, UsageError

SANDBOX_EXTRA = "pip install 'fal-cli[sandbox]'"


class sandbox_extra:  # reads as a block, like contextlib.suppress
    """A block whose missing imports mean that the extra is not installed; raises `UsageError` then."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is not None and kind.__module__ == "sqlite3":
            raise CliError(
                f"the sandbox's state cannot be read ({error})", hint="Clear it: fal sandbox reset"
            ) from None
        if isinstance(error, ImportError):
            raise UsageError(
                f"the sandbox needs a package that is not installed ({error.name})",
                hint=f"Install it: {SANDBOX_EXTRA}",
            ) from None


MCP_EXTRA = "pip install 'fal-cli[mcp]'"


class mcp_extra:  # reads as a block, like contextlib.suppress
    """A block whose missing imports mean that the extra is not installed; raises `UsageError` then."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ImportError):
            name = error.name or "mcp"
            raise UsageError(
                f"fal mcp needs a package that is not installed ({name.partition('.')[0]})",
                hint=f"Install it: {MCP_EXTRA}",
            ) from None


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
