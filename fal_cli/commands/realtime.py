"""`fal realtime`: a WebSocket conversation, line by line."""

from typing import Annotated, Literal

import typer

from fal_cli.context import Context
from fal_cli.durations import seconds
from fal_cli.options import Endpoint, SpendFlags

EXAMPLES = """\
  printf '{"prompt":"a cat"}\\n{"prompt":"a dog"}\\n' | fal realtime fal-ai/flux/dev
  fal realtime fal-ai/fast-lcm-diffusion seed=7 -d frames/ < prompts.jsonl
  fal realtime http://localhost:8080"""

DEFAULT_IDLE_SECONDS = 120.0


def realtime(
    context: Context,
    endpoint: Endpoint,
    spend: SpendFlags,
    items: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]…", help="Inputs that each line begins with.")
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option("-t", "--text", metavar="KEY=TEXT", help="Raw text that each line begins with.")
    ] = None,
    path: Annotated[str, typer.Option("--path", metavar="PATH", help="Append a path instead of /realtime.")] = "",
    encoding: Annotated[
        Literal["msgpack", "json"], typer.Option("--encoding", help="The encoding of frames.")
    ] = "msgpack",
    throttle: Annotated[
        float | None, typer.Option("--throttle", parser=seconds, metavar="TIME", help="Wait between two inputs.")
    ] = None,
    max_buffering: Annotated[
        int | None, typer.Option("--max-buffering", min=1, max=60, metavar="N", help="Inputs that may wait, 1 to 60.")
    ] = None,
    idle_timeout: Annotated[
        float | None,
        typer.Option(
            "--idle-timeout",
            parser=seconds,
            metavar="TIME",
            help="Give up after TIME without an answer; 0 never (default: 120s).",
        ),
    ] = None,
    linger: Annotated[
        float | None,
        typer.Option(
            "--linger",
            parser=seconds,
            metavar="TIME",
            help="Wait so long for more results after the last. Without it the session ends with the last answer.",
        ),
    ] = None,
    directory: Annotated[
        str, typer.Option("-d", "--directory", metavar="DIR", help="Save bytes in results as files there.")
    ] = "",
    private: Annotated[bool, typer.Option("--private", help="Store no input here.")] = False,
) -> None:
    """Talk to an endpoint over a WebSocket, line by line.

    stdin: one JSON object a line. stdout: one result a line, in the order of arrival. Bytes in results are base64 text,
    or files with -d. An input whose answer is lost is named by its line and not sent again.
    """
    from fal_cli.calls.realtime import Settings, converse
    from fal_cli.calls.terms import terms
    from fal_cli.config.settings import is_private

    settings = Settings(
        path=path,
        encoding=encoding,
        throttle=throttle or 0.0,
        max_buffering=max_buffering,
        idle=DEFAULT_IDLE_SECONDS if idle_timeout is None else idle_timeout or None,
        linger=linger,
        directory=directory,
        is_private=private or is_private(context.env),
    )
    converse(context, endpoint, items or [], text or [], settings, terms(context, spend))


VERB = realtime
