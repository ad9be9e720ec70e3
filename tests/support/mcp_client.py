"""The official client of the Model Context Protocol, connected over stdio to a server that is a real process."""

import json
import os
import shlex
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.conftest import Program


@dataclass(frozen=True)
class Answered:
    """What a tool answered."""

    text: str
    is_error: bool
    pictures: list[str]

    @property
    def value(self) -> Any:
        return json.loads(self.text)


@dataclass
class Agent:
    """A client, and what its server said on the way."""

    client: Client
    pid_file: Path
    progress: list[str] = field(default_factory=list)

    async def __call__(self, tool: str, *, is_error: bool = False, **arguments: Any) -> Any:
        """The value that a tool answers; `is_error` is asserted."""
        answered = await self.ask(tool, **arguments)
        assert answered.is_error == is_error, answered.text
        return answered.value

    async def ask(self, tool: str, **arguments: Any) -> Answered:
        async def told(progress: float, total: float | None, message: str | None) -> None:
            self.progress.append(message or "")

        found = await self.client.call_tool(tool, arguments, progress_callback=told)
        texts = [part.text for part in found.content if part.type == "text"]
        pictures = [part.data for part in found.content if part.type == "image"]
        return Answered("".join(texts), found.is_error, pictures)

    def kill(self) -> None:
        """Ends the server as nothing can stop."""
        os.kill(int(self.pid_file.read_text()), signal.SIGKILL)


@asynccontextmanager
async def connected(program: Program, *words: str, cwd: Path | None = None) -> AsyncIterator[Agent]:
    """A client of a server of its own: `fal mcp` with these words."""
    pid_file = program.home / f"server-{os.urandom(4).hex()}"
    line = shlex.join([*program.argv, "mcp", *words])
    server = StdioServerParameters(
        command="sh", args=["-c", f"echo $$ > {shlex.quote(str(pid_file))}; exec {line}"], env=program.env, cwd=cwd
    )
    with (program.home / "server.log").open("a") as log:
        async with Client(stdio_client(server, errlog=log)) as client:
            yield Agent(client, pid_file)
