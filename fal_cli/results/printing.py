"""What stdout carries of a result: `--print` names the form, `--query` picks from it.

For a program each result is one JSON value on a line, in which every number keeps its text.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fal_cli import jsontext, limits
from fal_cli.errors import CliError, UsageError
from fal_cli.media import flagged, text_in
from fal_cli.options import PrintFlags
from fal_cli.terminal.output import Output, in_base64

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

    from fal_cli.results.outcome import Outcome

_SHOWN_BYTES = 16 * 1024 * 1024
_HEAD_BYTES = 2000


class Selection:
    """Writes results to stdout in the requested form. `note` takes messages.

    Raises `UsageError` for a malformed query.
    """

    def __init__(
        self, output: Output, note: Callable[[str], None], flags: PrintFlags, *, default: str = "result"
    ) -> None:
        self._output = output
        self._note = note
        self._what = flags.print_ or default
        self._query = _compiled(flags.query)
        if flags.query and self._what in ("id", "url", "none", "files") and flags.print_:
            raise UsageError(f"--query picks from JSON, and --print {self._what} is not")

    def write(self, outcome: "Outcome", *, ends_line: bool = False) -> None:
        """Writes one result; `ends_line` says that another may follow.

        Raises `CliError` if the result does not fit the requested form, `ReaderGone` when nobody reads.
        """
        output = self._output
        if output.machine:
            self._as_one_value(outcome)
        elif self._query is None and self._what == "result":
            self._whole(outcome)
            if ends_line and not output.is_terminal and outcome.result.body.tail(1) != b"\n":
                output.data(b"\n")
        elif self._query is None and self._what in ("id", "url", "none"):
            if self._what != "none":
                output.line(outcome.request_id if self._what == "id" else outcome.url)
        else:
            self._picked(self._search(self._value(outcome)))

    def pick(self, value: Any) -> None:
        """Writes what the query picks from any JSON value, or all of it."""
        found = self._search(value)
        if self._output.machine:
            self._output.json(found)
        else:
            self._picked(found)

    def _as_one_value(self, outcome: "Outcome") -> None:
        """One line of JSON for a program, whatever the result is."""
        output = self._output
        if self._what == "none" and self._query is None:
            return
        if self._what in ("id", "url") and self._query is None:
            output.json(outcome.request_id if self._what == "id" else outcome.url)
        elif self._query is not None or self._what not in ("result", "envelope"):
            output.json(self._search(self._value(outcome)))
        elif self._what == "result":
            output.chunks(outcome.result.body.chunks(), outcome.result.content_type, is_json=outcome.is_json)
        elif not outcome.is_json:
            _check_size(outcome)
            value = in_base64(outcome.result.body.read(), outcome.result.content_type)
            output.json(_envelope(outcome, value, []))
        else:
            text = "".join(jsontext.compact(outcome.result.body.chunks()))
            output.json(self._envelope(outcome, jsontext.Verbatim(text)))

    def _whole(self, outcome: "Outcome") -> None:
        """The bytes as the service sent them, except on a terminal, where JSON is laid out for reading."""
        output, result = self._output, outcome.result
        body = result.body
        is_text = result.is_json or result.content_type.startswith("text/")
        if not output.is_terminal:
            output.chunks(body.chunks(), result.content_type)
        elif is_text and len(body) > _SHOWN_BYTES:
            # Nobody reads megabytes on a terminal, and laying them out would take many times their size.
            output.line(body.head(_HEAD_BYTES).decode("utf-8", "replace"))
            self._note(f"… and so on, {len(body):,} bytes in all. Save it: -o FILE.json, or … > FILE")
        elif result.is_json:
            output.json(_parsed(outcome))
        else:
            output.chunks(body.chunks(), result.content_type)
            if body.tail(1) != b"\n":
                output.data(b"\n")

    def _value(self, outcome: "Outcome") -> Any:
        from fal_cli import media

        data = _exactly(outcome) if self._output.machine else _parsed(outcome)
        if self._what == "urls":
            return [file.url for file in media.find(data)]
        if self._what == "text":
            return _text_of(data)
        return self._envelope(outcome, data) if self._what == "envelope" else data

    def _envelope(self, outcome: "Outcome", data: Any) -> dict[str, Any]:
        from fal_cli import media

        return _envelope(outcome, data, [file._asdict() for file in media.find(outcome.data)])

    def _search(self, value: Any) -> Any:
        if self._query is None:
            return value
        import jmespath.exceptions

        try:
            return self._query.search(value)
        except jmespath.exceptions.JMESPathError as error:
            raise CliError(f"--query does not fit this result: {_one_line(error)}") from None

    def _picked(self, value: Any) -> None:
        """Texts come bare, the entries of a picked list one a line, everything else as JSON."""
        output = self._output
        if value is None:
            self._note("the query matches nothing in the result")
        elif isinstance(value, str):
            output.line(value)
        elif isinstance(value, list) and (self._query is not None or self._what == "urls"):
            for entry in value:
                if isinstance(entry, str):
                    output.line(entry)
                else:
                    output.json(entry, one_line=True)
        else:
            output.json(value)


def _envelope(outcome: "Outcome", data: Any, files: list[dict[str, Any]]) -> dict[str, Any]:
    from fal_cli.results.money import facts_of

    return {
        "request_id": outcome.request_id,
        "endpoint": outcome.endpoint,
        "data": data,
        "files": files,
        "metrics": {"inference_time": outcome.inference_seconds},
        "billable_units": _number(outcome.result.billable_units),
        "cost": facts_of(outcome.entry.row(), outcome.result.billable_units),
        "reused": outcome.reused,
        "flagged": [file.url for file in flagged(outcome.data)] if outcome.is_json else [],
    }


def _check_size(outcome: "Outcome") -> None:
    """Raises `CliError` for a result that does not fit into one value."""
    size = len(outcome.result.body)
    if size > limits.PARSED:
        raise CliError(
            f"the result has {size // limits.MIB:,} MB, which is too large for an envelope",
            hint="Save it as it is: --print result > FILE",
        )


def _exactly(outcome: "Outcome") -> Any:
    """The result with each number as it came."""
    _parsed(outcome)
    return jsontext.read_exactly(outcome.result.body.read(), outcome.data)


def _number(units: str) -> float | int | None:
    """Billable units as a number; None where the service named none or none that can be read."""
    try:
        value = float(units)
    except ValueError:
        return None
    return int(value) if value.is_integer() else value


def _compiled(query: str) -> "ParsedResult | None":
    if not query:
        return None
    import jmespath.exceptions
    from jmespath.functions import Functions

    try:
        compiled = jmespath.compile(query)
    except jmespath.exceptions.JMESPathError as error:
        raise UsageError(f"--query: {_one_line(error)}") from None
    except RecursionError:
        raise UsageError("--query: the expression is nested too deeply") from None
    except ValueError:  # Python reads no number of thousands of digits
        raise UsageError("--query: a number has thousands of digits") from None
    for name in _function_names(compiled.parsed):
        if name not in Functions.FUNCTION_TABLE:
            raise UsageError(f"--query: no function {name}()")
    return compiled


def _function_names(node: dict[str, Any]) -> Iterator[str]:
    """The functions that a compiled expression calls; JMESPath itself looks for them only when it runs."""
    if node["type"] == "function_expression":
        yield node["value"]
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _function_names(child)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _parsed(outcome: "Outcome") -> Any:
    if outcome.data is jsontext.NOT_JSON:
        raise CliError(
            f"the result is {outcome.result.content_type or 'of an unknown type'}, not JSON",
            hint="Save it as it is: --print result > FILE",
        )
    return outcome.data


def _text_of(data: Any) -> str:
    text = text_in(data)
    if text is None:
        raise CliError(
            "the result has no text", hint="See all of it with --print result, or pick a value with --query."
        )
    return text
