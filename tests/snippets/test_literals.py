"""Any JSON object, written as a literal of each language, is read back by that language as the same object."""

import ast
import json
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fal_cli.snippets import curl, javascript, python
from tests.support.json_values import NASTY, objects, script

# A process answers for many examples at once.
batches = st.lists(objects, min_size=1, max_size=30)
few = settings(deadline=None, max_examples=60)
in_batches = settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
JAVASCRIPT = """
BigInt.prototype.toJSON = function () { return { big: this.toString() }; };
for (const value of [%s]) console.log(JSON.stringify(value));
"""


@few
@given(objects)
def test_python(value: dict[str, Any]) -> None:
    values = python.Values(script(value))
    for written in (values.one_line(value), values.laid_out(value, 1, opens=True)):
        assert same(ast.literal_eval(written.strip()), value)


@needs_node
@in_batches
@given(batches)
def test_javascript(examples: list[dict[str, Any]]) -> None:
    values = javascript.Values(script({}))
    written = [form for value in examples for form in (values.one_line(value), values.laid_out(value, 1, opens=True))]
    lines = run(["node", "--input-type=module", "-"], JAVASCRIPT % ",\n".join(written)).split("\n")[:-1]
    assert len(lines) == 2 * len(examples)
    for number, line in enumerate(lines):
        assert same(big(json.loads(line)), examples[number // 2])


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("expands", [False, True], ids=["as it is", "expanded"])
@in_batches
@given(batches)
def test_here_document(shell: str, expands: bool, examples: list[dict[str, Any]]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    values = curl.Values(script({}))
    values.is_expanded = expands
    mark = "JSON" if expands else "'JSON'"
    documents = [f"cat <<{mark}\n{values.laid_out(value, opens=True)}\nJSON\nprintf '\\036'" for value in examples]
    *read, _ = run([shell, "-s"], "\n".join(documents)).split("\x1e")
    assert [json.loads(document) for document in read] == examples


@pytest.mark.parametrize("dialect", [python.Values, javascript.Values, curl.Values])
@few
@given(value=objects)
def test_what_cannot_be_seen_is_escaped_everywhere(dialect: Any, value: dict[str, Any]) -> None:
    written = dialect(script(value)).laid_out(value, opens=True)
    assert all(character == "\n" or ord(character) >= 32 for character in written)
    assert not set("\x7f\x85\x9b\u2028\u2029\u202e\ufeff") & set(written)


@pytest.mark.parametrize("text", NASTY)
def test_python_literals_are_what_python_would_print(text: str) -> None:
    assert eval(python.Values(script({})).text(text)) == text


def same(found: Any, wanted: Any) -> bool:
    """Whether two values are the same JSON; a float may have been written as the integer that it is."""
    if isinstance(wanted, bool) or wanted is None or isinstance(wanted, str):
        return type(found) is type(wanted) and found == wanted
    if isinstance(wanted, dict):
        are_same_keys = isinstance(found, dict) and found.keys() == wanted.keys()
        return are_same_keys and all(same(found[key], inner) for key, inner in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(same, found, wanted))
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return is_number and (float(found) == wanted if isinstance(wanted, float) else found == wanted)


def big(value: Any) -> Any:
    """The integers that JavaScript wrote as such."""
    if isinstance(value, dict):
        if value.keys() == {"big"}:
            return int(value["big"])
        return {key: big(inner) for key, inner in value.items()}
    return [big(inner) for inner in value] if isinstance(value, list) else value


def run(argv: list[str], text: str) -> str:
    done = subprocess.run(argv, input=text.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
