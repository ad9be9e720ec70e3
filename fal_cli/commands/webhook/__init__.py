"""`fal webhook`: verify a received webhook, send one, receive them."""

import math
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fal_cli import jsontext
from fal_cli.context import Context
from fal_cli.durations import DURATION_HELP, seconds
from fal_cli.errors import CliError, UsageError
from fal_cli.options import Refs, Timeout
from fal_cli.terminal.output import in_base64

if TYPE_CHECKING:
    from fal_cli.commands.webhook.keys import FileKeys, ServedKeys

EXAMPLES = """\
  fal webhook verify --headers headers.txt --body body.json
  fal webhook listen --port 8710
  fal webhook send last --to http://127.0.0.1:8710/ --serve-jwks 8711
  fal webhook jwks > jwks.json"""

DEFAULT_PORT = 8710


def _tolerance(text: str) -> float:
    """A duration, or `none` for any time stamp. Raises `typer.BadParameter`."""
    return math.inf if text == "none" else seconds(text)


Jwks = Annotated[
    str,
    typer.Option("--jwks", metavar="FILE|URL", help="The keys to check with, instead of the service's own."),
]
Key = Annotated[
    str,
    typer.Option("--key", metavar="FILE", help="Sign with this Ed25519 key (PEM), instead of this machine's own."),
]


def verify(
    context: Context,
    headers: Annotated[
        str, typer.Option("--headers", metavar="FILE", help="The headers: raw lines or JSON; - is stdin.")
    ] = "",
    body: Annotated[str, typer.Option("--body", metavar="FILE", help="The raw body; - is stdin.")] = "",
    jwks: Jwks = "",
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance",
            parser=_tolerance,
            metavar="TIME|none",
            help=f"How old its time stamp may be, {DURATION_HELP}.",
        ),
    ] = "300s",  # type: ignore[assignment]  # Typer parses a default like what is typed
    print_: Annotated[
        Literal["body", "request_id", "none"], typer.Option("--print", help="What to print of a valid one.")
    ] = "body",
) -> None:
    """Check that a received webhook comes from the service and is unchanged.

    If it is valid, prints its body byte for byte and exits 0; else exits 1 and names the check that failed. Without
    --headers and --body a raw request is read from stdin: headers, a blank line, the body. The service's public keys
    are cached for a day.
    """
    import time

    from fal_cli.commands.webhook import received
    from fal_cli.commands.webhook.signature import Invalid, check
    from fal_cli.extras import webhook_extra

    with webhook_extra():
        from fal_cli.commands.webhook.keys import open_keys
    if jwks == "-" and "-" in (headers or "-", body):
        raise UsageError("stdin can be read once, but both --jwks and the webhook ask for it")
    try:
        webhook = received.read(context, headers, body)
        verified = check(webhook, open_keys(context, jwks), now=time.time(), tolerance=tolerance)
    except Invalid as error:
        raise CliError(f"the webhook is not valid: {error}") from None
    when = f"{verified.age} s ago" if verified.age >= 0 else f"{-verified.age} s ahead of this machine's clock"
    context.talk.note(f"valid: request {verified.request_id} of user {verified.user_id}, signed {when}")
    if print_ == "request_id":
        context.output.line(verified.request_id)
    elif print_ == "body":
        _print_body(context, webhook.body)


def send(
    context: Context,
    refs: Refs,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="Any http(s) URL, also on this machine.")],
    key: Key = "",
    serve_jwks: Annotated[
        int | None,
        typer.Option(
            "--serve-jwks",
            min=0,
            max=65535,
            metavar="PORT",
            help="Serve the public key on this port of the loopback while delivering; 0 takes a free one.",
        ),
    ] = None,
    repeat: Annotated[
        int, typer.Option("--repeat", min=1, metavar="N", help="Deliver it N times, as the service may.")
    ] = 1,
    user_id: Annotated[str, typer.Option("--user-id", metavar="ID", help="The account id to sign for.")] = "local",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the request has ended.")] = False,
    timeout: Timeout = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the signed raw request instead of sending it.")
    ] = False,
) -> None:
    """Deliver a finished request to your own receiver, as the service would.

    It is for testing that receiver. The body is the service's. The signature is made with a key of this machine; 'fal
    webhook jwks' prints its public half. Any 2xx within 15 s acknowledges it (code 0). Redirects are not followed.
    Unlike the service, this also delivers to private networks and to this machine. Your fal key is never sent.
    """
    from fal_cli.calls import refs as references
    from fal_cli.extras import webhook_extra

    with webhook_extra():
        from fal_cli.commands.webhook import sending
        from fal_cli.commands.webhook.signing import open_signer
    if timeout is not None and not wait:
        raise UsageError("--timeout limits --wait")
    target = sending.Target(to, user_id, repeat)
    signer = open_signer(context, key)
    ended = sending.ended(context, references.one(context, refs), wait=wait, timeout=timeout)
    if dry_run:
        raw = sending.raw(target, signer, ended)
        if context.output.machine:
            context.output.json(in_base64(raw, "message/http"))
        else:
            context.output.data(raw)
        return
    with sending.served_keys(context, signer, serve_jwks):
        sending.send(context, target, signer, ended)


