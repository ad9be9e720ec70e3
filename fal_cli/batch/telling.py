"""What is told of a batch while it runs: a line in its manifest and on stdout for each row, and the board."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from fal_cli.batch import manifest
from fal_cli.batch.carrier import Job, Saved
from fal_cli.batch.engine import Teller
from fal_cli.batch.manifest import Line, Manifest
from fal_cli.batch.planned import Planned
from fal_cli.context import Context
from fal_cli.ledger import claims
from fal_cli.ledger.journal import Journal
from fal_cli.ledger.rows import Row
from fal_cli.results.money import Money, cost_of
from fal_cli.terminal.output import Output, ReaderGone
from fal_cli.terminal.progress.board import Board
from fal_cli.terminal.progress.standing import Standing

_POST_SECONDS = 1.0
_PASSING = ("seconds", "gate_left", "gate_closed_for", "offline_for")


class Telling(Teller):
    """Tells of rows and of the whole. What was told of a row is in the ledger before it is told."""

    def __init__(
        self,
        context: Context,
        board: Board,
        manifest_: Manifest,
        shown: str,
        *,
        is_private: bool,
        spent: Decimal,
        post: Callable[[Mapping[str, Any]], None],
    ) -> None:
        """`shown` is what stdout carries of each row: `rows`, `files`, `urls`, `none`; `spent` was before.

        `post` leaves for other processes where the batch stands.
        """
        self._context = context
        self._board = board
        self._manifest = manifest_
        self._shown = shown
        self._is_private = is_private
        self._post = post
        self._posted: Mapping[str, Any] = {}
        self._post_at = 0.0
        self._sums: dict[str, Decimal] = {claims.CURRENCY: spent} if spent else {}

    def row_done(self, planned: Planned, job: Job, saved: Saved) -> None:
        row = self._journal.row(job.local_id)
        self._add_cost(row)
        paths = [str(path) for path in saved.files]
        self._tell(self._line(planned, row, manifest.DONE, job.request_id, saved.urls, paths, "", saved.result))

    def row_failed(self, planned: Planned, job: Job, state: str, why: str) -> None:
        row = self._journal.row(job.local_id) if job.local_id else None
        self._tell(self._line(planned, row, state, job.request_id, [], [], why, None))

    @property
    def path(self) -> Path:
        """The manifest's."""
        return self._manifest.path

    def has_told(self, row: int) -> bool:
        """Whether the manifest says that a row is done."""
        return self._manifest.says_done(row)

    def repair(self, planned: Planned, row: Row, urls: Sequence[str]) -> None:
        """Writes the line of a row that was done when the program was killed before it could say so."""
        line = self._line(planned, row, manifest.DONE, row.request_id, urls, row.files, "", None)
        self._manifest.write(line._replace(files=self._from_manifest(line.files)))

    def stands(self, standing: Standing) -> None:
        standing.spent = " + ".join(str(Money(amount, currency)) for currency, amount in self._sums.items())
        self._board.show(standing)
        if time.monotonic() >= self._post_at:
            self._post_at = time.monotonic() + _POST_SECONDS
            facts = self.facts(standing)
            if standing.gate or _lasting(facts) != _lasting(self._posted):
                self._posted = facts
                self._post(facts)

    def facts(self, standing: Standing) -> dict[str, Any]:
        """Where the batch stands, for whoever watches it from another process: nothing private, no secret."""
        failure = "" if self._is_private else self._journal.hidden(standing.last_failure)
        manifest_ = str(self._manifest.path.absolute())
        return standing.as_facts() | {"last_failure": failure, "manifest": manifest_}

    def note(self, text: str) -> None:
        self._context.talk.note(text)

    def essential(self, text: str, **facts: Any) -> None:
        self._context.talk.essential(text, **facts)

    def _add_cost(self, row: Row | None) -> None:
        cost = cost_of(row) if row else None
        if cost is not None:
            self._sums[cost.currency] = self._sums.get(cost.currency, Decimal(0)) + cost.amount

    @property
    def _journal(self) -> Journal:
        return self._context.journal

    def _tell(self, line: Line) -> None:
        self._manifest.write(line._replace(files=self._from_manifest(line.files)))
        try:
            self._print(line)
        except ReaderGone:
            self._shown = "none"  # what is paid for is saved all the same

    def _print(self, line: Line) -> None:
        print_row(self._context.output, self._shown, line.facts())

    def _line(
        self,
        planned: Planned,
        row: Row | None,
        state: str,
        request_id: str,
        urls: Sequence[str],
        files: Sequence[str],
        error: str,
        result: Any,
    ) -> Line:
        hidden = self._is_private
        return Line(
            planned.row,
            str(planned.endpoint),
            "" if hidden else planned.key,
            state,
            request_id,
            list(urls),
            list(files),
            _money(row),
            row.inference_seconds if row else None,
            None if hidden else _written(planned.input_json),
            "" if hidden else self._journal.hidden(error),
            {} if hidden else planned.cells,
            None if hidden else result,
        )

    def _from_manifest(self, files: Sequence[str]) -> list[str]:
        """Paths as they are seen from the manifest, so that its folder may be moved."""
        folder = self._manifest.path.parent.absolute()
        return [_below(folder, Path(file).absolute()) for file in files]


def shown(context: Context, asked: str | None) -> str:
    """What stdout carries of each row, by `--print` and where stdout goes."""
    return asked or ("none" if context.output.is_terminal else "rows")


def print_row(output: Output, shown_: str, facts: Mapping[str, Any]) -> None:
    """Prints what is asked for of a row that ended. Raises `ReaderGone`."""
    if shown_ == "rows":
        output.json(facts, one_line=True)
    elif shown_ in ("files", "urls"):
        for text in facts["files" if shown_ == "files" else "media"]:
            output.line(text)


def _lasting(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Without what changes by itself."""
    return {name: value for name, value in facts.items() if name not in _PASSING}


def _below(folder: Path, path: Path) -> str:
    return os.path.relpath(path, folder) if path.is_relative_to(folder) else str(path)


def _money(row: Row | None) -> Mapping[str, Any] | None:
    cost = cost_of(row) if row else None
    return None if cost is None else {"amount": f"{cost.amount:f}", "currency": cost.currency}


def _written(input_json: Mapping[str, Any]) -> Any:
    from fal_cli.files.attachment import written

    return written(dict(input_json))
