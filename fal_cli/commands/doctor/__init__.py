"""`fal doctor`: whether everything is as a call needs it."""

import sys
from functools import partial

import typer

from fal_cli.context import Context

EXAMPLES = """\
  fal doctor
  fal --sandbox doctor
  fal doctor --json | jq 'select(.state != "ok")'"""


def doctor(context: Context) -> None:
    """Check what is set up: key, hosts, network, files, shell.

    A line for each thing, with a way out where something is wrong. On a terminal a list, in a pipe a JSON object a
    line: name, state (ok, warning, problem), fact, way_out. Ends with code 1 if there is a problem. Nothing that
    costs is called, no key is shown, and a network that is away is told within five seconds.
    """
    from fal_cli.commands.doctor.checks import examine
    from fal_cli.commands.doctor.table import lines
    from fal_cli.errors import Exit

    worst = Exit.DONE
    plain = "utf" not in (getattr(sys.stdout, "encoding", None) or "").lower()
    for finding in examine(context):
        if finding.state == "problem":
            worst = Exit.FAILED
        context.output.record(partial(getattr, finding, "facts"), partial(lines, finding, plain=plain))
    if worst:
        raise typer.Exit(worst)


VERB = doctor
