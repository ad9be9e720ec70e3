"""What is wrong with an input: in lines for people, and as values for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fal_cli.errors import FieldFault, short
from fal_cli.files.attachment import Attachment
from fal_cli.schema.check import Problem, shown
from fal_cli.schema.facts import facts
from fal_cli.schema.fields import Field, Schema
from fal_cli.schema.values import find

_ASKED = ("unknown", "choice", "type", "multiple")
_MOST_LINES = 20
_NOT_OF_VALUES = ("name", "title", "description", "required", "default")


def lines(problems: Sequence[Problem]) -> tuple[str, ...]:
    """A line for each problem: its key, what is wrong, and the nearest right thing."""
    told = tuple(_line(problem) for problem in problems[:_MOST_LINES])
    left = len(problems) - len(told)
    return (*told, f"… and {left} more") if left else told


def faults(schema: Schema, given: Mapping[str, Any], problems: Sequence[Problem]) -> tuple[FieldFault, ...]:
    """The same for a program: what was given, what the schema expects, and the nearest right value."""
    return tuple(_fault(schema, given, problem) for problem in problems[:_MOST_LINES])


def _fault(schema: Schema, given: Mapping[str, Any], problem: Problem) -> FieldFault:
    path = problem.path.split(".")
    field = find(schema, path)
    known = {name: value for name, value in facts(field).items() if name not in _NOT_OF_VALUES} if field else None
    got = _at(given, path)
    return FieldFault(problem.path, problem.kind, problem.message, short(got), known, _nearest(problem, field))


def _at(given: Any, path: Sequence[str]) -> Any:
    """The value at a path; None where there is none. A file stands there as `@PATH`."""
    for step in path:
        if isinstance(given, dict):
            given = given.get(step)
        elif isinstance(given, list) and step.isdigit() and int(step) < len(given):
            given = given[int(step)]
        else:
            return None
    return f"@{given.path}" if isinstance(given, Attachment) else given


def _nearest(problem: Problem, field: Field | None) -> Any:
    """A suggestion as a value; of a misspelt key its name, and of what is missing nothing."""
    if problem.kind == "missing" or not problem.suggestion:
        return None
    if problem.kind == "unknown":
        return problem.suggestion
    shapes = field.shapes if field else ()
    for choice in (choice for shape in shapes for choice in shape.choices):
        if shown(choice) == problem.suggestion:
            return choice
    try:
        return json.loads(problem.suggestion)
    except ValueError:
        return problem.suggestion


def _line(problem: Problem) -> str:
    where = f"{problem.path}: " if problem.path else ""
    if problem.kind == "missing":
        return f"{where}{problem.message}, as in {problem.suggestion}"
    asked = f"; did you mean {problem.suggestion}?" if problem.suggestion and problem.kind in _ASKED else ""
    return f"{where}{problem.message}{asked}"
