"""`fal doctor`: checks everything that a call needs."""

import sys
from functools import partial

import typer

from fal_cli.context import Context

EXAMPLES = """\
  fal doctor
  fal --sandbox doctor
  fal doctor --json | jq 'select(.state != "ok")'"""


def doctor(context: Context) -> None:
    """Check your setup: key, hosts, network, files, shell.

    Prints a line for each check, with a fix where something is wrong. A list on a terminal, in a pipe one JSON object a
    line: name, state (ok, warning, problem), fact, way_out. Exits 1 if there is a problem. Makes no paid call and shows
    no key. Without a network it ends within five seconds.
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
