"""What the calls of one server share: its account, its folder, what it may spend, and since when it runs.

A tool runs the program's own verbs, in this process and in any thread, as `--json` has them: what they print is read
as a program reads it.
"""

import gc
import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fal_cli import app
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.options import GlobalFlags, SpendFlags
from fal_cli.terminal.terminal import Streams

if TYPE_CHECKING:
    from fal_cli.auth.accounts import Accounts
    from fal_cli.calls.terms import Terms

Event = Mapping[str, Any]
Tell = Callable[[Event], None]

_SUBMIT_SECONDS = 10.0
_PAUSE_SECONDS = 0.05


class Done(NamedTuple):
    """How a verb ended: its values, in their order, and the lines beside them."""

    code: int
    values: list[Any]
    events: list[Event]

    @property
    def error(self) -> Event | None:
        """The error it ended with."""
        return next((event for event in reversed(self.events) if event.get("event") == "error"), None)

    @property
    def files(self) -> list[str]:
        """Where files were saved."""
        return [path for event in self.events if event.get("event") == "result" for path in event.get("files", ())]

    @property
    def warnings(self) -> list[str]:
        """What it warned of."""
        return [str(event.get("message")) for event in self.events if event.get("event") == "warning"]


class Session:
    """One server, as long as it runs."""

    def __init__(self, context: Context, spend: SpendFlags) -> None:
        """Raises `UsageError` for a folder that is none, and what cannot be a budget."""
        self.context = context
        self.spend = spend
        self.folder: Path | None = context.reach.folder
        self._started, self._began = time.time(), time.monotonic()
        self._at_work: list[Context] = []
        self._lock = threading.Lock()
        self.terms()
        with suppress(CliError):  # what needs no key works without one
            context.accounts.own  # noqa: B018  # found once, before there are threads

    @property
    def age(self) -> int:
        """For how many seconds, or one more, it has run: by a clock that jumped, or by one that does not, if longer.

        Whatever it called is younger than that.
        """
        return int(max(time.time() - self._started, time.monotonic() - self._began)) + 1

    @property
    def has_budget(self) -> bool:
        """Whether what it spends is limited, or nothing."""
        return self.context.accounts.costs_nothing or bool(self.terms().limits)

    def terms(self) -> "Terms":
        """What may be spent, as it stands now: settings may change while the server runs."""
        from fal_cli.calls.terms import terms

        return terms(self._aside(), self.spend)

    def verb(self, words: list[str], tell: Tell | None = None) -> Done:
        """Runs a verb to its end; `tell` hears each line that it writes to stderr, as it comes."""
        stdout, stderr = io.BytesIO(), _Lines(tell)
        job = _Job(self.context, Streams(None, stdout, stderr, False, False, False))
        with self._noted(job):
            code = app.main(words, job)
        gc.unfreeze()  # each verb sets aside what is there when it begins, as if it were the only one
        return Done(code, [_parsed(line) for line in stdout.getvalue().splitlines()], stderr.events)

    @contextmanager
    def _noted(self, job: Context) -> Iterator[None]:
        with self._lock:
            self._at_work.append(job)
        try:
            yield
        finally:
            with self._lock:
                self._at_work.remove(job)

    def budgets(self) -> list[dict[str, str]]:
        """Each budget that holds, with what is spent, set aside and left of it, in US dollars."""
        from fal_cli.ledger import claims

        found, journal = [], self._aside().journal
        for budget in self.terms().budgets(self.context):
            spent = journal.glance(partial(claims.spent_of, budget=budget))
            if spent is None:
                continue
            left = max(budget.limit - spent.total, Decimal(0))
            facts = {"spent": spent.settled, "set_aside": spent.reserved, "left": left}
            found.append({"budget": budget.name, **{name: f"{amount:f}" for name, amount in facts.items()}})
        return found

    def _aside(self) -> Context:
        """A context in which nothing is said."""
        return _Job(self.context, Streams(None, io.BytesIO(), _Lines(None), False, False, False))

    def settle(self) -> None:
        """Waits until each call that was sent has its id, at most ten seconds."""
        end = time.monotonic() + _SUBMIT_SECONDS
        while time.monotonic() < end and any(self._is_being_sent(job) for job in list(self._at_work)):
            time.sleep(_PAUSE_SECONDS)

    @staticmethod
    def _is_being_sent(job: Context) -> bool:
        # To the end of its verb: the id is known a moment before the ledger has it.
        return bool(job.standing.lost)

    def left(self) -> tuple[str, ...]:
        """What an interruption says: the requests that go on without the server."""
        names = [job.standing.accepted_id for job in list(self._at_work) if job.standing.accepted_id]
        return tuple(f"Request {name} goes on: {self.context.command('resume', name)}" for name in names)


class _Job(Context):
    """The context of one verb: the server's flags, account and secrets, and streams of its own."""

    def __init__(self, server: Context, streams: Streams) -> None:
        super().__init__(streams, server.env, server.program, server.flags.merged(GlobalFlags(json=True)))
        self.secrets = server.secrets
        self._server = server

    @cached_property
    def accounts(self) -> "Accounts":
        return self._server.accounts


class _Lines(io.StringIO):
    """A stderr whose lines are events, each told as it is whole."""

    def __init__(self, tell: Tell | None) -> None:
        self.events: list[Event] = []
        self._tell = tell
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            event = _parsed(line)
            if isinstance(event, dict):
                self.events.append(event)
                if self._tell is not None:
                    self._tell(event)
        return len(text)


def _parsed(line: str | bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):  # a number that is longer, or a value that is deeper, than Python reads
        return line.decode("utf-8", "replace") if isinstance(line, bytes) else line
