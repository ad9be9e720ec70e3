"""What binds a verb's function to Typer: option groups flattened into the signature that it reads.

A verb is a plain function of a `Context`, its own options, and groups: `Fields` whose annotations are Typer
options. `bind` flattens the groups into the signature that Typer reads and puts them together again.
"""

import gc
import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer

from fal_cli.fields import Fields
from fal_cli.options import GlobalFlags


def bind(verb: Callable[..., None], *, is_root: bool = False, is_group: bool = False) -> Callable[..., None]:
    """A Typer callback for a verb: option groups flattened, the global options added, the context passed.

    The global options are listed in the root's help alone. A group's own verb is done where no other is named.
    """
    hints = typing.get_type_hints(verb, include_extras=True)
    groups: dict[str, type[Fields]] = {}
    parameters = [inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for name, parameter in inspect.signature(verb).parameters.items():
        if name == "context":
            continue
        if isinstance(hints[name], type) and issubclass(hints[name], Fields):
            groups[name] = hints[name]
            parameters += _fields(groups[name])
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name]))
    parameters += _fields(GlobalFlags, hidden=not is_root)

    def callback(ctx: typer.Context, **values: Any) -> None:
        ctx.obj.add_flags(_taken(GlobalFlags, values))
        if is_group and ctx.invoked_subcommand:
            _refuse_options_of(ctx, values)
            return
        taken = {name: _taken(group, values) for name, group in groups.items()}
        gc.freeze()
        gc.enable()
        verb(context=ctx.obj, **taken, **values)

    callback.__name__, callback.__doc__ = verb.__name__, verb.__doc__
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect reads
    callback.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return callback


def _refuse_options_of(ctx: typer.Context, values: dict[str, Any]) -> None:
    """Options of the group's own verb before another of its verbs would be lost without a word."""
    for name in values:
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(
                f"--{name.replace('_', '-')} is an option of '{ctx.command_path}', not of '{ctx.invoked_subcommand}'"
            )


def help_tail(examples: str) -> str:
    """A verb's examples, where Typer keeps what stands under its help."""
    return f"\b\nExamples:\n{examples}" if examples else ""


def _taken(group: type[Fields], values: dict[str, Any]) -> Any:
    return group(**{name: values.pop(name) for name in group.names()})


def _fields(group: type[Fields], *, hidden: bool = False) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=getattr(group, name),
            annotation=_hidden(annotation) if hidden else annotation,
        )
        for name, annotation in group.annotations().items()
    ]


def _hidden(annotation: Any) -> Any:
    import copy

    kind, option = typing.get_args(annotation)
    option = copy.copy(option)
    option.hidden = True
    return Annotated[kind, option]
