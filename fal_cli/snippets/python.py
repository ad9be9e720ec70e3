"""A call with the vendor's Python client."""

import json
import mimetypes
from urllib.parse import urlencode

from fal_cli.api.hosts import Hosts
from fal_cli.errors import UsageError
from fal_cli.files.attachment import Attachment
from fal_cli.snippets.layout import Dialect, in_fewest_escapes
from fal_cli.snippets.snippet import STREAM_PATH, File, Script, plain_seconds
from fal_cli.terminal.sanitize import visible

_NEEDS = "# Needs the client (pip install fal-client), and the key in FAL_KEY."

_MAX_QUEUE = "# The client has no parameter for the longest line to join, so it stands in the query."


def write(script: Script) -> str:
    """The script. Raises `UsageError` for what the client cannot do."""
    script.refuse_local_app("the Python client")
    if script.options.method != "post" and not script.is_direct:
        raise UsageError(
            f"the Python client cannot {script.verb} with --method {script.options.method}",
            hint="Use: --as curl, or --as js",
        )
    values = Values(script)
    paragraphs = [_imports(script), _hosts(script), _files(script), _call(script, values)]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


class Values(Dialect):
    """Python's literals."""

    constants = ("True", "False", "None")

    def __init__(self, script: Script) -> None:
        self._script = script

    def text(self, value: str) -> str:
        quoted = in_fewest_escapes(json.dumps(value, ensure_ascii=False))
        return quoted if visible(quoted) == quoted else "".join(map(_escaped, quoted))

    def file(self, value: Attachment) -> str:
        return self._script.files[value].variable

    def lines(self, value: str) -> tuple[str, list[str], str]:
        *lines, last = value.split("\n")
        return "(", [self.text(line) for line in (*(f"{line}\n" for line in lines), last) if line], ")"


class HeaderValues(Values):
    """The values of headers: the client sends text only if it is ASCII."""

    def text(self, value: str) -> str:
        quoted = super().text(value)
        return quoted if value.isascii() else f"{quoted}.encode()"


def _escaped(character: str) -> str:
    if visible(character) == character:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _imports(script: Script) -> str:
    standard = ["import json"] if script.verb != "submit" else []
    if any(not _is_guessed(file) for file in script.each_file):
        standard.append("from pathlib import Path")
    if script.query_input:
        standard.append("from urllib.parse import urlencode")
    return "\n".join([_NEEDS, *standard, *([""] if standard else []), "import fal_client"])


def _hosts(script: Script) -> str:
    """What points the client at other hosts than the service's own, of which it has all four as constants."""
    used = {"queue" if script.is_queued else "run"} | ({"rest", "cdn"} if script.files and not script.embeds else set())
    constants = {"run": "RUN_URL_FORMAT", "queue": "QUEUE_URL_FORMAT", "rest": "REST_URL", "cdn": "CDN_URL"}
    values = Values(script)
    lines = []
    for name, constant in constants.items():
        host = getattr(script.hosts, name)
        if name in used and host != getattr(Hosts(), name):
            end = "/" if name in ("run", "queue") else ""
            lines.append(f"fal_client.client.{constant} = {values.text(host + end)}")
    return "\n".join(["# The hosts that fal is set to, instead of the service's own.", *lines]) if lines else ""


def _files(script: Script) -> str:
    return "\n".join(f"{file.variable} = {_sent(script, file)}" for file in script.each_file)


def _sent(script: Script, file: File) -> str:
    values = Values(script)
    path = values.text(file.path)
    if _is_guessed(file):
        return f"fal_client.{'encode_file' if script.embeds else 'upload_file'}({path})"
    content = f"Path({path}).read_bytes(), {values.text(file.content_type)}"
    return (
        f"fal_client.encode({content})" if script.embeds else f"fal_client.upload({content}, {values.text(file.name)})"
    )


def _is_guessed(file: File) -> bool:
    """Whether the client finds out the content type by itself."""
    return mimetypes.guess_type(file.path)[0] == file.content_type


def _call(script: Script, values: Values) -> str:
    written = _plain_call(script, values)
    is_in_query = script.options.max_queue is not None
    return f"{_MAX_QUEUE}\n{written}" if is_in_query else written


def _plain_call(script: Script, values: Values) -> str:
    if script.verb == "stream":
        call = _called("stream", script, values)
        return f"for event in {call}:\n    print(json.dumps(event), flush=True)"
    if script.is_direct:
        return f"result = {_called('run', script, values)}\nprint(json.dumps(result, indent=2))"
    if script.verb == "submit":
        return f"handle = {_called('submit', script, values)}\nprint(handle.request_id)"
    if _has_webhook_parameter(script):  # subscribe has none
        return f"handle = {_called('submit', script, values)}\nprint(json.dumps(handle.get(), indent=2))"
    return f"result = {_called('subscribe', script, values)}\nprint(json.dumps(result, indent=2))"


def _called(function: str, script: Script, values: Values) -> str:
    given = {} if script.query_input is not None else script.call.input_json
    arguments = values.laid_out(given, 1, opens=bool(given))
    entries = [_application(script, values), f"arguments={arguments}"]
    entries += [f"{name}={value}" for name, value in _parameters(script, values).items()]
    return values.block(f"fal_client.{function}(", entries, ")")


def _application(script: Script, values: Values) -> str:
    """The endpoint, with a query where there is something that the client has no parameter for."""
    query = {} if _has_webhook_parameter(script) else script.options.query()
    if script.query_input:
        pairs = values.laid_out(query | script.query_input, 1)
        return f"{values.text(f'{script.target}?')} + urlencode({pairs})"
    target = script.target.joined(STREAM_PATH) if _says_path(script) else script.target
    return values.text(f"{target}?{urlencode(query)}" if query else str(target))


def _parameters(script: Script, values: Values) -> dict[str, str]:
    """What the client has parameters for; all else are headers."""
    options = script.options
    headers = options.wire_headers()
    found = {}
    if _says_path(script):
        found["path"] = values.text("")
    if script.is_direct and options.method != "post":
        found["method"] = values.text(options.method.upper())
    if _has_webhook_parameter(script):
        found["webhook_url"] = values.text(options.webhook)
    if script.is_queued and options.priority:
        found["priority"] = values.text(options.priority)
        del headers["X-Fal-Queue-Priority"]
    if script.verb != "stream" and options.hint:
        found["hint"] = HeaderValues(script).text(options.hint)
        del headers["X-Fal-Runner-Hint"]
    if script.verb != "stream" and options.start_timeout is not None:
        found["start_timeout"] = plain_seconds(options.start_timeout)
        del headers["X-Fal-Request-Timeout"], headers["X-Fal-Request-Start-Timeout"]
    if headers:
        found["headers"] = HeaderValues(script).laid_out(headers, 1, lead=len("headers="))
    return found


def _has_webhook_parameter(script: Script) -> bool:
    """The client makes a query of its own for a webhook, so that one of ours would be in its way."""
    return script.is_queued and bool(script.options.webhook) and script.options.max_queue is None


def _says_path(script: Script) -> bool:
    """The client appends `/stream` to whatever it is given, unless it is told another path."""
    is_there = script.target.joined(STREAM_PATH) == script.target
    return script.verb == "stream" and (is_there or bool(script.options.query()))
