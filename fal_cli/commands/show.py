"""`fal show`: what earlier requests made, drawn in the terminal."""

from typing import TYPE_CHECKING, Any, NamedTuple

from fal_cli.context import Context
from fal_cli.errors import NotSaved
from fal_cli.options import AnyRefs, Files

if TYPE_CHECKING:
    from fal_cli.api.wire import Wire
    from fal_cli.calls.model import Tracked
    from fal_cli.calls.past import Past
    from fal_cli.files.facts import MediaFacts
    from fal_cli.ledger.rows import Row
    from fal_cli.results.at_hand import AtHand
    from fal_cli.results.made import Made

EXAMPLES = """\
  fal show last
  fal show last:2 last                # the two newest, one under the other
  fal show cat.jpg                    # the request that made this file
  fal show last | jq -r .path"""

_HEAD_BYTES = 1024 * 1024
_SHOWN_CHARACTERS = 4000
_NEVER_DRAWN = ("video/", "audio/", "text/", "application/", "model/")


class Seen(NamedTuple):
    """A file as it was looked at; `data` is what was fetched of it."""

    name: str
    file: "AtHand"
    facts: "MediaFacts"
    data: bytes = b""


def show(context: Context, refs: AnyRefs = None, file: Files = None) -> None:
    """Draw the files of earlier requests, with a line of facts for each.

    Pictures are drawn if the terminal can and fal-cli[preview] is installed. In a pipe: one JSON object a line for each
    file. A saved file is read from its place; others are downloaded while the service has them.
    """
    from fal_cli.calls import refs as references

    references.each(
        context, references.calls(context, references.words(context, refs, file)), lambda call: _show(context, call)
    )


def _show(context: Context, call: "Tracked | Row") -> None:
    """Shows the files of one call, or its text. Raises `CliError` (code 11) if a file cannot be had."""
    from fal_cli.calls import past
    from fal_cli.results import at_hand, made

    earlier = past.look(context, call)
    files = at_hand.files(earlier.row, earlier.answer, is_whole=earlier.is_whole)
    wire = None
    if not all(file.path for file in files):
        earlier = past.look_again(context, earlier)
        files = at_hand.files(earlier.row, earlier.answer, is_whole=earlier.is_whole)
        wire = past.quiet_wire(context)
    if not files:
        _show_text(context, earlier)
    failures = []
    shown = []
    for number, file in enumerate(files):
        try:
            shown.append(_looked_at(context, wire, file, number))
            _show_file(context, earlier, shown[-1], is_one=len(files) == 1)
        except at_hand.NotHad as error:
            failures.append(f"file {number} of {earlier.name} cannot be fetched: {error}")
    if len(shown) > 1 and context.output.is_terminal:
        _write_line(context, made.of_all(_of_call(earlier), [seen.facts for seen in shown]))
    for failure in failures[1:]:
        context.notify.warn(failure)
    if failures:
        raise NotSaved(failures[0])


def _looked_at(context: Context, wire: "Wire | None", file: "AtHand", number: int) -> Seen:
    """What a file is. One that is to be drawn is fetched whole, of others the beginning. Raises `NotHad`."""
    from fal_cli.files.facts import facts
    from fal_cli.results import at_hand
    from fal_cli.results.preview import LARGEST_BYTES
    from fal_cli.terminal.hyperlinks import as_typed

    if file.path is not None:
        return Seen(as_typed(str(file.path)), file, facts(file.path))
    assert wire is not None  # one is made where a file is to be fetched
    is_drawn = context.output.is_terminal and not file.file.content_type.startswith(_NEVER_DRAWN)
    data, download = at_hand.beginning(wire, file.file, count=LARGEST_BYTES if is_drawn else _HEAD_BYTES)
    name = at_hand.name_of(file.file, number)
    return Seen(name, file, facts(data, name=name)._replace(bytes=download.size or len(data)), data)


