"""The house: which room may import which, that nothing lies loose, and that what is named in text is there.

The order is the one of `fal_cli/README.md`. Each room imports only rooms to its right, in functions and for types too.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import fal_cli

PACKAGE = Path(fal_cli.__file__).parent
TESTS = Path(__file__).parent
ORDER = (
    "__main__", "commands", "app", "snippets", "batch", "calls", "cli", "results", "catalog", "context", "terminal",
    "inputs", "schema", "options", "identity", "auth", "ledger", "config", "extras", "signals", "errors", "kinds",
    "api", "media", "endpoint", "files", "fields", "jsontext", "limits", "urls", "concurrency", "durations",
    "sandbox",
)  # fmt: skip
_REFERENCE = re.compile(r"§(\d+(?:\.\d+)?)")
_DOTTED = re.compile(r"fal_cli(?:\.\w+)+")
_IMPORTED = re.compile(r"\bfrom (fal_cli(?:\.\w+)*) import ([\w, ]+)")


def modules() -> dict[str, Path]:
    """Every module of the package by its name within it; the package itself is ""."""
    names = {path: path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".") for path in sources(PACKAGE)}
    return {name.removesuffix("__init__").rstrip("."): path for path, name in names.items()}


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "fal_cli":
            source = (node.module or "").removeprefix("fal_cli").lstrip(".")
            for alias in node.names:
                inner = f"{source}.{alias.name}".lstrip(".")
                yield inner if inner in known else source


def test_nothing_lies_loose() -> None:
    """A file or folder on the top floor is a room of the order."""
    rooms = {name.partition(".")[0] for name in modules() if name}
    assert rooms == set(ORDER)


def test_every_import_points_to_the_right() -> None:
    known = modules()
    wrong = [
        f"{name} imports {target}"
        for name, path in known.items()
        for target in imports(path, known)
        if name and target
        and (here := name.partition(".")[0]) != (there := target.partition(".")[0])
        and ORDER.index(here) > ORDER.index(there)
    ]  # fmt: skip
    assert wrong == []


def test_the_sandbox_shares_no_code_with_the_rest() -> None:
    """So that client and sandbox check each other."""
    known = modules()
    inside = {target for name in known if name.startswith("sandbox") for target in imports(known[name], known)}
    assert {target for target in inside if not target.startswith("sandbox")} <= {""}


def test_no_room_is_a_circle() -> None:
    """Modules of one room import each other in one direction too."""
    known = modules()
    arrows = {name: set(imports(path, known)) - {name} for name, path in known.items()}
    while free := [name for name, targets in arrows.items() if not targets & set(arrows)]:
        for name in free:
            del arrows[name]
    assert arrows == {}


def test_the_readme_names_the_rooms_in_their_order() -> None:
    words = re.findall(
        r"`([\w.]+)`", (PACKAGE / "README.md").read_text("utf-8").partition("## Direction")[2].split("\n\n")[2]
    )
    assert tuple(words) == ORDER


@pytest.mark.parametrize("folder", [PACKAGE, TESTS], ids=["fal_cli", "tests"])
def test_every_reference_to_the_wire_document_is_a_section_of_it(folder: Path) -> None:
    text = (PACKAGE / "api" / "WIRE.md").read_text("utf-8")
    sections = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)", text, re.MULTILINE))
    cited = {
        (path.relative_to(folder).as_posix(), number)
        for path in sources(folder)
        for line in path.read_text("utf-8").splitlines()
        if "SSE standard" not in line
        for number in _REFERENCE.findall(line)
    }
    assert len(cited) > 10
    assert {(path, number) for path, number in cited if number not in sections} == set()


def test_every_module_that_a_test_names_is_there() -> None:
    """A string that names a module which moved makes a test pass in vain."""
    missing = [
        f"{path.relative_to(TESTS)}: {name}"
        for path in sources(TESTS)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for name in (*_DOTTED.findall(node.value), *_imported(node.value))
        if not _is_there(name)
    ]
    assert missing == []


def _imported(text: str) -> Iterator[str]:
    for module, names in _IMPORTED.findall(text):
        yield from (f"{module}.{name.strip()}" for name in names.split(","))


def _is_there(dotted: str) -> bool:
    """Whether a name leads to a module, or from a module to something in it."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.util.find_spec(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        if found is None:
            continue
        return length == len(parts) or hasattr(importlib.import_module(".".join(parts[:length])), parts[length])
    return False
