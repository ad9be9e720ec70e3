"""`fal sandbox`: keep a local fal running, look into it, or clear it."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fal_cli.context import Context
from fal_cli.durations import seconds
from fal_cli.errors import CliError, UsageError
from fal_cli.extras import sandbox_extra

if TYPE_CHECKING:
    from fal_cli.commands.sandbox.background import Server
    from fal_cli.sandbox.state.store import Store

EXAMPLES = """\
  fal sandbox start
  eval "$(fal sandbox env)"             # this shell uses it from here on
  fal sandbox status
  fal sandbox stop
  fal sandbox serve --port 8700
  fal sandbox serve --fault submit=429:retry-after=2*3 --fault stream=cut-after:2
  fal sandbox serve --fault webhook=redeliver
  fal sandbox serve --concurrency 2 --exact-listing
  fal sandbox lock topup --for 10s
  fal sandbox unlock
  fal sandbox stats
  fal sandbox reset"""

DEFAULT_PORT = 8700


def serve(
    context: Context,
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="N", help="First of five ports: run, queue, files, rest, api; 0 takes free ones."
        ),
    ] = DEFAULT_PORT,
    cert: Annotated[
        Path | None, typer.Option("--cert", metavar="FILE", help="Serve TLS with this certificate.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The certificate's private key.")] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="ROUTE=FAULT[*TIMES]", help="Order a failure, e.g. submit=cut-after*1."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", metavar="N", help="Run at most N requests at once.")
    ] = None,
    exact_listing: Annotated[
        bool, typer.Option("--exact-listing", help="List every accepted request, also a queued one.")
    ] = False,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME[=VALUE]", help="Set up the account, e.g. listing-lag=5."),
    ] = None,
    login: Annotated[
        Path | None,
        typer.Option("--login", metavar="DIR", help="Write a login there as fal.ai's own CLI does, and use it."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME[:PORT]", help="Answer to this name too, e.g. a proxy's."),
    ] = None,
) -> None:
    """Keep a sandbox running and print the environment that points a client at it."""
    from fal_cli.commands.sandbox import background
    from fal_cli.config import paths

    _check_certificate(cert, key)
    with sandbox_extra():
        from fal_cli.sandbox.intake.names import HostError
        from fal_cli.sandbox.orders.settings import SettingError
        from fal_cli.sandbox.server import Sandbox
    settings = [*(setting or ())]
    settings += [f"concurrency={concurrency}"] if concurrency is not None else []
    settings += ["exact-listing"] if exact_listing else []
    try:
        sandbox = Sandbox(
            paths.sandbox_folder(context.env), faults=fault or (), port=port, cert=cert, key=key, webhooks=True,
            hosts=allow_host or (), settings=settings,
        )  # fmt: skip
    except SettingError as error:
        raise UsageError(str(error)) from None
    except HostError as error:
        raise UsageError(f"--allow-host: {error}") from None
    except ValueError as error:
        raise UsageError(f"--fault: {error}") from None
    except OSError as error:
        reason = error.strerror or error
        raise CliError(f"cannot use the ports from {port}: {reason}", hint="Choose others with --port.") from None
    variables = _environment(sandbox.keys.plain, vars(sandbox.addresses))
    if login is not None:
        variables += _login(sandbox.store, login)
    for name, value in variables:
        context.output.line(f"export {name}={shlex.quote(value)}", {"name": name, "value": value})
    if cert is None:
        context.talk.note("http:// is for fal itself: fal.ai's own clients need --cert and --key")
    context.talk.note("the sandbox is up; end it with Ctrl-C")
    with background.registered(paths.sandbox_folder(context.env), dict(variables)):
        sandbox.serve()


def start(
    context: Context,
    port: Annotated[
        int, typer.Option("--port", metavar="N", help="First of five ports; 0 takes free ones.")
    ] = DEFAULT_PORT,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="ROUTE=FAULT[*TIMES]", help="Order a failure, e.g. submit=cut-after*1."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", metavar="N", help="Run at most N requests at once.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME[=VALUE]", help="Set up the account, e.g. listing-lag=5."),
    ] = None,
) -> None:
    """Start a sandbox in the background; it stays up until it is stopped.

    This shell uses it after: eval "$(fal sandbox env)"
    """
    from fal_cli.commands.sandbox import background
    from fal_cli.config import paths

    folder = paths.sandbox_folder(context.env)
    found = background.running(folder)
    if found is not None:
        context.talk.note(f"a sandbox is up already (process {found.pid})")
    else:
        with sandbox_extra():
            import fal_cli.sandbox.server  # noqa: F401  # so that a missing package is reported here, not in a log
        options = ["--port", str(port)]
        options += [word for text in fault or () for word in ("--fault", text)]
        options += [word for text in setting or () for word in ("--set", text)]
        options += ["--concurrency", str(concurrency)] if concurrency is not None else []
        found = background.start(folder, options, context.env)
        context.talk.note(f"the sandbox is up (process {found.pid})")
    context.talk.note(f'to use it in this shell: eval "$({context.program} sandbox env)"')
    context.talk.note(f"to end it: {context.program} sandbox stop")
    _print(context, _state(found))


def stop(context: Context) -> None:
    """Stop the sandbox that is up; what it holds stays."""
    from fal_cli.commands.sandbox import background
    from fal_cli.config import paths

    folder = paths.sandbox_folder(context.env)
    found = background.running(folder)
    if found is None:
        context.talk.note("no sandbox is up")
    else:
        background.stop(folder, found)
        context.talk.note("the sandbox has ended; its requests and files stay")
    _print(context, _state(None))


def status(context: Context) -> None:
    """Say whether a sandbox is up, and where. Ends with code 1 if none is.

    Lines on a terminal, a JSON object in a pipe.
    """
    from fal_cli.commands.sandbox import background
    from fal_cli.config import paths

    found = background.running(paths.sandbox_folder(context.env))
    if not context.output.is_terminal:
        context.output.json(_state(found), one_line=True)
    elif found is not None:
        context.output.line(f"up since {found.started_at} (process {found.pid})")
        for name, value in found.variables.items():
            context.output.line(f"  {name}={value}")
    if found is None:
        context.talk.note(f"no sandbox is up; start one: {context.program} sandbox start")
        raise typer.Exit(1)


def env(context: Context) -> None:
    """Print the environment that points a client at the sandbox that is up."""
    from fal_cli.commands.sandbox import background
    from fal_cli.config import paths

    found = background.running(paths.sandbox_folder(context.env))
    if found is None:
        raise CliError(
            "no sandbox is up", hint=f"Start one: {context.program} sandbox start", next=("sandbox", "start")
        )
    for name, value in found.variables.items():
        context.output.line(f"export {name}={shlex.quote(value)}", {"name": name, "value": value})


def _state(found: "Server | None") -> dict[str, object]:
    """Whether a sandbox is up, and where, for a program."""
    return {"running": False} if found is None else {"running": True, **found._asdict()}


def _login(store: "Store", folder: Path) -> list[tuple[str, str]]:
    """A login in that folder, and the variables that have clients use it. Raises `CliError`."""
    from fal_cli.sandbox.state import logins

    try:
        logins.write(store, folder)
    except OSError as error:
        raise CliError(f"--login: cannot write to {folder}: {error.strerror or error}") from None
    return [("FAL_HOME_DIR", str(folder.absolute())), ("FAL_FORCE_AUTH_BY_USER", "1")]


def reset(context: Context) -> None:
    """Delete every request and file of the sandbox, and its history."""
    import sqlite3

    from fal_cli.config import paths

    with sandbox_extra():
        from fal_cli.sandbox.state.store import Store

    folder = paths.sandbox_folder(context.env)
    names = ["ledger.db"]
    try:
        Store(folder).reset()
    except sqlite3.Error:
        names.append("fal.db")  # what cannot be opened can still be removed
    for name in names:
        for ending in ("", "-wal", "-shm"):
            (folder / f"{name}{ending}").unlink(missing_ok=True)
    context.talk.note("the sandbox is empty")
    _print(context, {"state": "empty"})


def stats(context: Context) -> None:
    """Print the sandbox's counts: accepted submits, and HTTP requests by route.

    On a terminal without those that are 0.
    """
    with sandbox_extra():
        counts = _store(context).stats()
    context.output.json(_without_zeros(counts) if context.output.is_terminal else counts)


def _without_zeros(counts: Mapping[str, Any]) -> dict[str, Any]:
    inner = {name: _without_zeros(value) if isinstance(value, Mapping) else value for name, value in counts.items()}
    return {name: value for name, value in inner.items() if value}


def lock(
    context: Context,
    kind: Annotated[
        Literal["balance", "admin", "topup"],
        typer.Argument(
            metavar="[balance|admin|topup]", help="The reason: too little money, an administrator, or a due top-up."
        ),
    ] = "balance",
    for_: Annotated[
        float | None, typer.Option("--for", parser=seconds, metavar="TIME", help="Unlock it after this time.")
    ] = None,
) -> None:
    """Lock the sandbox's account: calls that cost money are refused, existing results stay readable."""
    import math
    import time

    _store(context).lock(kind, time.time() + (math.inf if for_ is None else for_))
    context.talk.note("the account is locked; unlock it: fal sandbox unlock")
    _print(context, {"locked": kind})


