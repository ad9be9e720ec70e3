"""`fal completion`: the script that a shell loads."""

from typing import Annotated, Literal

import typer

from fal_cli.context import Context

EXAMPLES = """\
  source <(fal completion bash)
  source <(fal completion zsh)
  fal completion fish | source
  fal completion powershell | Out-String | Invoke-Expression"""


def completion(
    context: Context,
    shell: Annotated[Literal["bash", "zsh", "fish", "powershell"], typer.Argument(help="The shell.")],
) -> None:
    """Print the completion script of a shell."""
    from fal_cli.completion.scripts import script

    context.output.data(script(shell).encode())


VERB = completion
