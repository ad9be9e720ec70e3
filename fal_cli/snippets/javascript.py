"""A call with the vendor's JavaScript client, as a module."""

import re
from collections.abc import Mapping
from typing import Any

from fal_cli.api.hosts import Hosts
from fal_cli.files.attachment import Attachment
from fal_cli.snippets.layout import Dialect, in_fewest_escapes, json_text
from fal_cli.snippets.snippet import STREAM_PATH, File, Script, plain_seconds

_NEEDS = """\
// Needs the client (npm install @fal-ai/client), and the key in FAL_KEY.
// A module: save it as *.mjs."""
_HOSTS = "// The hosts that fal is set to, instead of the service's own."
_BEYOND = "// What the client has no parameters for."
_BIG_INTEGERS = """\
// Integers beyond those that a number of JavaScript holds. Sending them needs Node.js 22.
BigInt.prototype.toJSON = function () {
  return JSON.rawJSON(this.toString());
};"""

_EACH_EVENT = """\
for await (const event of stream) {
  console.log(JSON.stringify(event));
}
await stream.done();"""

_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_MOST_EXACT = 2**53 - 1


def write(script: Script) -> str:
    """The script. Raises `UsageError` for what the client cannot do."""
    script.refuse_local_app("the JavaScript client")
    values = Values(script)
    parameters, headers, query = _options(script, values)
    paragraphs = [
        _imports(script),
        _BIG_INTEGERS if _has_big_integer(script.call.input_json) else "",
        _config(script, headers, query),
        "\n".join(f"const {_camel(file.variable)} = {_sent(script, values, file)};" for file in script.each_file),
        _call(script, values, parameters),
    ]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


class Values(Dialect):
    """JavaScript's literals."""

    indent = "  "
    braces = ("{ ", " }")

    def __init__(self, script: Script) -> None:
        self._script = script

    def text(self, value: str) -> str:
        return in_fewest_escapes(json_text(value))

    def key(self, name: str) -> str:
        if name == "__proto__":
            return '["__proto__"]'  # written otherwise it would set the object's prototype
        return name if _IDENTIFIER.fullmatch(name) else json_text(name)

    def number(self, value: int | float) -> str:
        return f"{value}n" if _is_big(value) else super().number(value)

    def file(self, value: Attachment) -> str:
        return _camel(self._script.files[value].variable)

    def lines(self, value: str) -> tuple[str, list[str], str]:
        return "[", [f"{self.text(line)}," for line in value.split("\n")], '].join("\\n")'


class HeaderValues(Values):
    """The values of headers: `fetch` takes bytes only, as characters of Latin-1."""

    def text(self, value: str) -> str:
        quoted = super().text(value)
        return quoted if value.isascii() else f'Buffer.from({quoted}).toString("latin1")'


def _is_big(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) > _MOST_EXACT


def _has_big_integer(value: Any) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return _is_big(value) or any(map(_has_big_integer, inner))


def _camel(variable: str) -> str:
    first, *others = variable.split("_")
    return first + "".join(word.capitalize() for word in others)


def _imports(script: Script) -> str:
    file_imports = ['import { readFile } from "node:fs/promises";', ""] if script.files else []
    return "\n".join([_NEEDS, *file_imports, 'import { fal } from "@fal-ai/client";'])


def _sent(script: Script, values: Values, file: File) -> str:
    path, content_type = values.text(file.path), values.text(file.content_type)
    if script.embeds:
        return f'`data:{file.content_type};base64,${{await readFile({path}, "base64")}}`'
    return f"await fal.storage.upload(\n  new Blob([await readFile({path})], {{ type: {content_type} }}),\n)"


