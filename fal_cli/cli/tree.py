"""The command tree as data: what `fal --help --json` prints, and what completion and the man pages are made of.

The shape of that JSON is a promise; `FORMAT` grows when something in it changes its meaning or goes, not when
something is added:

    {"format", "program", "version", "help", "usage", "options": [OPTION…], "examples": ["…"], "commands": [COMMAND…],
     "exit_codes": [{"code", "meaning", "again"}…], "topics": [{"name", "summary"}…], "kinds": [KIND…], "schemas": {…}}
    COMMAND  {"path", "name", "summary", "help", "usage", "hidden", "runs", "arguments": [ARGUMENT…],
              "options": [OPTION…], "examples": ["…"], "effects", "stdout", "conflicts": [["-o", "-d"]…],
              "requires": {"--timeout": ["--wait"]}, "commands": [COMMAND…]}
    OPTION   {"names": ["-o", "--output"], "negations": ["--no-…"], "metavar", "environment"} and what an ARGUMENT has
    ARGUMENT {"name", "type", "value", "takes_value", "required", "repeatable", "default", "choices", "minimum",
              "maximum", "pattern", "help"}

`type` is string, integer, number, boolean, count, choice or path; `value` says what the text stands for (`endpoint`,
`request`, `input`, `file`, `duration` …), "" where it is nothing more, and `pattern` how the whole of it looks.
`options` of the program itself work with every command, on either side of its words; those of a command are its own.
`runs` is false for a group that only holds commands. `effects`, `stdout`, `conflicts` and `requires` are of `contract`;
`stdout.schema` and the values of `stdout.with` (by the option that changes it) are names among the `schemas`.

Format 2 has effects, stdout, conflicts, requires, runs, pattern, kinds and schemas, and tells defaults as they hold in
a pipe. With `--brief` there is no more than a line for each command.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import typer

from fal_cli import __version__
from fal_cli.cli import program
from fal_cli.cli.contract import CONTRACTS, DEFAULTS, ENVIRONMENT, PATTERNS, Effects, Stdout
from fal_cli.cli.registry import VERBS
from fal_cli.cli.schemas import schemas
from fal_cli.cli.topics import SUMMARIES
from fal_cli.context import Context
from fal_cli.errors import EXIT_CODES
from fal_cli.kinds import KINDS
from fal_cli.options import GlobalFlags

FORMAT = 2

_TYPES = {
    "str": "string", "int": "integer", "int range": "integer", "float": "number", "float range": "number",
    "units": "number", "boolean": "boolean", "choice": "choice", "path": "path", "file": "path",
}  # fmt: skip
_VALUES_OF_PARSERS = {
    "seconds": "duration",
    "_tolerance": "duration",
    "moment": "moment",
    "moment_to_clear": "moment",
    "age": "age",
}
_VALUES_OF_METAVARS = {
    "FILE": "file", "FILE|URL": "file", "DIR": "directory", "DIR|TEMPLATE|-": "directory", "TIME": "duration",
    "SPAN|DATE": "moment", "SIZE": "size", "URL": "url", "PORT": "port",
    "INPUT": "input", "KEY=TEXT": "input_text", "STATE": "state", "REF": "request",
}  # fmt: skip
_VALUES_OF_NAMES = {
    "endpoint": "endpoint", "endpoints": "endpoint", "items": "input", "paths": "file", "words": "endpoint_or_request",
    "--endpoint": "endpoint", "--profile": "profile", "--category": "category", "--expires": "expiry",
    "--method": "method", "--acl": "acl", "refs": "request", "ref": "call", "--tag": "tag", "--header": "header",
    "--batch": "batch",
}  # fmt: skip
_VALUES_OF_ONE = {
    ("cancel", "refs"): "unfinished_request", ("resume", "refs"): "unfinished_call", ("wait", "refs"):
    "unfinished_request", ("history show", "refs"): "call", ("history rm", "refs"): "call", ("auth switch", "name"):
    "profile", ("config get", "key"): "setting", ("config set", "key"): "setting", ("config unset", "key"): "setting",
    ("config set", "value"): "setting_value", ("help", "words"): "help_word", ("upload", "--expires"): "expiry",
}  # fmt: skip
_VALUES_OF_ONE |= {
    ("alias rm", "name"): "alias", ("batch", "endpoint"): "endpoint_list", ("batch", "items"): "source_or_input",
    ("batch", "--rows"): "file",
}  # fmt: skip
_VALUES_OF_ONE |= {
    (f"batch {verb}", "name"): "batch" for verb in ("status", "resume", "retry", "cancel", "export", "rm")
}
_GLOBAL_HELP = ("--help", "-h")


class Value(NamedTuple):
    """What an argument or an option takes. `default` is None where there is none."""

    name: str
    type: str
    value: str
    takes_value: bool
    required: bool
    repeatable: bool
    default: Any
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    help: str

    @property
    def pattern(self) -> str:
        """How the text of a value looks as a whole; "" where anything goes, or the choices tell."""
        return PATTERNS.get(self.value, "") if self.takes_value and not self.choices else ""


class Argument(NamedTuple):
    """A positional word."""

    metavar: str
    takes: Value


class Option(NamedTuple):
    """An option by all of its names."""

    names: tuple[str, ...]
    negations: tuple[str, ...]
    metavar: str
    environment: str
    takes: Value


class Command(NamedTuple):
    """A command by its path (`""` is the program itself), with those under it."""

    path: str
    summary: str
    help: str
    usage: str
    short: str
    is_hidden: bool
    needs_command: bool
    arguments: tuple[Argument, ...]
    options: tuple[Option, ...]
    examples: tuple[str, ...]
    commands: "tuple[Command, ...]"

    @property
    def name(self) -> str:
        return self.path.rpartition(" ")[2]

    def walk(self) -> "Iterator[Command]":
        """This command and all under it."""
        yield self
        for command in self.commands:
            yield from command.walk()


def tree(words: list[str] | None = None) -> Command:
    """The program's commands; with `words` only those that are named are read whole."""
    root = _command(typer.main.get_command(program.build(words)), "")
    order = list(VERBS)  # Typer puts those with commands of their own last
    return root._replace(commands=tuple(sorted(root.commands, key=lambda command: order.index(command.name))))


