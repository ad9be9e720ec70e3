"""Tools for a program that calls functions (an agent, say), made of the command tree alone.

Each command is one tool: its name, what it does, and a JSON Schema of its parameters, which are the command's
arguments and options. `argv` turns a call of a tool into the words of a command line. No command is named here.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Tree = Mapping[str, Any]
Run = Callable[[list[str]], tuple[int, list[Any], dict[str, Any]]]
_TYPES = {"integer": "integer", "count": "integer", "number": "number", "boolean": "boolean"}


def commands(tree: Tree) -> Iterator[Tree]:
    """Every command that runs."""
    for command in tree["commands"]:
        if command["runs"] and not command["hidden"]:
            yield command
        yield from commands(command)


def _name(value: Tree) -> str:
    """The name of a parameter."""
    return str(value["name"]).removeprefix("--").replace("-", "_")


def _parameter(value: Tree) -> dict[str, Any]:
    """The JSON Schema of what one argument or option takes."""
    one: dict[str, Any] = {"type": _TYPES.get(value["type"], "string") if value["takes_value"] else "boolean"}
    if value["type"] == "count":
        one = {"type": "integer"}
    one |= {"enum": value["choices"]} if value["choices"] else {}
    one |= {name: value[name] for name in ("minimum", "maximum") if name in value}
    one |= (
        {"pattern": f"^({value['pattern']})$"} if "pattern" in value and not value["pattern"].startswith("(?") else {}
    )
    found = {"type": "array", "items": one} if value["repeatable"] and value["type"] != "count" else one
    found |= {"description": f"{value['help']} {value.get('metavar', '')}".strip()}
    return found | ({"default": value["default"]} if value["default"] is not None else {})


def tool(tree: Tree, command: Tree) -> dict[str, Any]:
    """The description of one command."""
    values = [*command["arguments"], *command["options"], *tree["options"]]
    values = [value for value in values if _name(value) not in ("help", "version", "json")]
    effects = command["effects"]
    told = [word for word in ("pays", "deletes", "network") if effects[word]]
    told += [f"blocks {effects['blocks'].replace('_', ' ')}"] if effects["blocks"] != "no" else []
    told += [f"{' excludes '.join(pair)}" for pair in command["conflicts"]]
    told += [f"{name} needs {' and '.join(needed)}" for name, needed in command["requires"].items()]
    return {
        "name": command["path"].replace(" ", "_"),
        "description": f"{command['help']}\n({'; '.join(told)})" if told else command["help"],
        "parameters": {
            "type": "object",
            "properties": {_name(value): _parameter(value) for value in values},
            "required": [_name(value) for value in values if value["required"]],
            "additionalProperties": False,
        },
        "output": tree["schemas"].get(command["stdout"]["schema"], {}),
    }


def argv(tree: Tree, command: Tree, given: Mapping[str, Any]) -> list[str]:
    """The words of a call. What is given comes as values, so that nothing has to be quoted."""
    words = [*command["path"].split(), "--json"]
    for option in (*command["options"], *tree["options"]):
        value = given.get(_name(option))
        for one in value if isinstance(value, list) else [value]:
            if not option["takes_value"] and one:
                words += [option["name"]] * (one if option["type"] == "count" else 1)
            elif option["takes_value"] and one is not None:
                words.append(f"{option['name']}={one}")
    words.append("--")
    for argument in command["arguments"]:
        value = given.get(_name(argument), [])
        words += map(str, value if isinstance(value, list) else [value])
    return words


class Tools:
    """All of them, over `run`, which calls the program: its code, the values on stdout, and the last event."""

    def __init__(self, tree: Tree, run: Run) -> None:
        self.by_name = {tool(tree, command)["name"]: (tool(tree, command), command) for command in commands(tree)}
        self._tree, self._run = tree, run

    def __call__(self, name: str, **given: Any) -> tuple[int, list[Any], dict[str, Any]]:
        """Calls a tool. What comes back is as its description says."""
        described, command = self.by_name[name]
        unknown = set(given) - set(described["parameters"]["properties"])
        assert not unknown, f"{name} has no {unknown}"
        for parameter, value in given.items():
            pattern = described["parameters"]["properties"][parameter].get("pattern")
            assert not pattern or re.search(pattern, json.dumps(value) if isinstance(value, dict) else str(value))
        return self._run(argv(self._tree, command, given))
