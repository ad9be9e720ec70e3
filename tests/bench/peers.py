"""Whom we are measured beside, and how they are had: each is an argument list, or the reason why it is missing."""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tests.bench.row import Missing

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "interop" / "javascript" / "package.json"
INSTALL_SECONDS = 300.0
_NPM = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")

Argv = tuple[str, ...]


class Peers:
    """The peers on this machine. What has to be installed goes to the folder `cache`, at first need."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def python(self) -> Argv:
        """The interpreter that does nothing: no Python program is faster."""
        return (sys.executable, "-c", "pass")

    def client(self, *words: str) -> Argv | Missing:
        """The vendor's Python client, in a script."""
        if importlib.util.find_spec("fal_client") is None:
            return Missing("fal-client is not installed")
        return (sys.executable, str(HERE / "vendor.py"), *words)

    def javascript(self, *words: str) -> Argv | Missing:
        """The vendor's JavaScript client, in a script."""
        script = self._script
        if isinstance(script, Missing):
            return script
        flags = ("--experimental-websocket",) if words[0] == "realtime" and self._needs_flag else ()
        return ("node", *flags, str(script), *words)

    def curl(self, *words: str) -> Argv | Missing:
        """curl, where it can do the job: the floor."""
        return ("curl", "-sSf", *words) if shutil.which("curl") else Missing("curl is not installed")

    def vendor(self, *words: str) -> Argv | Missing:
        """The vendor's own program `fal`, which is for deploying apps, in an environment of its own."""
        program = self._vendor
        return program if isinstance(program, Missing) else (str(program), *words)

    @property
    def versions(self) -> dict[str, str]:
        """What of the JavaScript side there is on this machine, for the record."""
        programs: dict[str, Argv] = {"node": ("node", "--version"), "curl": ("curl", "--version")}
        return {name: _first_line(argv) for name, argv in programs.items() if shutil.which(name)}

    @cached_property
    def _needs_flag(self) -> bool:
        """Node 20 has a WebSocket behind a flag; older ones know no such flag, newer ones need none."""
        return _first_line(("node", "--version")).startswith("v20.")

    @cached_property
    def _script(self) -> Path | Missing:
        for program in ("node", "npm"):
            if shutil.which(program) is None:
                return Missing(f"{program} is not installed")
        folder = self._cache / "javascript"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGE, folder)
        shutil.copy(HERE / "vendor.mjs", folder)
        refusal = _install(_NPM, folder)
        return Missing(f"npm install: {refusal}") if refusal else folder / "vendor.mjs"

    @cached_property
    def _vendor(self) -> Path | Missing:
        folder = self._cache / "vendor"
        program = folder / "bin" / "fal"
        if program.exists():
            return program
        venv.create(folder, with_pip=True, clear=True)
        refusal = _install((str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "fal"), folder)
        return Missing(f"pip install fal: {refusal}") if refusal else program


def _install(argv: Sequence[str], folder: Path) -> str:
    """Runs an installer in the user's own environment, which knows the registries; what it says if it fails."""
    try:
        done = subprocess.run(
            argv, cwd=folder, env=os.environ, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no end within {INSTALL_SECONDS:.0f} s"
    return " ".join(done.stderr.split())[-200:] if done.returncode else ""


def _first_line(argv: Argv) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[0]
