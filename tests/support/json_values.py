"""JSON values of all kinds, the nastiest of texts among them, and calls that are made of them."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from fal_cli.api.call_options import CallOptions
from fal_cli.api.hosts import Hosts
from fal_cli.calls.model import Call
from fal_cli.endpoint import parse_target
from fal_cli.snippets.snippet import Script, Verb

NASTY = (
    "",
    "it's",
    'say "hi"',
    "both ' and \"",
    "`rm -rf` $(rm) ${HOME} $HOME $1 $'x'",
    "back\\slash \\n \\' \\\" \\\\",
    "a\\",
    "line\nline\n",
    "\r\n\t",
    "%s %d 100% %%",
    "!! !history",
    "<<JSON\nJSON\n",
    "*/ // # <!-- </script>",
    "${x} `${y}`",
    "@file",
    "\\@file",
    "{{x}}",
    "\\{{x}}",
    "a {{x}} b",
    "a=b:=c",
    "-x",
    "--option=1",
    "~/x",
    "true",
    "null",
    "12",
    "1e400",
    "007",
    "zażółć gęślą 漢字 العربية",
    "🐈‍⬛ 👩🏽‍🚀 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "e\u0301 \u00a0 \u3000",
    "\x00 \x01 \x1b[31m \x7f \x85 \x9b",
    "\u2028 \u2029 \u202e \ufeff \u200b",
    "\ue000 \U000e0001 \U0010ffff",
    "a long text that no line has room for, which goes on and on\nand then has a second line, 'and' a \"third\"\n\nend",
)
NUMBERS = (0, -1, 2**53, -(2**53), 2**63, 12345678901234567890, 10**40, 1e16, 1e22, 1e-7, 5e-324, 1.7e308, 0.1, 1.0)
NAMES = (
    "",
    "__proto__",
    "constructor",
    "a.b",
    "a[0]",
    "a b",
    "-x",
    "{",
    "@",
    "a=b",
    "a:",
    "0",
    "prompt",
    "class",
    "$x",
)

texts = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.sampled_from(NAMES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
numbers = st.sampled_from(NUMBERS) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=5)


def script(
    input_json: Mapping[str, Any],
    *,
    verb: Verb = "run",
    is_direct: bool = False,
    endpoint: str = "sandbox/echo",
    **options: Any,
) -> Script:
    """A call of the service's own hosts, without files."""
    call = Call(parse_target(endpoint), input_json, CallOptions(**options))
    return Script(verb, call, {}, Hosts(), is_direct)
