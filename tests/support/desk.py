"""A folder in which the program runs, pointed at a served sandbox; it waits for less (see `tests/support/hurry`)."""

import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from fal_cli.config import paths
from fal_cli.ledger.rows import Row, row_from
from tests.conftest import SECONDS, Finished, Program
from tests.support.place import HURRY

NOW = ("sandbox.queue=0", "sandbox.run=0")
PICTURE = ("image_size.width=32", "image_size.height=24", "output_format=png", *NOW)


@dataclass(frozen=True)
class Desk:
    """Where the program works."""

    program: Program
    folder: Path
    env: Mapping[str, str] = field(default_factory=lambda: {"PYTHONPATH": HURRY, "TZ": "UTC"})

    def __call__(self, *words: str, code: int | None = 0, env: Mapping[str, str] | None = None) -> Finished:
        """Runs a command line here to its end."""
        process = self.start(*words, env=env)
        stdout, stderr = process.communicate(timeout=SECONDS)
        done = Finished(process.returncode, stdout, stderr.decode())
        if code is not None:
            assert done.code == code, f"code {done.code}, not {code}\n{done.text}\n{done.stderr}"
        return done

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """Starts a command line here and leaves it running."""
        return self.program.start(*words, env={**self.env, **(env or {})}, cwd=self.folder)

    def draw(self, prompt: str, *words: str, env: Mapping[str, str] | None = None) -> str:
        """The id of a request that drew a small picture."""
        done = self("run", "fal-ai/flux/dev", "-t", f"prompt={prompt}", *PICTURE, "--print", "id", *words, env=env)
        return done.text.split()[-1]

    def echo(self, *words: str) -> str:
        """The id of a request that answered what it was given."""
        return self("run", "sandbox/echo", *words, *NOW, "--print", "id").text.split()[-1]

    @property
    def rows(self) -> list[Row]:
        """What the ledger of the sandbox says, oldest first."""
        with closing(sqlite3.connect(paths.ledger(self.program.env, in_sandbox=True))) as db:
            db.row_factory = sqlite3.Row
            return [row_from(found) for found in db.execute("SELECT * FROM requests ORDER BY local_id")]