def _show_file(context: Context, earlier: "Past", seen: Seen, *, is_one: bool) -> None:
    """Its picture and the line about it, with the facts of the call if it `is_one`; or its facts as JSON."""
    from fal_cli.results.made import Made

    if not context.output.is_terminal:
        context.output.json(_as_json(earlier, seen), one_line=True)
        return
    if seen.facts.kind == "image":
        _draw(context, seen)
    line = Made(seen.name, seen.facts, _link(seen))
    of_call = _of_call(earlier)
    _write_line(context, of_call._replace(name=line.name, facts=line.facts, url=line.url) if is_one else line)


def _write_line(context: Context, line: "Made") -> None:
    from fal_cli.results import made
    from fal_cli.terminal.output import Screen

    screen = Screen(context.output)
    screen.write(made.lines(line, width=screen.width, color=screen.color, links=context.output.links))


def _of_call(earlier: "Past") -> "Made":
    """What a line tells of the call, without a file."""
    from fal_cli.files.facts import MediaFacts
    from fal_cli.results.made import Made

    return Made("", MediaFacts("unknown"), "", earlier.took, _cost(earlier), _text(earlier.seed))


def _draw(context: Context, seen: Seen) -> None:
    from fal_cli.results import preview
    from fal_cli.terminal.picture import NoPicture, draw

    if not preview.can_draw(context):
        return
    try:
        draw(_whole(seen), color=context.talk.color)
    except NoPicture as error:
        context.notify.warn(f"no picture: {error}")


def _whole(seen: Seen) -> bytes:
    """The bytes of a picture. Raises `NoPicture` for one that is too large, or cannot be read."""
    from fal_cli.results.preview import LARGEST_BYTES
    from fal_cli.terminal.picture import NoPicture

    if (seen.facts.bytes or 0) > LARGEST_BYTES:
        raise NoPicture(f"the file is larger than {LARGEST_BYTES // 2**20} MiB")
    try:
        return seen.file.path.read_bytes() if seen.file.path else seen.data
    except OSError as error:
        raise NoPicture(error.strerror or str(error)) from None


def _show_text(context: Context, earlier: "Past") -> None:
    """What a result without files says: its text, else all of it."""
    from fal_cli.files.facts import MediaFacts
    from fal_cli.media import text_in

    text = text_in(earlier.answer)
    if not context.output.is_terminal:
        context.output.json({"content_type": "text/plain", "text": text} | _call_json(earlier), one_line=True)
    elif text is None:
        context.output.json(earlier.answer)
    else:
        context.output.line(text[:_SHOWN_CHARACTERS])
        if len(text) > _SHOWN_CHARACTERS:
            context.notify.note(f"… all of it: {context.tool} result {earlier.name} --print text")
        facts = MediaFacts("text", bytes=len(text.encode("utf-8", "replace")))
        _write_line(context, _of_call(earlier)._replace(name="text", facts=facts))


def _as_json(earlier: "Past", seen: Seen) -> dict[str, Any]:
    file, facts = seen.file, seen.facts
    url = file.file.url
    return {
        "path": str(file.path) if file.path else None,
        "url": url if url and not url.startswith("data:") else None,
        "content_type": facts.content_type or file.file.content_type or None,
        "width": facts.width,
        "height": facts.height,
        "seconds": facts.seconds,
        "bytes": facts.bytes,
    } | _call_json(earlier)


def _call_json(earlier: "Past") -> dict[str, Any]:
    return {"seed": earlier.seed, "request_id": earlier.name, "endpoint": earlier.endpoint}


def _cost(earlier: "Past") -> str:
    from fal_cli.results.money import cost_of

    return _text(cost_of(earlier.row)) if earlier.row else ""


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _link(seen: Seen) -> str:
    from fal_cli.terminal.hyperlinks import file_url

    return file_url(str(seen.file.path)) if seen.file.path else seen.file.file.url


VERB = show
