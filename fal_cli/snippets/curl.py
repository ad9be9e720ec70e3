"""A call with `curl`, as a script for any POSIX shell.

Beside `curl` it uses only what every system has: the few members of answers that it needs are plain texts, which
`sed` can read.
"""

import json
from urllib.parse import quote, urlencode

from fal_cli.endpoint import url_on
from fal_cli.files.attachment import Attachment
from fal_cli.snippets.layout import Dialect, json_text
from fal_cli.snippets.shell import quoted_value
from fal_cli.snippets.snippet import STREAM_PATH, File, Script

_CURL = "curl --silent --show-error --fail-with-body"
_KEY = '--header "Authorization: Key $FAL_KEY"'
_JSON = "--header 'Content-Type: application/json'"

_REQUEST = f"""\
request() {{
  {_CURL} {_KEY} "$@"
}}"""

_MEMBER = r"""
# Prints a text of the JSON object on stdin. Those needed here hold no quotes, so that sed can read them.
member() {
  { tr -d '\n'; echo; } | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" | sed 's/\\u0026/\&/g'
}""".strip()

_FAIL = r"""
fail() {
  printf '%s\n' "$1" >&2
  exit 1
}""".strip()

_UPLOAD = f"""\
# Uploads the file $1, of the content type $2, as the JSON $3 describes it, and prints its URL.
upload() {{
  place=$(request {_JSON} --data "$3" \\
    INITIATE) || fail "$place"
  {_CURL} --globoff --header "Content-Type: $2" \\
    --upload-file "$1" "$(printf '%s' "$place" | member upload_url)" >&2 || fail "$1 was not uploaded"
  printf '%s' "$place" | member file_url
}}"""

_EMBED = r"""
# Prints the file $1, of the content type $2, as a data: URI.
embed() {
  [ -r "$1" ] || fail "cannot read $1"
  printf 'data:%s;base64,' "$2"
  base64 < "$1" | tr -d '\n'
}""".strip()

_FOLLOW = """\
state=IN_QUEUE
until [ "$state" = COMPLETED ]; do
  sleep 1
  answer=$(request --retry 5 "$status_url") || fail "$answer"
  state=$(printf '%s' "$answer" | member status)
done
request "$response_url\""""


def write(script: Script) -> str:
    """The script."""
    body = _queued(script) if script.is_queued else _at_once(script)
    files = [f"{file.variable}=$({_sent(script, file)})" for file in script.each_file]
    paragraphs = [_head(script), *_functions(script), "\n".join(files), *body]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


class Values(Dialect):
    """JSON in a here-document, which the shell expands where files are put into it."""

    indent = "  "
    comma_at_end = False

    def __init__(self, script: Script) -> None:
        self._script = script
        self.is_expanded = bool(script.files)

    def text(self, value: str) -> str:
        return _escaped(json_text(value)) if self.is_expanded else json_text(value)

    def file(self, value: Attachment) -> str:
        return f'"${self._script.files[value].variable}"'


def _escaped(text: str) -> str:
    """A text that the shell expands to itself, outside of quotes of any kind."""
    return text.replace("\\", "\\\\").replace("$", "\\$").replace("`", "\\`")


def _head(script: Script) -> str:
    needs_key = not script.call.is_local or _has_uploads(script)
    tools = "curl 7.76 and base64" if script.embeds and script.files else "curl 7.76"
    return f"#!/bin/sh\n# Needs {tools}{', and the key in FAL_KEY' if needs_key else ''}.\nset -eu"


def _functions(script: Script) -> list[str]:
    uploads, embeds = _has_uploads(script), script.embeds and bool(script.files)
    initiate = f"{script.hosts.rest}/storage/upload/initiate?storage_type=fal-cdn-v3"
    functions = {
        _REQUEST: script.is_queued or uploads,
        _MEMBER: script.is_queued or uploads,
        _FAIL: script.is_queued or uploads or embeds,
        _UPLOAD.replace("INITIATE", quoted_value(initiate)): uploads,
        _EMBED: embeds,
    }
    return [function for function, is_used in functions.items() if is_used]


def _has_uploads(script: Script) -> bool:
    return bool(script.files) and not script.embeds


def _sent(script: Script, file: File) -> str:
    told = [quoted_value(file.path), quoted_value(file.content_type)]
    if script.embeds:
        return " ".join(["embed", *told])
    described = json.dumps({"file_name": file.name, "content_type": file.content_type})
    return " ".join(["upload", *told, quoted_value(described)])


def _queued(script: Script) -> list[str]:
    """Puts the call into the queue, and for `run` stays with it."""
    call = _command(script, "request")
    made, call = (
        ("", call)
        if script.query_input is not None
        else (f"input() {{\n  cat {_document(script)}\n}}", f"input | {call}")
    )
    sent = f'submitted=$({call}) || fail "$submitted"'
    if script.verb == "submit":
        return [made, f"{sent}\nprintf '%s' \"$submitted\" | member request_id"]
    urls = [f"{name}=$(printf '%s' \"$submitted\" | member {name})" for name in ("status_url", "response_url")]
    return [made, "\n".join([sent, "printf '%s' \"$submitted\" | member request_id >&2", *urls]), _FOLLOW]


def _at_once(script: Script) -> list[str]:
    """A direct call or a stream."""
    plain = _CURL if script.call.is_local else f"{_CURL} \\\n  {_KEY}"
    call = _command(script, "request" if _has_uploads(script) and not script.call.is_local else plain)
    return [call if script.query_input is not None else f"{call} {_document(script)}"]


def _command(script: Script, curl: str) -> str:
    options = script.options
    words = [curl]
    if script.verb == "stream":
        words += ["--no-buffer", "--header 'Accept: text/event-stream'"]
    if script.query_input is None:
        words.append(_JSON)
    headers = options.wire_headers().items()
    words += [f"--header {quoted_value(f'{name}: {value}' if value else f'{name};')}" for name, value in headers]
    if options.method not in ("post", "get"):
        words.append(f"--request {options.method.upper()}")
    if script.query_input is None:
        words.append("--data-binary @-")
    else:
        words += ["--get", *(f"--data-urlencode {_pair(script, *pair)}" for pair in script.query_input.items())]
    return " \\\n  ".join([*words, quoted_value(_url(script))])


def _pair(script: Script, name: str, value: str | Attachment) -> str:
    """A parameter of a query; `curl` encodes all after its `=`."""
    if isinstance(value, Attachment):
        return f'"{quote(name, safe="")}=${script.files[value].variable}"'
    return quoted_value(f"{quote(name, safe='')}={value}")


def _url(script: Script) -> str:
    target = script.target.joined(STREAM_PATH) if script.verb == "stream" else script.target
    query = script.options.query()
    url = url_on(script.hosts.queue if script.is_queued else script.hosts.run, target)
    return f"{url}?{urlencode(query)}" if query else url


def _document(script: Script) -> str:
    """The input as a here-document, which only the URLs of files are put into."""
    values = Values(script)
    mark = "JSON" if script.files else "'JSON'"
    return f"<<{mark}\n{values.laid_out(script.call.input_json, opens=True)}\nJSON"
