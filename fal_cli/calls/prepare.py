"""A call made ready: the words of the command line as an endpoint, an input object and wire options."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from fal_cli.api.call_options import CallOptions, InvalidOption
from fal_cli.api.deadline import Deadline
from fal_cli.calls import endpoints, output_format
from fal_cli.calls.model import Call
from fal_cli.config import settings
from fal_cli.context import Context
from fal_cli.endpoint import Target
from fal_cli.errors import UsageError
from fal_cli.files.attachment import holds_attachments
from fal_cli.inputs import bare
from fal_cli.inputs.gather import Gathered, gather
from fal_cli.inputs.typed import Typed, typed
from fal_cli.options import CallFlags, InputWords

if TYPE_CHECKING:
    from fal_cli.catalog.schemas import Known
    from fal_cli.inputs.expressions import Source


class Earlier(Protocol):
    """A call that was made, as far as it takes to make it again: a row of the ledger, or what stands beside a file."""

    @property
    def name(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def input_json(self) -> Mapping[str, Any] | None: ...
    @property
    def input_is_whole(self) -> bool: ...
    @property
    def options(self) -> Mapping[str, Any]: ...
    @property
    def is_private(self) -> bool: ...


def prepare(
    context: Context,
    name: str,
    words: InputWords,
    flags: CallFlags,
    *,
    uploads: bool = True,
    extension: str = "",
    deadline: Deadline | None = None,
) -> Call:
    """Reads everything that the user gave, and uploads the files among it, unless they are to stay attachments.

    `extension` is the one that the files of the result are to have; `deadline` ends uploads.

    Raises `UsageError` if something cannot be read; nothing has been sent then.
    """
    named = endpoints.named(context, name, flags.path)
    endpoints.tell(context, named, aloud=flags.dry_run)
    target = named.target
    options = wire_options(context, flags)
    inputs = read_inputs(context, target, words, flags, presets=named.words, extension=extension)
    call = Call(target, inputs.input_json, options, is_private(context, flags), flags.no_validate, given=inputs.given)
    return ready(context, call, inline=words.inline, deadline=deadline) if uploads else call


def prepare_again(
    context: Context,
    row: Earlier,
    words: InputWords,
    flags: CallFlags,
    *,
    uploads: bool = True,
    extension: str = "",
    deadline: Deadline | None = None,
) -> Call:
    """A recorded call with changes: `words` to its input, `flags` to its options.

    Raises `UsageError` if the ledger does not have the input in full.
    """
    if row.input_json is None or not row.input_is_whole:
        why = "it was private" if row.is_private else "it was too long, or held a file in itself"
        raise UsageError(f"the input of {row.name} was not stored in full: {why}")
    if row.options.get("headers"):
        context.notify.warn(f"the call had its own headers ({', '.join(row.options['headers'])}), which are not stored")
    given = wire_options(context, flags)
    options = CallOptions.from_kept({**row.options, **given.as_kept()}).but(headers=given.headers)
    target = endpoints.parse_target(row.endpoint, flags.path)
    inputs = read_inputs(context, target, words, flags, base=row.input_json, extension=extension)
    call = Call(target, inputs.input_json, options, is_private(context, flags), flags.no_validate, given=inputs.given)
    return ready(context, call, inline=words.inline, deadline=deadline) if uploads else call


def ready(context: Context, call: Call, *, inline: bool, deadline: Deadline | None, reuses: bool = False) -> Call:
    """A call that is known by its identity, and then has its files uploaded. Raises as `attachments.resolve`.

    With `reuses` a file that was uploaded before is not uploaded again.
    """
    from fal_cli.calls import identify

    call = call._replace(identity=call.identity or identify.identity_of(context, call))
    if not holds_attachments(call.input_json):
        return call
    found = resolve(context, call.input_json, inline=inline, deadline=deadline, reuses=reuses and not call.is_private)
    return call._replace(input_json=found)


class Inputs(NamedTuple):
    """An input as it is to be sent, and as the user gave it; files are attachments in both."""

    input_json: Mapping[str, Any]
    given: Mapping[str, Any]


def read_inputs(
    context: Context,
    target: Target,
    words: InputWords,
    flags: CallFlags,
    *,
    base: Mapping[str, Any] | None = None,
    presets: Sequence[str] = (),
    extension: str = "",
) -> Inputs:
    """The input object: gathered, typed by the endpoint's schema, completed by the person, checked.

    Raises `UsageError`, and `InputRefused` (code 4) for what cannot be right.
    """
    free = (words.items or ()) if words.takes_bare_text else ()
    gathered = gather(
        words.words,
        words.texts,
        context.stdin,
        base=base,
        reach=context.reach,
        may_be_bare=free,
        presets=presets,
    )
    known = _known(context, target, gathered, flags)
    gathered = bare.placed(gathered, known.schema if known else None, reach=context.reach)
    said = _typed(context, gathered, known, words)
    found: Mapping[str, Any] = said.input_json
    if extension and known is not None:
        found = output_format.asked_for(known.schema, found, extension, tell=context.notify.decision)
    if flags.no_validate:
        return Inputs(found, said.given)
    checked = _checked(context, target, known, found)
    answered = {name: value for name, value in checked.items() if name not in found}
    return Inputs(checked, {**said.given, **answered})


def _known(context: Context, target: Target, gathered: Gathered, flags: CallFlags) -> "Known | None":
    """The endpoint's schema, cached or fetched. Raises `NotFound` for an endpoint that surely is misspelt.

    It is fetched for input that is all JSON, too: checking only by a cached schema would let the same call pass on one
    machine and not on another. It is not fetched if nothing has to be typed or checked.
    """
    if flags.no_validate and gathered.is_document:
        return None
    from fal_cli.calls import validate

    looked = validate.look(context, target)
    validate.tell_deprecated(context, target, looked.known)
    if not flags.no_validate:
        validate.check_endpoint(context, target, looked)
    return looked.known


def _typed(context: Context, gathered: Gathered, known: "Known | None", words: InputWords) -> Typed:
    notify = context.notify
    if words.from_ and context.reach.is_literal:
        raise UsageError("--from is for {{expressions}}, which --literal turns off")
    source = earlier_result(context, words.from_) if words.from_ else None
    schema = known.schema if known else None
    found = typed(
        gathered,
        context.stdin,
        schema=schema,
        source=source,
        tell=notify.note,
        tell_guess=notify.decision,
        reach=context.reach,
    )
    if source is not None and not source.is_read:
        raise UsageError(
            f"--from {words.from_}: no input uses it",
            hint="Write an input as KEY='{{expression}}', such as image_url='{{media[0]}}'.",
        )
    if (words.words or words.texts) and not words.texts and context.stdin.holds_unread_pipe_data():
        notify.note("the data on stdin was not read, since inputs were given; add - to merge it")
    return found


def _checked(context: Context, target: Target, known: "Known | None", found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The input, with prompted values added. Faults are shown before prompting. Raises `InputRefused`."""
    from fal_cli.calls import validate

    whole = _settled(context, known, found)
    if context.terminal.has_somebody:
        from fal_cli.calls import missing_inputs

        known = validate.check(context, target, known, whole, is_complete=False)
        whole = missing_inputs.completed(context, known, whole)
    known = validate.check(context, target, known, whole)
    validate.tell(context, target, known, whole)
    return whole


