"""A call as code: the same endpoint, input and options as a script for `curl`, the vendor's clients, or `fal`.

`snippet` is a call with all that a script of it has to know, `layout` writes nested values, and each language has a
module of its own with one function: from a `Script` to its text. Nothing is sent here.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from fal_cli.errors import UsageError
from fal_cli.options import Language
from fal_cli.snippets.snippet import Verb

if TYPE_CHECKING:
    from fal_cli.calls.model import Call
    from fal_cli.context import Context

_MODULES: dict[Language, str] = {"curl": "curl", "python": "python", "js": "javascript", "shell": "shell"}
_OPTIONS = {"print_": "--print", "output": "-o", "directory": "-d"}


def show(
    context: "Context",
    language: Language,
    call: "Call",
    *,
    verb: Verb = "run",
    direct: bool = False,
    inline: bool = False,
    beside: Sequence[object] = (),
) -> None:
    """Prints a call as a script. Its files stand in it as attachments; `inline` embeds them.

    `beside` are option groups about what `fal` does with a result: no script has those. Raises `UsageError` for what
    a script in this language cannot do.
    """
    from fal_cli.snippets.snippet import script_of

    script = script_of(context, call, verb=verb, is_direct=direct, embeds=inline)
    try:
        text = import_module(f"fal_cli.snippets.{_MODULES[language]}").write(script)
    except RecursionError:
        raise UsageError("the input is nested too deeply to write as code") from None
    given = [_OPTIONS.get(name, f"--{name}") for group in beside for name, value in vars(group).items() if value]
    if given:
        context.talk.note(f"the script prints the answer; it leaves out {', '.join(given)}")
    if context.output.machine:
        context.output.json({"language": language, "script": text})
    else:
        context.output.data(text.encode())
