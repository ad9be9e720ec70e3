"""`fal completion`: words completed by the shell."""

from typing import Annotated, Literal

import typer

from fal_cli.context import Context

EXAMPLES = """\
  fal completion install                # for the shell that this is typed in
  fal completion install fish
  source <(fal completion bash)         # for this session alone
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
        typer.Argument(metavar="[SHELL]", help="bash, zsh, fish or powershell.  [default: the one this is typed in]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of that name that is not fal's.")] = False,
) -> None:
    """Put the script where the shell finds it, for you alone.

    Does nothing that was done before. Where the shell has to be told of the place, or takes no files, the line to
    add to its own configuration is printed; none of that is changed.
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