def _settled(context: Context, known: "Known | None", found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The input with each number that stands for a text among the choices made that text."""
    if known is None:
        return found
    from fal_cli.schema.values import settled

    return settled(known.schema, found, context.notify.note)


def earlier_result(context: Context, ref: str) -> "Source":
    """The result that `--from` names, for expressions. Imported here, since most calls have none."""
    from fal_cli.calls import from_result

    return from_result.source(context, ref)


def resolve(
    context: Context, found: Mapping[str, Any], *, inline: bool, deadline: Deadline | None, reuses: bool = False
) -> Mapping[str, Any]:
    """The input with its files uploaded. Imported here, since most calls have none."""
    from fal_cli.calls import attachments

    return attachments.resolve(context, found, inline=inline, deadline=deadline, reuses=reuses)


def is_private(context: Context, flags: CallFlags) -> bool:
    """Whether neither this machine nor the service is to keep input and result."""
    return flags.private or settings.is_private(context.env)


def wire_options(context: Context, flags: CallFlags) -> CallOptions:
    """The flags as the request layer takes them. Raises `UsageError`."""
    try:
        return CallOptions(
            priority=flags.priority or "",
            hint=flags.hint,
            start_timeout=flags.start_timeout,
            webhook=flags.webhook,
            max_queue=flags.max_queue,
            no_server_retry=flags.no_server_retry,
            no_store=flags.no_store or is_private(context, flags),
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
