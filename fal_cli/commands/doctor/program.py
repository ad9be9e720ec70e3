"""The program itself: its version and its parts, which `fal` a shell starts, its completion, and the terminal."""

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from fal_cli import __version__
from fal_cli.cli import programs
from fal_cli.cli.completion import install
from fal_cli.cli.completion.scripts import SHELLS
from fal_cli.commands.doctor.finding import Finding, ok, short, warning
from fal_cli.context import Context
from fal_cli.errors import UsageError

_PACKAGES = ("typer", "requests", "urllib3", "rich")
_FIRST_TYPER_THAT_IS_SLOW = (0, 29)
_EXTRAS = {
    "sandbox": ("starlette", "uvicorn", "websockets", "PIL"),
    "webhook": ("cryptography",),
    "mcp": ("mcp", "PIL"),
    "preview": ("textual_image", "PIL"),
    "keyring": ("keyring",),
}


def checks(context: Context) -> Iterator[tuple[str, Callable[[], Iterable[Finding]]]]:
    """Every finding about the program."""
    yield "versions", lambda: [_versions()]
    yield "extras", lambda: [_extras()]
    yield "fal", lambda: _executables(context)
    yield "completion", lambda: [_completion(context)]
    yield "terminal", lambda: [_terminal(context)]


def _versions() -> Finding:
    packages = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    fact = f"fal-cli {__version__}, Python {sys.version.split()[0]}, {packages}"
    if _numbers(_version("typer"))[:2] >= _FIRST_TYPER_THAT_IS_SLOW:
        return warning("versions", fact, "typer 0.29 doubles the start of every command: pip install 'typer<0.29'")
    return ok("versions", fact)


def _extras() -> Finding:
    there = [name for name, modules in _EXTRAS.items() if all(find_spec(module) for module in modules)]
    missing = [name for name in _EXTRAS if name not in there]
    told = f"installed: {', '.join(there) or 'none'}"
    if missing:
        told += f"; not: {', '.join(missing)} (pip install 'fal-cli[{','.join(missing)}]')"
    return ok("extras", told)


def _executables(context: Context) -> Iterator[Finding]:
    """Which program `fal` and `fal-cli` start. fal.ai's own CLI, which deploys apps, is named `fal` too."""
    found = programs.on_path(context.env)
    others = [one for one in found if one.owner == "vendor"]
    ours = next((one for one in found if one.owner == "ours"), None)
    if ours is None:
        yield warning("fal", f"not on the PATH; this one is {sys.argv[0]}", "Install it with: pipx install fal-cli")
    elif found[0] is not ours:
        whose = "fal.ai's own CLI, which deploys apps" if found[0].owner == "vendor" else "another program"
        second = programs.on_path(context.env, "fal-cli")
        name = "fal-cli" if second and second[0].owner == "ours" else ours.path
        yield warning("fal", f"starts {found[0].path}, {whose}; this one is {ours.path}", f"Use this one as: {name}")
    elif others:
        yield ok("fal", f"starts {ours.path}; fal.ai's own CLI, which deploys apps, is {others[0].path}")
    else:
        yield ok("fal", f"starts {ours.path}")


def _completion(context: Context) -> Finding:
    try:
        shell = install.current_shell(context.env)
    except UsageError as error:
        return ok("completion", f"{error.message}; there are scripts for {', '.join(SHELLS)}")
    if shell == "powershell":
        return ok("completion", "PowerShell's own files are not checked; see: fal completion install")
    place = install.place_of(shell, context.env, install.context_home(context.env))
    states = {install.state_of(path, shell) for path in place.files}
    if states == {"current"}:
        return ok("completion", f"{shell}: {short(place.files[0])}")
    fact = f"{shell}: {'that of an older version' if 'old' in states else 'not installed'}"
    return warning("completion", fact, f"{context.program} completion install")


def _terminal(context: Context) -> Finding:
    if not context.streams.stdout_is_terminal:
        return ok("terminal", "stdout is not a terminal: output as for programs")
    import shutil

    encoding = (getattr(sys.stdout, "encoding", "") or "").lower()
    color = "colour" if context.output.color else f"no colour ({_why_no_color(context)})"
    fact = f"{context.env.get('TERM', 'no TERM')}, {shutil.get_terminal_size().columns} columns, {color}, {encoding}"
    if encoding.replace("-", "") != "utf8":
        return warning("terminal", fact, "Set a UTF-8 locale, such as LC_ALL=C.UTF-8")
    return ok("terminal", fact)


def _why_no_color(context: Context) -> str:
    if context.flags.no_color:
        return "--no-color"
    return "NO_COLOR" if context.env.get("NO_COLOR") else "TERM=dumb"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
