"""`fal completion`: words completed by the shell."""

from typing import Annotated, Literal

import typer

from fal_cli.context import Context

EXAMPLES = """\
  fal completion install                # for the shell you use
  fal completion install fish
  source <(fal completion bash)         # for this session
  source <(fal completion zsh)
  fal completion fish | source
  fal completion powershell | Out-String | Invoke-Expression"""


def bash(context: Context) -> None:
    """Print the script for bash."""
    _write(context, "bash")


def zsh(context: Context) -> None:
    """Print the script for zsh."""
    _write(context, "zsh")


def fish(context: Context) -> None:
    """Print the script for fish."""
    _write(context, "fish")


def powershell(context: Context) -> None:
    """Print the script for PowerShell."""
    _write(context, "powershell")


def install(
    context: Context,
    shell: Annotated[
        Literal["bash", "zsh", "fish", "powershell"] | None,
        typer.Argument(metavar="[SHELL]", help="bash, zsh, fish or powershell (default: the one you use)."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name that fal did not write.")] = False,
) -> None:
    """Put the completion script where your shell finds it, for you alone.

    Running it twice changes nothing. If your shell needs a line in its own configuration, the line is printed; the
    configuration is not changed.
    """
    from fal_cli.cli.completion import install as installing

    installing.install(context, shell or installing.current_shell(context.env), force=force)


def _write(context: Context, shell: str) -> None:
    from fal_cli.cli.completion.scripts import script

    if context.output.machine:
        context.output.json({"shell": shell, "script": script(shell)})
    else:
        context.output.data(script(shell).encode())


SUBVERBS = {"install": install, "bash": bash, "zsh": zsh, "fish": fish, "powershell": powershell}