def facts() -> dict[str, Any]:
    """The whole tree as JSON."""
    root = tree()
    return {
        "format": FORMAT,
        "program": "fal",
        "version": __version__,
        "help": root.help,
        "usage": root.usage,
        "options": [_option_facts(option) for option in root.options],
        "examples": list(root.examples),
        "commands": [command_facts(command) for command in root.commands],
        "exit_codes": [{"code": code, "meaning": meaning, "again": again} for code, meaning, again in EXIT_CODES],
        "topics": [{"name": name, "summary": summary} for name, summary in SUMMARIES.items()],
        "kinds": [{"kind": word, **kind._asdict()} for word, kind in KINDS.items()],
        "schemas": schemas(),
    }


def brief() -> dict[str, Any]:
    """Every command in a line, with what it needs; enough to know which one to ask about."""
    commands = [command for command in tree().walk() if command.path in CONTRACTS and not command.is_hidden]
    return {
        "format": FORMAT,
        "program": "fal",
        "version": __version__,
        "more": "fal COMMAND --help --json tells all of one, fal --help --json of all; --json makes stdout JSON lines",
        "commands": {_call_of(command): command.summary for command in commands},
        "pays": [command.path for command in commands if CONTRACTS[command.path].effects.pays],
        "deletes": [command.path for command in commands if CONTRACTS[command.path].effects.deletes],
    }


def _call_of(command: Command) -> str:
    """A command with its arguments, and the options that it cannot be without."""
    needed = [f"{option.takes.name} {option.metavar}" for option in command.options if option.takes.required]
    return " ".join([command.path, *(argument.metavar for argument in command.arguments), *needed])


BRIEF = "--brief"
"""What makes the tree short enough to be read first."""


def write(context: Context, words: Sequence[str]) -> bool:
    """Prints the whole tree, or the one command that `words` name; False if they name none."""
    context.add_flags(GlobalFlags(json=True))
    if list(words) in ([], [BRIEF]):
        context.output.json(brief() if words else facts())
        return True
    words = [word for word in words if word != BRIEF]
    found = next((command for command in tree(list(words)).walk() if command.path == " ".join(words)), None)
    if found is None or words[0] not in VERBS:
        return False
    context.output.json(command_facts(found))
    return True


def command_facts(command: Command) -> dict[str, Any]:
    """A command as JSON."""
    contract = CONTRACTS.get(command.path)
    return {
        "path": command.path,
        "name": command.name,
        "summary": command.summary,
        "help": command.help,
        "usage": command.usage,
        "hidden": command.is_hidden,
        "runs": contract is not None,
        "arguments": [_value_facts(argument.takes) | {"metavar": argument.metavar} for argument in command.arguments],
        "options": [_option_facts(option, command.path) for option in command.options],
        "examples": list(command.examples),
        "effects": _effects_facts(contract.effects) if contract else None,
        "stdout": _stdout_facts(contract.stdout) if contract else None,
        "conflicts": [list(names) for names in contract.conflicts] if contract else [],
        "requires": {name: list(needed) for name, needed in contract.requires.items()} if contract else {},
        "commands": [command_facts(inner) for inner in command.commands],
    }


def _effects_facts(effects: Effects) -> dict[str, Any]:
    return effects._asdict() | {"writes": list(effects.writes)}


def _stdout_facts(stdout: Stdout) -> dict[str, Any]:
    return {"pipe": stdout.pipe, "schema": stdout.schema, "lines": stdout.lines, "with": dict(stdout.options)}


