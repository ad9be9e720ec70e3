"""A call made ready: the words of the command line as an endpoint, an input object and wire options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fal_cli import endpoint
from fal_cli.api.options import CallOptions, InvalidOption
from fal_cli.context import Context
from fal_cli.endpoint import EndpointId, InvalidEndpoint, LocalApp, Target
from fal_cli.errors import UsageError
from fal_cli.inputs.attachment import holds_attachments
from fal_cli.inputs.gather import gather
from fal_cli.options import CallFlags, InputWords


@dataclass(frozen=True)
class Call:
    """What is sent, where to, and with which options."""

    endpoint: Target
    input_json: Mapping[str, Any]
    options: CallOptions

    @property
    def is_local(self) -> bool:
        """Whether it goes to an app on this machine: no queue, and no key."""
        return isinstance(self.endpoint, LocalApp)

    @property
    def queued_endpoint(self) -> EndpointId:
        """The endpoint of a call that goes through the queue. Raises `UsageError` for a local app."""
        if isinstance(self.endpoint, LocalApp):
            raise UsageError(f"{self.endpoint} is an app on this machine, which has no queue", hint="Use: fal run")
        return self.endpoint


def prepare(context: Context, name: str, words: InputWords, flags: CallFlags) -> Call:
    """Reads everything that the user gave, and uploads the files among it.

    Raises `UsageError` if something cannot be read; nothing has been sent then.
    """
    target = parse_target(name, flags.path)
    options = wire_options(flags)
    talk = context.talk
    found = gather(words.words, words.texts, context.stdin, tell=talk.note, tell_guess=talk.decision)
    if (words.words or words.texts) and not words.texts and context.stdin.holds_unread_pipe_data():
        context.talk.note("the data on stdin was not read, since inputs were given; add - to merge it")
    input_json = resolve(context, found, inline=words.inline) if holds_attachments(found) else found
    return Call(target, input_json, options)


def parse_target(name: str, path: str = "") -> Target:
    """The endpoint or local app that a word names, with a path appended. Raises `UsageError`."""
    try:
        return endpoint.parse_target(name).joined(path)
    except InvalidEndpoint as error:
        raise UsageError(str(error)) from None


def resolve(context: Context, found: Mapping[str, Any], *, inline: bool) -> Mapping[str, Any]:
    """The input with its files uploaded. Imported here, since most calls have none."""
    from fal_cli import attachments

    return attachments.resolve(context, found, inline=inline)


def wire_options(flags: CallFlags) -> CallOptions:
    """The flags as the request layer takes them. Raises `UsageError`."""
    try:
        return CallOptions(
            priority=flags.priority or "",
            hint=flags.hint,
            start_timeout=flags.start_timeout,
            webhook=flags.webhook,
            max_queue=flags.max_queue,
            no_server_retry=flags.no_server_retry,
            no_store=flags.no_store,
            expires=flags.expires,
            tags=_pairs(flags.tag or [], "=", "--tag", "KEY=VALUE"),
            headers=_pairs(flags.header or [], ":", "-H", "'NAME: VALUE'"),
            method=flags.method.lower(),
        )
    except InvalidOption as error:
        raise UsageError(str(error)) from None


def _pairs(texts: list[str], separator: str, option: str, form: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, found, value = text.partition(separator)
        if not found or not name.strip():
            raise UsageError(f"{option} takes {form}, not {text!r}")
        pairs[name.strip()] = value.strip()
    return pairs
