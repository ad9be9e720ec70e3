"""`fal mcp`: a server of the Model Context Protocol on stdin and stdout, with a limit on what it spends."""

from fal_cli.context import Context
from fal_cli.options import SpendFlags

EXAMPLES = """\
  fal mcp --files ~/pictures --budget 5/day
  fal mcp --files . --budget 5/day --max-cost 0.50
  fal --sandbox mcp --files ."""


def mcp(context: Context, spend: SpendFlags) -> None:
    """Serve models to an agent over the Model Context Protocol, on stdin and stdout.

    Nothing is paid for without a budget: --budget, FAL_BUDGET, or that of the profile or project. Files are read and
    saved in the folder of --files alone; without it none is. Requests outlive the server and stand in your history.
    Needs fal-cli[mcp].
    """
    from fal_cli.commands.mcp.session import Session
    from fal_cli.extras import mcp_extra

    session = Session(context, spend)
    with mcp_extra():
        from fal_cli.commands.mcp.server import serve
    serve(session)


VERB = mcp
