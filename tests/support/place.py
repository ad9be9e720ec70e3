"""A home, a folder to work in, a served sandbox, and between the program and it a proxy that fails as it is told."""

import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from fal_cli.auth.credentials import Credential
from fal_cli.ledger.rows import Call, Row, State, row_from
from fal_cli.ledger.store import Ledger
from fal_cli.sandbox.state import record
from fal_cli.sandbox.state.store import Store
from tests.conftest import SECONDS, Finished, Program, Service
from tests.support.fault_proxy import Exchange, Proxy, lose_answer, without_key
from tests.support.sandbox_keys import SANDBOX_KEY
from tests.support.time_machine import pass_time

SECRET = "canary-0123456789abcdef-SECRET"
QUEUE = "https://queue.fal.run"
KEY = f"canary-id:{SECRET}"
HURRY = os.pathsep.join([str(Path(__file__).with_name("hurry")), str(Path(__file__).parents[2])])
"""On the path of a program: what makes it wait for less, and the code beside these tests."""
TALKATIVE = {"FAL_DEBUG": "1"}


@dataclass(frozen=True)
class Place:
    """Where a story happens. `finished` are the commands that ended in it."""

    home: Path
    folder: Path
    service: Service
    proxy: Proxy
    program: Program
    finished: list[Finished]

    def __call__(
        self,
        *words: str,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        loud: bool = False,
    ) -> Finished:
        """Runs a command line here to its end; `loud` has it tell all it can."""
        process = self.start(
            *(("-vv",) if loud else ()),
            *words,
            env=dict(env or {}) | (TALKATIVE if loud else {}),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        )
        stdout, stderr = process.communicate(stdin, timeout=SECONDS)
        done = Finished(process.returncode, stdout, stderr.decode())
        self.finished.append(done)
        if code is not None:
            assert done.code == code, f"code {done.code}, not {code}\n{done.text}\n{done.stderr}"
        return done

    def start(self, *words: str, **options: Any) -> "subprocess.Popen[bytes]":
        """Starts a command line here and leaves it running."""
        return self.program.start(*words, **({"cwd": self.folder} | options))

    def queued(self, endpoint: str = "sandbox/echo", *, is_private: bool = False, **inputs: Any) -> str:
        """The id of a request as an earlier `fal submit` left it; unless `orders` say otherwise it ends at once."""
        input_json = self._input(inputs)
        request_id = self._post("queue", endpoint, input_json, is_private=is_private)
        base = "/".join([QUEUE, *endpoint.split("/")[:2], "requests", request_id])
        urls = {"status_url": f"{base}/status", "response_url": base, "cancel_url": f"{base}/cancel"}
        self._writer.accepted(self._begin("queue", endpoint, input_json, is_private=is_private), request_id, urls)
        return request_id

    def elsewhere(self, endpoint: str = "sandbox/echo", **inputs: Any) -> str:
        """The id of a request that the same account made on another machine."""
        return self._post("queue", endpoint, self._input(inputs), is_private=False)

    def lost(
        self,
        endpoint: str = "sandbox/echo",
        *,
        arrives: bool = True,
        mode: str = "queue",
        is_private: bool = False,
        **inputs: Any,
    ) -> str:
        """What names a call whose answer was lost on its way back, or that itself was lost before it `arrives`."""
        input_json = self._input(inputs)
        local_id = self._begin(mode, endpoint, input_json, is_private=is_private)
        if arrives:
            self._post("run" if mode == "direct" else "queue", endpoint, input_json, is_private=is_private)
        self._writer.ended(local_id, State.UNKNOWN, "closed the connection without an answer")
        return f"@{local_id}"

    def _input(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        orders = {"queue": 0, "run": 0} | inputs.get("orders", {})
        return {name: value for name, value in inputs.items() if name != "orders"} | {"sandbox": orders}

    def _post(self, host: str, endpoint: str, input_json: Mapping[str, Any], *, is_private: bool) -> str:
        headers = {"Authorization": f"Key {SANDBOX_KEY}"} | ({"X-Fal-Store-IO": "0"} if is_private else {})
        url = f"{getattr(self.service.sandbox.addresses, host)}/{endpoint}"
        return requests.post(url, json=input_json, headers=headers, timeout=30).headers["x-fal-request-id"]

    def _begin(self, mode: str, endpoint: str, input_json: Mapping[str, Any], *, is_private: bool) -> int:
        key_print = Credential(f"Key {self.program.env['FAL_KEY']}", "").key_print
        host = QUEUE if mode == "queue" else "https://fal.run"
        options = {"no_store": True} if is_private else {}
        call = Call(endpoint, input_json, mode, host, "", key_print, options, is_private)
        return self._writer.begin(call)

    def given(self, request_id: str) -> dict[str, Any]:
        """The input of a request as the service has it."""
        found = Store(self.service.state).given(request_id)
        assert isinstance(found, dict)
        return found

    def given_state(self, request_id: str) -> str:
        """Where a request stands, as the service has it."""
        found = Store(self.service.state).request(request_id)
        assert found is not None
        request = record.from_json(*found)
        return request.life.at(time.time() - request.accepted).state

    def lose(self, *words: str, endpoint: str = "sandbox/echo", arrives: bool = True, verb: str = "submit") -> str:
        """The same by the program itself, which says so."""
        route = "run" if "--direct" in words else "submit"
        self.proxy.fail(route, lose_answer if arrives else drop)
        self(verb, endpoint, "sandbox.queue=0", "sandbox.run=0", *words, code=10)
        return self.rows[-1].name

    def row(self, name: str) -> Row:
        """The row that a name names."""
        return next(row for row in self.rows if name in (row.name, f"@{row.local_id}"))

    def pass_time(self, passed: timedelta) -> None:
        """Lets time pass for everything here."""
        pass_time(passed, ledger=self.ledger, sandbox=self.service.state)

    @cached_property
    def _writer(self) -> Ledger:
        # One for all: opening the ledger a second time in a process would drop the locks of the first.
        return Ledger(self.ledger)

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return ledger_of(self.program)

    @property
    def rows(self) -> list[Row]:
        """What the ledger says, oldest first."""
        return rows_of(self.program)

    def everything_told(self) -> Iterator[tuple[str, bytes]]:
        """Every byte that a command wrote or sent here, but for the header that is to hold the key."""
        for number, done in enumerate(self.finished):
            yield f"stdout {number}", done.stdout
            yield f"stderr {number}", done.stderr.encode()
        for path in (*self.home.rglob("*"), *self.folder.rglob("*")):
            yield str(path), str(path).encode()
            if path.is_file():
                yield f"the content of {path}", path.read_bytes()
        for seen in map(without_key, self.proxy.seen):
            yield f"a request to {seen.host}", repr(seen.request).encode()

    def holds_no_secret(self) -> None:
        """Fails if the key is anywhere but where it belongs."""
        for where, data in self.everything_told():
            assert SECRET.encode() not in data, where
            assert SECRET[:16].encode() not in data, where


def rows_of(program: Program) -> list[Row]:
    """What a program's ledger says, oldest first; read beside the program, as another one would."""
    if not ledger_of(program).exists():
        return []
    with closing(sqlite3.connect(ledger_of(program))) as db:
        db.row_factory = sqlite3.Row
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'results'").fetchone():
            return []  # it is being made
        return [row_from(found) for found in db.execute("SELECT * FROM requests ORDER BY local_id")]


def ledger_of(program: Program) -> Path:
    """Where a program keeps what it remembers."""
    return program.home / "fal" / "state" / "ledger.db"


def drop(exchange: Exchange) -> None:
    """The service never has the request, and the client no answer."""
