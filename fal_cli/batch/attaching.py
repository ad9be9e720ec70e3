"""`--attach`: watches a batch that another process runs. It only looks: nothing is sent, planned or paid for.

It reads what that process tells in the ledger and the lines it adds to the manifest, and makes no request. If that
process dies it says so and leaves: two who watch would otherwise both go on, and with whose options?
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fal_cli.api.deadline import Deadline
from fal_cli.batch import closing
from fal_cli.batch.options import RunFlags
from fal_cli.batch.telling import print_row, shown
from fal_cli.context import Context
from fal_cli.errors import NotFound, StillRunning
from fal_cli.ledger import batches
from fal_cli.ledger.batches import Batch, Holder, Told
from fal_cli.ledger.rows import State
from fal_cli.ledger.store import Ledger
from fal_cli.terminal.progress.standing import Standing, in_whole, of_facts

_LOOK_SECONDS = 0.5
_LONG_SILENCE_SECONDS = 3 * batches.BEAT_SECONDS
_SIGNALLED = 128


def running_one(context: Context, name: str) -> Batch:
    """The batch of that name; without one the newest that runs. Raises `NotFound`."""
    every = context.journal.required(batches.all_of_them)
    found = next((batch for batch in every if (batch.name == name if name else batch.is_running)), None)
    if found is None:
        raise NotFound(f"no batch {name!r}" if name else "no batch is running", hint=f"List them: {context.tool} batch")
    return found


def attach(context: Context, batch: Batch, flags: RunFlags) -> int:
    """Watches a batch to its end and returns the code that it ended with.

    Raises `NotFound` where nobody runs it, `StillRunning` where it ends before all is done: its process was
    interrupted or died, or `--timeout` has passed.
    """
    if not batch.is_running:
        raise NotFound(
            f"no process runs the batch {batch.name}",
            hint=f"To continue it: {context.tool} batch resume {batch.name}. "
            f"To see where it stands: {context.tool} batch status {batch.name}",
            next=("batch", "resume", batch.name),
        )
    assert batch.holder is not None
    watch = _Watch(context, batch, batch.holder, shown(context, flags.print_))
    context.standing.goes_on = ("batch", "resume", batch.name, "--attach")
    context.standing.leave = lambda: (_goes_on(context, batch.name, watch.holder),)
    context.talk.note(f"watching {batch.name}, which runs in {batch.holder}; Ctrl-C only stops watching")
    code = watch.to_the_end(Deadline(flags.timeout))
    if watch.standing.stopping:
        context.talk.note(f"stopped: {watch.standing.stopping}")
    closing.summarize(context, watch.standing, watch.manifest, watch.standing.stopping)
    return code


class _Watch:
    """What is seen of a batch: where it stands, and the rows that end meanwhile."""

    def __init__(self, context: Context, batch: Batch, holder: Holder, shown_: str) -> None:
        self.holder = holder
        self.manifest = Path(str(batch.facts.get("manifest", "")))
        self.standing = Standing(batch.name)
        self._context = context
        self._batch = batch
        self._rows = _NewLines()
        self._shown = shown_
        self._is_silent = False

    def to_the_end(self, deadline: Deadline) -> int:
        """Shows all until nobody runs it. Raises as `attach`."""
        with self._context.terminal.board(prints=self._shown != "none") as board:
            while True:
                holder, told = self._context.journal.required(self._look)
                self._learn(told)
                self._print_rows()
                board.show(self.standing)
                if holder is None:
                    break
                self._follow(holder)
                if deadline.passed:
                    raise StillRunning(
                        f"--timeout has passed, and {self.holder} goes on with the batch {self._batch.name}",
                        hint=f"To watch it again: {self._context.tool} batch resume {self._batch.name} --attach",
                        next=("batch", "resume", self._batch.name, "--attach"),
                    )
                time.sleep(_LOOK_SECONDS)  # SQLite tells other processes of nothing
        return self._code(told)

    def _look(self, ledger: Ledger) -> tuple[Holder | None, Told | None]:
        """Who runs it, and what is told of it. In this order: what is told last is told before it is given back."""
        batch = batches.named(ledger, self._batch.name)
        holder = batch.holder if batch else None
        if batch is not None and not batch.is_running and holder is not None:
            raise self._unfinished(f"{holder} is gone, and the batch {batch.name} is not at its end")
        told = batches.told(ledger, self._batch.number)
        if told is None:
            self._count(batches.tally(ledger, self._batch.name).states)
        return holder, told

    def _learn(self, told: Told | None) -> None:
        if told is None or not told.facts:
            return
        self.standing = of_facts(told.facts, max(0.0, (datetime.now(UTC) - told.at).total_seconds()))
        self.manifest = Path(str(told.facts.get("manifest") or self.manifest))

    def _count(self, states: Mapping[State, int]) -> None:
        """Where it stands by its calls alone, while its process has told nothing yet."""
        rows = self._batch.facts.get("rows")
        self.standing.rows = rows if isinstance(rows, int) else sum(states.values())
        self.standing.done = states.get(State.COMPLETED, 0)
        self.standing.failed = states.get(State.FAILED, 0) + states.get(State.EXPIRED, 0)

    def _follow(self, holder: Holder) -> None:
        if holder[:3] != self.holder[:3]:
            self._context.talk.note(f"{holder} goes on with it")
        self.holder = holder
        silence = (datetime.now(UTC) - holder.beat_at).total_seconds()
        is_silent = silence > _LONG_SILENCE_SECONDS
        if is_silent and not self._is_silent:
            self._context.talk.note(
                f"no sign of life from {holder} for {in_whole(silence)}: it may be stopped (Ctrl-Z)"
            )
        self._is_silent = is_silent

    def _print_rows(self) -> None:
        folder = self.manifest.parent
        for facts in self._rows.of(self.manifest) if self._shown != "none" else ():
            files = [_from_here(folder / str(file)) for file in facts.get("files") or ()]
            print_row(self._context.output, self._shown, {**facts, "files": files, "media": facts.get("media") or []})

    def _code(self, told: Told | None) -> int:
        code = told.code if told else None
        if code is None:
            raise self._unfinished(f"{self.holder} has left the batch {self._batch.name}, and did not say how it ended")
        if code > _SIGNALLED:
            raise self._unfinished(f"{self.holder} was interrupted before the end of the batch {self._batch.name}")
        return code

    def _unfinished(self, why: str) -> StillRunning:
        name = self._batch.name
        return StillRunning(
            why, hint=f"To continue it: {self._context.tool} batch resume {name}", next=("batch", "resume", name)
        )


class _NewLines:
    """The lines that are added to a manifest, from the first look on."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._at = 0

    def of(self, path: Path) -> Iterator[Mapping[str, Any]]:
        """Those that came since the last look. A manifest that cannot be read has none."""
        with suppress(OSError):
            size = path.stat().st_size
            if path != self._path:
                self._path, self._at = path, size
            with path.open("rb") as stream:
                stream.seek(self._at)
                for data in stream:
                    if not data.endswith(b"\n"):
                        return  # it is being written
                    self._at += len(data)
                    with suppress(ValueError):
                        found = json.loads(data)
                        if isinstance(found, dict):
                            yield found


def _from_here(path: Path) -> str:
    """A path as the watcher would type it, if the file is below its folder."""
    here = Path.cwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)


def _goes_on(context: Context, name: str, holder: Holder) -> str:
    return f"{holder} goes on with {name}. To watch it again: {context.tool} batch resume {name} --attach"