def listen(
    context: Context,
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65535, metavar="N", help="The port of the loopback to listen on; 0 takes a free one."
        ),
    ] = DEFAULT_PORT,
    path: Annotated[str, typer.Option("--path", metavar="PATH", help="Accept only this path and below.")] = "/",
    count: Annotated[
        int | None, typer.Option("--count", min=1, metavar="N", help="Exit after N, valid or not.")
    ] = None,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Accept every one unchecked.")] = False,
    jwks: Jwks = "",
    record: Annotated[
        bool, typer.Option("--record", help="Keep verified results in your history, for resume and batch.")
    ] = False,
) -> None:
    """Receive webhooks on this machine, check each, and print a JSON line for it.

    A line has received_at, valid, reason, headers, body and duplicate (the request was delivered before). A valid
    webhook is answered with 200, an invalid one with 401. valid is null with --no-verify. The service delivers to
    public https addresses only, so put a tunnel to this port before it.
    """
    from fal_cli.commands.webhook import listening
    from fal_cli.commands.webhook.receiver import Receiver

    if no_verify and jwks:
        raise UsageError("give either --no-verify or --jwks")
    if no_verify and record:
        raise UsageError("give either --no-verify or --record")
    if not path.startswith("/"):
        raise UsageError(f"--path must begin with a slash, not {path!r}")
    keys = None if no_verify else _open_keys(context, jwks)
    receiver = Receiver(port, path, context.talk.note)
    checked = f"checked with {keys.name}" if keys else "unchecked"
    url = f"{receiver.url}{path}"
    context.talk.essential(f"listening on {url}, {checked}; end it with Ctrl-C", url=url)
    if keys:
        _load_keys(context, keys)
    listening.listen(context, receiver, keys, count=count, records=record)


def jwks(
    context: Context,
    key: Key = "",
    serve: Annotated[
        int | None,
        typer.Option(
            "--serve",
            min=0,
            max=65535,
            metavar="PORT",
            help="Serve it on this port of the loopback until Ctrl-C; 0 takes a free one.",
        ),
    ] = None,
) -> None:
    """Print the public key that 'send' signs with, in the form of the service's own.

    Point your receiver at the file, or at the URL of --serve. With a sandbox on this machine it is the sandbox's key.
    """
    from fal_cli.extras import webhook_extra

    with webhook_extra():
        from fal_cli.commands.webhook.signing import open_signer
    signer = open_signer(context, key)
    if serve is None:
        context.output.json(signer.jwks)
        return
    from fal_cli.commands.webhook.local_server import KeyServer

    server = KeyServer(serve, signer.jwks, "--serve", context.talk.note)
    context.output.line(server.jwks_url, {"url": server.jwks_url})
    context.talk.note("the key is served; end it with Ctrl-C")
    server.serve_forever()


def _print_body(context: Context, body: bytes) -> None:
    """The bytes as they are; on a terminal laid out, or with what a terminal would obey made visible."""
    if context.output.machine:
        context.output.chunks([body], "application/json")
        return
    if not context.output.is_terminal:
        context.output.data(body)
        return
    value = jsontext.read(body, jsontext.NOT_JSON)
    if value is jsontext.NOT_JSON:
        context.output.line(body.decode("utf-8", "replace"))
    else:
        context.output.json(value)


def _open_keys(context: Context, jwks: str) -> "FileKeys | ServedKeys":
    from fal_cli.extras import webhook_extra

    with webhook_extra():
        from fal_cli.commands.webhook.keys import open_keys
    return open_keys(context, jwks)


def _load_keys(context: Context, keys: "FileKeys | ServedKeys") -> None:
    """Fetches the keys before the first webhook comes; it can still go well when one does."""
    try:
        keys.load()
    except CliError as error:
        context.talk.warn(f"{error.message}; fetched again with each webhook")


SUBVERBS = {"verify": verify, "send": send, "listen": listen, "jwks": jwks}
