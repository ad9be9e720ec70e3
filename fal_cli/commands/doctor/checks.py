"""What `fal doctor` looks at. Each part yields `Finding`s: `program` (versions, PATH, shell, terminal), `files`
(settings, ledger, cache), `access` (key, netrc), `network` (proxy, certificates, hosts, clock, the service).

Nothing here costs, changes anything, or shows a key.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from fal_cli.commands.doctor.finding import Finding, problem
from fal_cli.errors import report

if TYPE_CHECKING:
    from fal_cli.context import Context

Check = Callable[[], Iterable[Finding]]
__all__ = ["Finding", "examine"]


def examine(context: "Context") -> Iterator[Finding]:
    """Every finding, in order. Network checks start first and come last."""
    from fal_cli.commands.doctor import access, files, network, program

    try:
        credential, told = access.key(context)
    except Exception as error:  # as in `_each`
        credential, told = None, _failed("key", error)
    inquiry = network.begin(context, credential)
    yield from _each(program.checks(context))
    yield from _each(files.checks(context))
    yield told
    yield from _each([("netrc", lambda: access.netrc(context, inquiry.hosts))])
    yield from _each([("network", inquiry.findings)])


def _each(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """The findings of each check. A check that fails becomes a problem itself; the others go on."""
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:  # whatever it is, it is what was looked for
            yield _failed(name, error)


def _failed(name: str, error: Exception) -> Finding:
    told = report(error)
    return problem(name, f"it cannot be checked: {told.message}", told.hint or "FAL_DEBUG=1 fal doctor")