def _options(script: Script, values: Values) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """What the client has parameters for, and the headers and the query that are left."""
    options = script.options
    headers, query = options.wire_headers(), options.query()
    found = _input(script, values, query)
    if options.method != "post":
        found["method"] = values.text(options.method)
    if script.is_queued:
        if options.webhook:
            found["webhookUrl"] = values.text(query.pop("fal_webhook"))
        if options.priority:
            found["priority"] = values.text(headers.pop("X-Fal-Queue-Priority"))
        if options.hint:
            found["hint"] = HeaderValues(script).text(headers.pop("X-Fal-Runner-Hint"))
    if script.verb != "stream":
        if options.start_timeout is not None:
            found["startTimeout"] = plain_seconds(options.start_timeout)
            del headers["X-Fal-Request-Timeout"], headers["X-Fal-Request-Start-Timeout"]
        if options.expires not in ("", "never"):  # the client takes "never" for the account's default
            expires = int(options.expires) if options.expires.isdigit() else options.expires
            found["storageSettings"] = values.one_line({"expiresIn": expires})
            del headers["X-Fal-Object-Lifecycle-Preference"]
    if script.is_queued and headers:
        found["headers"] = HeaderValues(script).laid_out(headers, 1, lead=len("headers: "))
        headers = {}
    return found, headers, query


def _input(script: Script, values: Values, query: dict[str, str]) -> dict[str, str]:
    """The input as a parameter; for a stream whatever belongs into the query, which is emptied then."""
    given = script.call.input_json if script.query_input is None else script.query_input
    if script.verb != "stream":
        return {"input": values.laid_out(given, 1, opens=bool(given))}
    pairs = query | (script.query_input or {})
    query.clear()
    found = {} if script.query_input is not None else {"input": values.laid_out(given, 1, opens=bool(given))}
    return found | ({"queryParams": values.laid_out(pairs, 1, lead=len("queryParams: "))} if pairs else {})


def _config(script: Script, headers: dict[str, str], query: dict[str, str]) -> str:
    """What is between the client and the wire: other hosts, and what it has no parameters for."""
    hosts = _other_hosts(script)
    if not hosts and not headers and not query:
        return ""
    values = Values(script)
    body = ["const url = new URL(request.url);"]
    if headers or query:
        body += [f"if (url.pathname === {values.text(_path(script))}) {{", *_beyond(script, headers, query), "}"]
    moved = "url.href.replace(url.origin, hosts[url.origin] ?? url.origin)" if hosts else "url.href"
    body.append(f"return {{ ...request, url: {moved} }};")
    return "\n".join(
        [
            *([_HOSTS, f"const hosts = {values.laid_out(hosts, opens=True)};"] if hosts else []),
            *([_BEYOND] if headers or query else []),
            "fal.config({",
            "  requestMiddleware: async (request) => {",
            *(f"    {line}" for line in body),
            "  },",
            "});",
        ]
    )


def _beyond(script: Script, headers: dict[str, str], query: dict[str, str]) -> list[str]:
    values = HeaderValues(script)
    lines = [f"  url.searchParams.set({json_text(name)}, {json_text(value)});" for name, value in query.items()]
    if headers:
        entries = [f"    {values.text(name)}: {values.text(value)}," for name, value in headers.items()]
        lines += ["  request.headers = {", "    ...request.headers,", *entries, "  };"]
    return lines


def _path(script: Script) -> str:
    return f"/{script.target.joined(STREAM_PATH) if script.verb == 'stream' else script.target}"


def _other_hosts(script: Script) -> dict[str, str]:
    """The service's hosts that this script would call, and those to call instead. Where files go is answered."""
    used = ["queue" if script.is_queued else "run", *(["rest"] if script.files and not script.embeds else [])]
    own = {name: getattr(Hosts(), name) for name in used}
    return {base: getattr(script.hosts, name) for name, base in own.items() if getattr(script.hosts, name) != base}


def _call(script: Script, values: Values, parameters: dict[str, str]) -> str:
    entries = [f"{name}: {value}" for name, value in parameters.items()]
    target = values.text(str(script.target))
    if script.verb == "stream":
        call = values.block(f"const stream = await fal.stream({target}, {{", entries, "});")
        return f"{call}\n{_EACH_EVENT}"
    if script.verb == "submit":
        call = values.block(f"const {{ request_id }} = await fal.queue.submit({target}, {{", entries, "});")
        return f"{call}\nconsole.log(request_id);"
    function = "subscribe" if script.is_queued else "run"
    call = values.block(f"const {{ data }} = await fal.{function}({target}, {{", entries, "});")
    return f"{call}\nconsole.log(JSON.stringify(data, null, 2));"
