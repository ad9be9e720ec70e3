"""Documents that are small and mean much: what reading and checking them takes stays small, at each TAB too."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fal_cli import limits
from fal_cli.catalog.store import LIFE_SECONDS
from fal_cli.files.cache import Cache
from fal_cli.schema import problems, read
from fal_cli.schema.document import parsed

ROOM_BYTES = 64 * 1024 * 1024
CPU_SECONDS = 20
"""Far more than it takes, and far less than what is not linear would."""

CHECK = f"""
import json, resource, sys
from fal_cli.schema import find, problems, read, typed, undocumented
from fal_cli.schema.document import parsed
from fal_cli.schema.facts import facts
from fal_cli.schema.report import lines
from decimal import Decimal
body = open(sys.argv[1], "rb").read()
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + {ROOM_BYTES}
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, {CPU_SECONDS}))
schema = read(parsed(body), "a/b")
given = {{"x": "nothing", "p1": "nothing", "stlye": 1, "p": [{{"x": 1}}] * 1000}}
lines(problems(schema, given))
undocumented(schema, given)
for field in schema.inputs[:100]:
    typed(field, "7")
    json.dumps(facts(field))
find(schema, ["x", "x", "0"])
print("done")
"""
COMPLETE = f"""
import os, resource, sys
from fal_cli.cli.completion import answer, inputs, values
from fal_cli.files import cache
from fal_cli.schema import find, read
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + {ROOM_BYTES}
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, {CPU_SECONDS}))
for word in ("", "x=", "x.x", "p1="):
    answer.candidates(["run", "a/b", word], {{"FAL_CLI_HOME": sys.argv[1], "HOME": "/"}})
print("done")
"""


def document(schema: Any, **components: Any) -> bytes:
    body = {"content": {"application/json": {"schema": schema}}}
    whole = {"paths": {"/a/b": {"post": {"requestBody": body}}}, "components": {"schemas": components}}
    return json.dumps(whole, separators=(",", ":")).encode()


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def many(count: int) -> list[str]:
    return [f"c{number}" for number in range(count)]


BOMBS: dict[str, Callable[[], bytes]] = {
    "choices": lambda: document({"properties": {"x": {"type": "string", "enum": many(100_000)}}}),
    "choices-of-each-alternative": lambda: document(
        {"properties": {"x": {"enum": many(60_000), "anyOf": [{"type": "string"}] * 2000}}}
    ),
    "choices-that-are-shared": lambda: document(
        {"properties": {name: reference("E") for name in many(3000)}}, E={"enum": many(60_000)}
    ),
    "choices-that-just-count": lambda: document(
        {"properties": {name: reference("E") for name in many(3000)}}, E={"enum": many(1999)}
    ),
    "alternatives": lambda: document(
        {"properties": {"x": {"anyOf": [{"type": "string", "enum": [word]} for word in many(25_000)]}}}
    ),
    "alternatives-of-alternatives": lambda: document(
        {"properties": {"x": reference("N0")}}, **{f"N{n}": {"anyOf": [reference(f"N{n + 1}")] * 60} for n in range(60)}
    ),
    "inputs": lambda: document({"properties": dict.fromkeys(many(30_000), True), "required": many(30_000)}),
    "inputs-that-are-shared": lambda: document(
        {"properties": {name: reference("E") for name in many(1000)}},
        E={"properties": dict.fromkeys(many(20_000), True)},
    ),
    "fan": lambda: document(
        reference("A0"),
        **{f"A{n}": {"properties": {f"p{m}": reference(f"A{n + 1}") for m in range(50)}} for n in range(300)},
    ),
    "parts": lambda: document(
        {"allOf": [reference("E")] * 20_000}, E={"properties": dict.fromkeys(many(20_000), True)}
    ),
    "required-parts": lambda: document({"allOf": [reference("E")] * 20_000}, E={"required": many(20_000)}),
    "long-reference": lambda: document(
        {"properties": {name: reference("R") for name in many(3000)}}, R={"$ref": "#/" + "a/" * 400_000}
    ),
    "types": lambda: document(
        {"properties": {name: reference("T") for name in many(3000)}}, T={"type": ["string"] * 90_000}
    ),
    "limits": lambda: document(
        {"properties": {name: reference("T") for name in many(3000)}},
        T={"type": "string", "x-fal": dict.fromkeys(many(60_000), 1)},
    ),
    "examples": lambda: document(
        {"properties": {name: reference("T") for name in many(3000)}},
        T={"type": "string", "examples": many(90_000), "default": many(1000)},
    ),
    "description": lambda: document({"properties": {"x": {"type": "string", "description": "the url " * 110_000}}}),
    "names": lambda: document({"properties": {"a" * 450_000: {"type": "string"}, "b" * 450_000: {"type": "string"}}}),
    "nesting": lambda: b'{"paths":{"/a/b":{"post":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}}}",
    "lists": lambda: b'{"paths":{},"x":[' + b",".join([b"[]"] * 300_000) + b"]}",
    "brackets": lambda: b"[" * 900_000,
}  # fmt: skip
needs_linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for its size")


def run(script: str, argument: str) -> None:
    done = subprocess.run([sys.executable, "-c", script, argument], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr[-2000:]


@needs_linux
@pytest.mark.parametrize("name", BOMBS)
def test_reading_and_checking_takes_little(name: str, tmp_path: Path) -> None:
    file = tmp_path / "document.json"
    file.write_bytes(BOMBS[name]())
    run(CHECK, str(file))


@needs_linux
@pytest.mark.parametrize("name", BOMBS)
def test_completion_takes_little(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "api.fal.ai" / "schemas"
    Cache(folder).write("a/b", BOMBS[name](), seconds=LIFE_SECONDS, facts={})
    run(COMPLETE, str(tmp_path))


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_too_much_is_never_refused(name: str) -> None:
    """All of them take a text for `x`, or say nothing that can be read."""
    if name == "inputs":
        return  # each is required, and says so
    schema = read(parsed(BOMBS[name]()), "a/b")
    assert problems(schema, {"x": "c7"}) == []


def test_a_document_has_a_size() -> None:
    assert parsed(b'{"a": "' + b"x" * (limits.SCHEMA - 100) + b'"}') is not None
    assert parsed(b'{"a": "' + b"x" * limits.SCHEMA + b'"}') is None
    assert parsed(b"[" + b"1," * 500_000 + b"1]") is None
    assert parsed(b"no json") is None
