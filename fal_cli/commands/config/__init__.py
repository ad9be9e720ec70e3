"""`fal config`: the stored settings."""

from typing import Annotated

import typer

from fal_cli.context import Context

EXAMPLES = """\
  fal config list
  fal config get private
  fal config set private true
  fal config set on_interrupt cancel
  fal config set --profile work hosts.queue https://queue.example
  fal config set budget 20/month
  fal config unset private"""

Key = Annotated[
    str,
    typer.Argument(metavar="KEY", show_default=False, help="private, on_interrupt, profile, budget, or hosts.NAME."),
]


def get(context: Context, key: Key) -> None:
    """Print the value of a setting: from its variable, from the stored settings, or its default."""
    from fal_cli.commands.config import settings

    setting = settings.look(context, key)
    context.output.line(setting.text, setting.facts)


def set_(
    context: Context,
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", show_default=False, help="The new value.")],
) -> None:
    """Store a setting.

    'private' (true, false) is as FAL_PRIVATE, 'on_interrupt' (detach, cancel) as FAL_ON_INTERRUPT, 'profile' is the
    active profile. 'budget' (20/month, 5/day) is what the calls of a profile may cost. 'hosts.run', '.queue', '.rest',
    '.cdn' and '.api' are the hosts that a profile's key is sent to. Budget and hosts belong to the active profile, or
    to --profile NAME. Variables override all but the budget: FAL_BUDGET applies beside it.
    """
    from fal_cli.commands.config import settings

    settings.put(context, key, value)
    variable = settings.variable_set(context, key)
    if variable:
        context.talk.note(f"{variable} is set and overrides it")
    _print(context, key)


def unset(context: Context, key: Key) -> None:
    """Reset a setting to its default."""
    from fal_cli.commands.config import settings

    settings.drop(context, key)
    _print(context, key)


def _print(context: Context, key: str) -> None:
    """What a setting is now, for a program."""
    from fal_cli.commands.config import settings

    if context.output.machine:
        context.output.json(settings.look(context, key).facts)


def list_(context: Context) -> None:
    """List every setting and where its value comes from. In a pipe, one JSON object a line."""
    from fal_cli.commands.config import settings
    from fal_cli.config.settings import NAMES
    from fal_cli.terminal.table import Cell, Column

    context.output.rows(
        {
            Column("setting", 0): lambda setting: Cell(setting.name),
            Column("value", 1, least=10): lambda setting: Cell(setting.text, "bold"),
            Column("from", 2, least=10, keeps_end=True): lambda setting: Cell(setting.source, "dim"),
        },
        [settings.look(context, name) for name in NAMES],
        lambda setting: setting.facts,
    )


SUBVERBS = {"get": get, "set": set_, "list": list_, "unset": unset}
