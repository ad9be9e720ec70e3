"""One finding of `fal doctor`."""

import os
from typing import Any, Literal, NamedTuple

State = Literal["ok", "warning", "problem"]


class Finding(NamedTuple):
    """What was found. `way_out` says how to fix it if it is not `ok`."""

    name: str
    state: State
    fact: str
    way_out: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """The same as JSON."""
        return {"name": self.name, "state": self.state, "fact": self.fact, "way_out": self.way_out or None}


def short(path: str | os.PathLike[str]) -> str:
    """A path with the home folder as `~`."""
    home, text = os.path.expanduser("~"), os.fspath(path)
    return f"~{text.removeprefix(home)}" if text.startswith(f"{home}{os.sep}") else text


def ok(name: str, fact: str) -> Finding:
    """Something that is fine."""
    return Finding(name, "ok", fact)


def warning(name: str, fact: str, way_out: str) -> Finding:
    """Something that may go wrong, or could be better."""
    return Finding(name, "warning", fact, way_out)


def problem(name: str, fact: str, way_out: str) -> Finding:
    """Something that makes calls fail."""
    return Finding(name, "problem", fact, way_out)