def _option_facts(option: Option, path: str = "") -> dict[str, Any]:
    value = option.takes
    default = DEFAULTS.get((path, value.name), value.default)
    return {
        "names": list(option.names),
        "negations": list(option.negations),
        "metavar": option.metavar,
        "environment": option.environment or ENVIRONMENT.get(value.name),
        **_value_facts(value._replace(default=default)),
    }


def _value_facts(value: Value) -> dict[str, Any]:
    limits = {"minimum": value.minimum, "maximum": value.maximum, "pattern": value.pattern or None}
    known = {name: limit for name, limit in limits.items() if limit is not None}
    facts = {name: found for name, found in value._asdict().items() if name not in limits}
    return facts | {"choices": list(value.choices)} | known


# -- reading Typer's own tree


def _command(command: Any, path: str, parent: Any = None) -> Command:
    name = path.rpartition(" ")[2] or "fal"
    with typer.Context(command, info_name=name, parent=parent, **command.context_settings) as context:
        parameters = [parameter for parameter in command.get_params(context) if not parameter.hidden]
        arguments = [_argument(path, one, context) for one in parameters if one.param_type_name == "argument"]
        commands = [
            _command(inner, f"{path} {name}".strip(), context)
            for name, inner in getattr(command, "commands", {}).items()
        ]
    help_text = _unwrapped(command.help or "")
    needs_command = bool(commands) and not command.invoke_without_command
    further = ["COMMAND …" if needs_command else "[COMMAND …]"] if commands else []
    return Command(
        path,
        help_text.partition("\n")[0],
        help_text,
        " ".join([f"fal {path}".rstrip(), "[OPTIONS]", *(one.metavar for one in arguments), *further]),
        command.short_help or help_text.partition("\n")[0],
        bool(command.hidden),
        needs_command,
        tuple(arguments),
        tuple(_option(path, one) for one in parameters if one.param_type_name == "option"),
        tuple(_examples(command.epilog or "")),
        tuple(commands),
    )


def _argument(path: str, parameter: Any, context: Any) -> Argument:
    return Argument(_bare(parameter.make_metavar(context)), _value(path, parameter.name, parameter))


def _option(path: str, parameter: Any) -> Option:
    names = tuple(sorted(parameter.opts, key=len))
    variables = parameter.envvar
    environment = variables if isinstance(variables, str) else next(iter(variables or ()), "")
    long_name = next((name for name in names if name.startswith("--")), names[-1])
    takes = _value(path, long_name, parameter)
    own = parameter.metavar or ""
    metavar = own or takes.type.upper() if takes.takes_value or own.startswith("[=") else ""
    if takes.choices and not parameter.metavar:
        metavar = "|".join(takes.choices)
    return Option(names, tuple(parameter.secondary_opts), metavar, environment, takes)


def _value(path: str, name: str, parameter: Any) -> Value:
    is_counted = bool(getattr(parameter, "count", False))
    # A value that may be left out is written behind a `=`: the next word is never taken for it.
    is_flag = bool(getattr(parameter, "is_flag", False)) or (parameter.metavar or "").startswith("[=")
    kind = str(getattr(parameter.type, "name", ""))
    return Value(
        name=parameter.name.rstrip("_") if parameter.param_type_name == "argument" else name,
        type="count" if is_counted else _TYPES.get(kind, "string"),
        value="" if is_flag or is_counted else _stands_for(path, name, parameter, kind),
        takes_value=not (is_flag or is_counted),
        required=bool(parameter.required),
        repeatable=parameter.nargs == -1 or bool(getattr(parameter, "multiple", False)) or is_counted,
        default=_plain(parameter.default),
        choices=tuple(str(choice) for choice in getattr(parameter.type, "choices", ())),
        minimum=getattr(parameter.type, "min", None),
        maximum=getattr(parameter.type, "max", None),
        help=" ".join((parameter.help or "").split()),
    )


def _stands_for(path: str, name: str, parameter: Any, kind: str) -> str:
    found = _VALUES_OF_ONE.get((path, name)) or _VALUES_OF_NAMES.get(name) or _VALUES_OF_PARSERS.get(kind)
    return found or _VALUES_OF_METAVARS.get(parameter.metavar or "", "")


def _bare(usage: str) -> str:
    """Without the braces that Typer puts around what is required."""
    return re.sub(r"\{([^{}]*)\}", r"\1", usage)


def _plain(default: Any) -> Any:
    """A default as JSON; None for what is none."""
    return default if isinstance(default, str | int | float | bool) and default != "" else None


def _unwrapped(text: str) -> str:
    """Help with each paragraph on one line; what stands after Typer's mark for laid-out text stays as it is."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\f", "").strip())
    return "\n\n".join(
        part.removeprefix("\b\n") if part.startswith("\b") else " ".join(part.split()) for part in paragraphs
    )


def _examples(epilog: str) -> Iterator[str]:
    """The lines under `Examples:`."""
    _, found, rest = epilog.partition("Examples:\n")
    for line in rest.partition("\n\n")[0].splitlines() if found else ():
        yield line.strip()
