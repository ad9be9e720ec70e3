"""What `fal doctor` looks at. Each part yields `Finding`s: `program` (versions, PATH, shell, terminal), `files`
(settings, ledger, cache), `access` (key, netrc), `network` (proxy, certificates, hosts, clock, the service).

Nothing here costs, changes anything, or shows a key.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fal_cli.commands.doctor.finding import Finding

if TYPE_CHECKING:
    from fal_cli.context import Context

__all__ = ["Finding", "examine"]


def examine(context: "Context") -> Iterator[Finding]:
    """Everything in its order. What needs the network is begun first and told last."""
    from fal_cli.commands.doctor import access, files, network, program

    credential, told = access.key(context)
    inquiry = network.begin(context, credential)
    yield from program.findings(context)
    yield from files.findings(context)
    yield told
    yield from access.netrc(context, inquiry.hosts)
    yield from inquiry.findings()
