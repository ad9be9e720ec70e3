"""What is wrong with an input, in lines for people."""

from collections.abc import Sequence

from fal_cli.schema.check import Problem

_ASKED = ("unknown", "choice", "type", "multiple")
_MOST_LINES = 20


def lines(problems: Sequence[Problem]) -> tuple[str, ...]:
    """A line for each problem: its key, what is wrong, and the nearest right thing."""
    told = tuple(_line(problem) for problem in problems[:_MOST_LINES])
    left = len(problems) - len(told)
    return (*told, f"… and {left} more") if left else told


def _line(problem: Problem) -> str:
    where = f"{problem.path}: " if problem.path else ""
    if problem.kind == "missing":
        return f"{where}{problem.message}, as in {problem.suggestion}"
    asked = f"; did you mean {problem.suggestion}?" if problem.suggestion and problem.kind in _ASKED else ""
    return f"{where}{problem.message}{asked}"
