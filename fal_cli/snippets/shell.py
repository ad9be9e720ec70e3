"""A call with `fal` itself: one command line, whatever words it was first made of."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from fal_cli.files.attachment import Attachment, holds_attachments
from fal_cli.inputs import items
from fal_cli.inputs.typed import meaning, uploads
from fal_cli.snippets.layout import json_text
from fal_cli.snippets.snippet import Script, plain_seconds
from fal_cli.terminal.sanitize import visible, visible_json

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SPECIAL = re.compile(r"^[-{]|[\\.\[\]=@:]")
_LEAD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(?::=|=@|=|@)")
_DEEPEST = 4
_MOST_ENTRIES = 4
_NOTHING = object()


def write(script: Script) -> str:
    """The command line."""
    return " ".join([script.tool, *map(quoted, words(script))]) + "\n"


def quoted(word: str) -> str:
    """A word as a POSIX shell reads it; of an item only the value is in quotes: `prompt='a cat'`."""
    lead = _LEAD.match(word)
    return lead[0] + quoted_value(word[lead.end() :]) if lead else quoted_value(word)


def quoted_value(text: str) -> str:
    """A text as a POSIX shell reads it."""
    if "'" in text and not set(text) & set('"$`\\!'):
        return f'"{text}"'
    return shlex.quote(text)


def words(script: Script) -> list[str]:
    """The words after the program's name."""
    inputs = [word for item in _items(script) for word in item]
    return [script.verb, str(script.target), *inputs, *_flags(script)]


def _items(script: Script) -> Iterator[list[str]]:
    for name, value in script.call.input_json.items():
        is_writable = name != "" and visible(name) == name
        if is_writable or holds_attachments(value):
            yield from _entries(script, _escaped(name), value, 1)
        else:
            yield [_json({name: value})]


def _entries(script: Script, key: str, value: Any, depth: int) -> Iterator[list[str]]:
    """The items that set a value at a key: plain ones, and JSON for what would be no clearer in pieces."""
    if isinstance(value, Attachment):
        yield [_file(script, key, value)]
    elif isinstance(value, str):
        yield _text(script, key, value)
    elif _is_open(value, depth):
        for name, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _entries(script, f"{key}.{name}", inner, depth + 1)
    else:
        written = _json(_without_files(value))
        read = _read(script, key, written)
        yield [f"{key}={written}" if read == value and type(read) is type(value) else f"{key}:={written}"]
        yield from ([_file(script, key + path, file)] for path, file in _files(value))


def _is_open(value: Any, depth: int) -> bool:
    """Whether a value is written as an item for each of its own."""
    if not value or depth >= _DEEPEST:
        return False
    if isinstance(value, Mapping):
        return all(map(_NAME.fullmatch, value))
    if not isinstance(value, list):
        return False
    are_objects = len(value) <= _MOST_ENTRIES and all(isinstance(inner, Mapping) and inner for inner in value)
    return are_objects or holds_attachments(value)


def _text(script: Script, key: str, value: str) -> list[str]:
    """The item of a text: `key=text` where that is taken for nothing else, else raw, else as JSON."""
    if visible(value) != value:
        return [f"{key}:={json_text(value)}"]
    for written in (value, f"\\{value}"):
        if _read(script, key, written) == value:
            return [f"{key}={written}"]
    return ["-t", f"{key}={value}"]


def _read(script: Script, key: str, written: str) -> object:
    """What `key=written` is taken for; a file or an expression for nothing that it could be meant for."""
    if written.startswith("@") or items.holds_template(written):
        return _NOTHING
    return meaning(script.schema, key, written)


def _file(script: Script, key: str, value: Attachment) -> str:
    operator = "=@" if uploads(script.schema, key) else "@"
    return f"{key}{operator}{script.files[value].path}"


def _files(value: Any) -> Iterator[tuple[str, Attachment]]:
    """The files in a value, with what leads to each."""
    if isinstance(value, Attachment):
        yield "", value
    entries = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in entries:
        for path, file in _files(inner):
            yield f".{_escaped(str(name))}{path}", file


def _without_files(value: Any) -> Any:
    """The value with null where a file is set into it."""
    if isinstance(value, Mapping):
        return {name: _without_files(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_files(inner) for inner in value]
    return None if isinstance(value, Attachment) else value


def _escaped(name: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", name)


def _json(value: Any) -> str:
    return visible_json(json.dumps(value, ensure_ascii=False))


def _flags(script: Script) -> list[str]:
    options = script.options
    is_private = script.call.is_private
    found = {
        "--priority": options.priority,
        "--hint": options.hint,
        "--start-timeout": "" if options.start_timeout is None else f"{plain_seconds(options.start_timeout)}s",
        "--webhook": options.webhook,
        "--max-queue": "" if options.max_queue is None else str(options.max_queue),
        "--expires": options.expires,
        "--method": options.method if options.method != "post" else "",
    }
    switches = {
        "--direct": script.is_direct and not script.call.is_local,
        "--inline": script.embeds and bool(script.files),
        "--no-server-retry": options.no_server_retry,
        "--no-store": options.no_store and not is_private,
        "--private": is_private,
        "--no-validate": script.call.is_unchecked,
    }
    words = [word for name, value in found.items() if value for word in (name, value)]
    words += [word for name, value in options.tags.items() for word in ("--tag", f"{name}={value}")]
    words += [word for name, value in options.headers.items() for word in ("-H", f"{name}: {value}")]
    return words + [name for name, is_given in switches.items() if is_given]