def unlock(context: Context) -> None:
    """Unlock the sandbox's account."""
    _store(context).unlock()
    context.talk.note("the account is not locked")
    _print(context, {"locked": None})


def _print(context: Context, facts: Mapping[str, object]) -> None:
    """What became of the sandbox, for a program."""
    if context.output.machine:
        context.output.json(facts)


def _store(context: Context) -> "Store":
    """The state of the sandbox. Raises `CliError`, `UsageError`."""
    from fal_cli.config import paths

    with sandbox_extra():
        from fal_cli.sandbox.state.store import Store

        return Store(paths.sandbox_folder(context.env))


def _check_certificate(cert: Path | None, key: Path | None) -> None:
    if cert is None and key is None:
        return
    if cert is None or key is None:
        raise UsageError("--cert and --key go together")
    import ssl

    for option, path in (("--cert", cert), ("--key", key)):
        if not path.is_file():
            raise UsageError(f"{option}: no file {path}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except OSError as error:
        raise UsageError(f"{cert} and {key} cannot be used together: {error}") from None


def _environment(key: str, addresses: Mapping[str, str]) -> list[tuple[str, str]]:
    """Clients expect a bare `host:port` where TLS is served, and our own takes a scheme where it is not."""
    variables = {
        "run": "FAL_RUN_HOST", "queue": "FAL_QUEUE_RUN_HOST", "cdn": "FAL_CDN_HOST", "rest": "FAL_REST_HOST",
        "api": "FAL_API_HOST",
    }  # fmt: skip
    hosts = [(variables[service], url.removeprefix("https://")) for service, url in addresses.items()]
    return [("FAL_KEY", key), *hosts]


SUBVERBS = {
    "start": start, "stop": stop, "status": status, "env": env, "serve": serve, "reset": reset, "stats": stats,
    "lock": lock, "unlock": unlock,
}  # fmt: skip
