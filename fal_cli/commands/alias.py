"""`fal alias`: short names of endpoints, with inputs that are set beforehand."""

from typing import TYPE_CHECKING, Annotated

import typer

from fal_cli.context import Context
from fal_cli.errors import NotFound

if TYPE_CHECKING:
    from fal_cli.config.aliases import Alias

EXAMPLES = """\
  fal alias set poster fal-ai/flux/dev image_size=portrait_4_3
  fal run poster "a cat"
  fal run poster "a cat" --dry-run      # what it stands for
  fal alias list
  fal alias rm poster"""

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="The short name, without a '/'.")]


def set_(
    context: Context,
    name: Name,
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", show_default=False, help="Such as fal-ai/flux/dev.")],
    items: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]…", help="Inputs that it sets; a call's own win.")
    ] = None,
) -> None:
    """Give an endpoint a short name, with inputs that are set beforehand.

    It stands wherever an endpoint does. A name that was given before is given anew.
    """
    from fal_cli.config import aliases
    from fal_cli.config.paths import config_path
    from fal_cli.inputs.items import split

    for item in items or ():
        split(item)
    alias = aliases.checked(name, endpoint, items or (), "fal alias")
    aliases.put(context.env, alias)
    context.talk.note(f"{alias.name} is {alias.text}")
    if context.output.machine:
        context.output.json(_facts(alias._replace(source=str(config_path(context.env)))))


def rm(context: Context, name: Name) -> None:
    """Take a short name away."""
    from fal_cli.config import aliases

    if not aliases.drop(context.env, name):
        raise NotFound(f"you have no alias {name!r}", hint=f"List them: {context.tool} alias list")
    context.talk.note(f"{name} is not an alias any more")
    if context.output.machine:
        context.output.json({"name": name, "removed": True})


def list_(context: Context) -> None:
    """Show your aliases and the project's. In a pipe a JSON object a line."""
    from fal_cli.config import aliases
    from fal_cli.terminal.table import Cell, Column

    own = aliases.own(context.env)
    project = context.project.aliases if context.project else {}
    shown = [*own.values(), *(alias for name, alias in project.items() if name not in own)]
    count = context.output.rows(
        {
            Column("alias", 0): lambda alias: Cell(alias.name, "bold"),
            Column("stands for", 1, least=20): lambda alias: Cell(alias.text),
            Column("from", 2, least=10, keeps_end=True): lambda alias: Cell(alias.source, "dim"),
        },
        shown,
        _facts,
    )
    if not count:
        context.talk.note(f"no alias yet; make one: {context.tool} alias set NAME ENDPOINT KEY=VALUE")


def _facts(alias: "Alias") -> dict[str, object]:
    return {"name": alias.name, "endpoint": alias.endpoint, "items": list(alias.words), "from": alias.source}


SUBVERBS = {"set": set_, "list": list_, "rm": rm}
