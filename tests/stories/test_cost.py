"""`fal cost`: from billing events or by list price, asked of whoever made the requests; what is not known is not 0."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fal_cli.ledger.rows import State
from tests.conftest import Program
from tests.support.faulty_server import Authority, Seen, Server, Step, Talk, handshake, http, read_request
from tests.support.past_requests import Past, uuid
from tests.support.pseudo_terminal import Screen
from tests.support.sandbox_keys import ADMIN_KEY, SANDBOX_KEY

ADMIN = {"FAL_KEY": ADMIN_KEY}
BY_PRICE = "units × list price: the key may not read the account's billing events"
DAY = timedelta(days=1)
FLUX, LLM, ECHO = "fal-ai/flux/dev", "fal-ai/any-llm", "sandbox/echo"
AT_ONCE = ("sandbox.queue=0", "sandbox.run=0", "-q", "--print", "none")


def _lines(program: Program, *words: str, env: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    done = program("cost", *words, env=env)
    return [json.loads(line) for line in done.text.splitlines()]


def _by(key: str, lines: Sequence[Mapping[str, Any]], *names: str) -> dict[str, tuple[Any, ...]]:
    return {line[key]: tuple(line[name] for name in names) for line in lines}


class TestSandbox:
    @pytest.fixture
    def used(self, served: Program) -> Program:
        """Two pictures, one of them tagged twice; a text that was never fetched; a failure; a refusal."""
        served("run", FLUX, "prompt=a", *AT_ONCE)
        served("run", FLUX, "prompt=b", *AT_ONCE, "--tag", "team=art", "--tag", "job=x")
        served("submit", LLM, "prompt=a", "sandbox.queue=0", "sandbox.run=0")
        served("run", ECHO, "a=1", "sandbox.fail=422", *AT_ONCE, code=None)
        served("submit", FLUX, "a=1", "sandbox.fault=submit=400", code=4)
        return served

    def test_by_list_price(self, used: Program) -> None:
        done = used("cost")
        assert [json.loads(line) for line in done.text.splitlines()] == [
            {"endpoint": FLUX, "requests": 2, "units": "2", "cost": "0.05", "currency": "USD", "not_known": 0,
             "source": "list price"},
            {"endpoint": LLM, "requests": 1, "units": None, "cost": None, "currency": None, "not_known": 1,
             "source": None},
            {"endpoint": ECHO, "requests": 1, "units": "0", "cost": "0", "currency": "USD", "not_known": 0,
             "source": "list price"},
        ]  # fmt: skip
        assert done.stderr.splitlines() == [BY_PRICE]

    def test_by_billing_events_even_what_was_never_fetched(self, used: Program) -> None:
        used("status", "last:2", "--follow")
        done = used("cost", env=ADMIN)
        found = _by("endpoint", [json.loads(line) for line in done.text.splitlines()], "cost", "not_known", "source")
        assert found[FLUX] == ("0.05", 0, "billing events")
        assert found[LLM] == ("0.01", 0, "billing events")
        assert found[ECHO] == ("0", 0, "list price")
        assert done.stderr.splitlines() == ["from the account's billing events; 1 missing there, units × list price"]

    def test_by_tag_day_and_profile(self, used: Program) -> None:
        tags = _by("tag", _lines(used, "--by", "tag"), "requests", "cost", "not_known")
        assert tags == {"team=art": (1, "0.025", 0), "job=x": (1, "0.025", 0), "(none)": (3, "0.025", 1)}
        today = datetime.now().astimezone().date().isoformat()
        assert _by("day", _lines(used, "--by", "day"), "requests", "cost") == {today: (4, "0.05")}
        assert _by("profile", _lines(used, "--by", "profile"), "requests", "cost") == {"(none)": (4, "0.05")}

    def test_on_a_terminal(self, used: Program) -> None:
        screen = Screen([*used.argv, "cost", "--by", "tag"], used.env, columns=80)
        assert screen.finish() == 0
        assert screen.text.splitlines() == [
            "tag       requests  units    cost  not known",
            "job=x            1      1  $0.025          0",
            "team=art         1      1  $0.025          0",
            "(none)           3      1  $0.025          1",
            "total            4         $0.050          1",
            BY_PRICE,
        ]

    @pytest.mark.parametrize("columns", [60, 40, 30])
    def test_on_a_narrow_terminal(self, used: Program, columns: int) -> None:
        screen = Screen([*used.argv, "cost", "-q"], used.env, columns=columns)
        assert screen.finish() == 0
        lines = screen.text.splitlines()
        assert len(lines) == 5
        assert max(map(len, lines)) <= columns
        assert "$0.05" in lines[1]
        assert lines[-1].startswith("total")

    def test_of_the_private_sandbox(self, fal: Program) -> None:
        fal("--sandbox", "run", FLUX, "prompt=a", *AT_ONCE)
        fal("--sandbox", "run", "--direct", FLUX, "prompt=a", "sandbox.run=0", "-q", "--print", "none")
        assert _by("endpoint", _lines(fal, "--sandbox"), "requests", "cost") == {FLUX: (2, "0.05")}
        assert fal("cost").stderr.splitlines() == ["no request that could have cost anything"]

    def test_a_failing_platform_is_asked_again(self, fal: Program) -> None:
        fal("--sandbox", "run", FLUX, "prompt=a", *AT_ONCE)
        env = {"FAL_SANDBOX_FAULT": "pricing=503*1"}
        assert _by("endpoint", _lines(fal, "--sandbox", env=env), "cost") == {FLUX: ("0.025",)}


class TestAccounts:
    @pytest.fixture
    def profiled(self, served: Program) -> Program:
        self._profiles(served, work=SANDBOX_KEY, play=SANDBOX_KEY)
        served("--profile", "work", "run", FLUX, "prompt=a", *AT_ONCE)
        served("--profile", "play", "run", LLM, "prompt=a", *AT_ONCE)
        return served

    def _profiles(self, program: Program, **keys: str) -> None:
        folder = program.home / ".fal"
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text("".join(f'[{name}]\nkey = "{key}"\n' for name, key in keys.items()))

    def test_each_by_its_own(self, profiled: Program) -> None:
        found = _by("profile", _lines(profiled, "--by", "profile"), "cost", "not_known")
        assert found == {"work": ("0.025", 0), "play": ("0.01", 0)}

    def test_one_that_is_gone_is_not_known(self, profiled: Program) -> None:
        self._profiles(profiled, work=SANDBOX_KEY)
        done = profiled("cost", "--by", "profile")
        found = _by("profile", [json.loads(line) for line in done.text.splitlines()], "cost", "not_known")
        assert found == {"work": ("0.025", 0), "play": (None, 1)}
        (line,) = [line for line in done.stderr.splitlines() if "not known" in line]
        assert line.startswith("1 not known, since the account that made them cannot be asked: no profile 'pl")

    def test_one_whose_key_is_refused_is_not_known(self, profiled: Program) -> None:
        self._profiles(profiled, work=SANDBOX_KEY, play="sandbox:old")
        done = profiled("cost", "--by", "profile")
        found = _by("profile", [json.loads(line) for line in done.text.splitlines()], "cost", "not_known")
        assert found == {"work": ("0.025", 0), "play": (None, 1)}
        assert "No user found for Key ID and Secret" in done.stderr

    def test_if_there_is_none_to_ask_it_is_an_error(self, profiled: Program) -> None:
        self._profiles(profiled, work="sandbox:old", play="sandbox:old")
        done = profiled("cost", code=3)
        assert done.stdout == b""
        assert "the key was refused" in done.stderr

    def test_no_key_at_all(self, fal: Program, home: Path) -> None:
        Past(home).add(uuid(1), units="1")
        done = fal("cost", code=3)
        assert "no key" in done.stderr
        assert done.stdout == b""

    def test_an_unknown_profile(self, profiled: Program) -> None:
        assert "no profile 'nope'" in profiled("--profile", "nope", "cost", code=2).stderr


class Platform:
    """A platform API that answers as told, and what it was asked."""

    def __init__(self, *, events: Any = None, prices: Mapping[str, Any] | None = None, status: int = 200) -> None:
        self._events, self._prices, self._status = events, dict(prices or {}), status
        self.server = Server([self._serve])

    def queries(self, path: str) -> list[dict[str, list[str]]]:
        """The queries of that path, in their order."""
        targets = [urlsplit(seen.target) for seen in self.server.requests]
        return [parse_qs(target.query) for target in targets if target.path.endswith(path)]

    def _serve(self, talk: Talk) -> None:
        while not talk.is_over:
            read_request(talk)
            if not talk.is_over:
                talk.sock.sendall(self._answer(talk.request))

    def _answer(self, seen: Seen) -> bytes:
        target = urlsplit(seen.target)
        query = parse_qs(target.query)
        if target.path.endswith("/pricing"):
            names = query["endpoint_id"][0].split(",")
            if not set(names) <= set(self._prices):
                return http(404, {"error": {"message": "no such endpoint"}})
            listed = [{"endpoint_id": name, "unit": "image", **self._prices[name]} for name in names]
            return http(200, {"prices": listed, "next_cursor": None, "has_more": False})
        if self._status != 200 or self._events is None:
            return http(self._status if self._status != 200 else 403, {"error": {"message": "not you"}})
        return http(200, {"billing_events": self._events(query), "next_cursor": None, "has_more": False})


def _price(amount: Any, currency: str = "USD") -> dict[str, Any]:
    return {"unit_price": amount, "currency": currency}


def _event(request_id: str, total: Any, units: Any = 1) -> dict[str, Any]:
    return {"request_id": request_id, "endpoint_id": FLUX, "output_units": units, "cost_total": total}


class TestPlatform:
    @pytest.fixture
    def past(self, home: Path) -> Past:
        return Past(home)

    def _cost(self, home: Path, platform: Platform, *words: str, code: int = 0) -> tuple[list[dict[str, Any]], str]:
        with platform.server:
            program = Program(home, {"FAL_KEY": "id:secret", "FAL_API_HOST": platform.server.url})
            done = program("cost", *words, code=code)
        return [json.loads(line) for line in done.text.splitlines()], done.stderr

    def test_more_than_ninety_days_are_asked_for_in_spans(self, home: Path, past: Past) -> None:
        for number, age in enumerate((200, 100, 1)):
            past.add(uuid(number), ago=age * DAY)
        answers = [[_event(uuid(0), "0.5")], [], []]
        platform = Platform(events=lambda query: answers.pop(0))
        lines, _ = self._cost(home, platform, "--since", "365d")
        spans = [(query["start"][0], query["end"][0]) for query in platform.queries("/billing-events")]
        moments = [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in spans]
        assert all(end - start <= 90 * DAY for start, end in moments)
        assert [end for _, end in moments[:-1]] == [start for start, _ in moments[1:]]
        assert moments[0][0] < past.now - 200 * DAY
        assert moments[-1][1] > past.now
        assert len(moments) == 3
        assert _by("endpoint", lines, "cost", "not_known") == {FLUX: ("0.5", 2)}

    def test_only_what_was_sent_since(self, home: Path, past: Past) -> None:
        for number, age in enumerate((40, 29, 1)):
            past.add(uuid(number), ago=age * DAY, units="1")
        prices = {FLUX: _price(0.025)}
        assert _by("endpoint", self._cost(home, Platform(prices=prices))[0], "requests") == {FLUX: (2,)}
        assert _by("endpoint", self._cost(home, Platform(prices=prices), "--since", "50d")[0], "requests") == {
            FLUX: (3,)
        }

    def test_numbers_stay_exact(self, home: Path, past: Past) -> None:
        for number, units in enumerate(("0.1", "0.2", "1e-05", "123456789012345678.000000001")):
            past.add(uuid(number), units=units)
        lines, _ = self._cost(home, Platform(prices={FLUX: _price("0.001")}))
        assert lines[0]["units"] == "123456789012345678.300010001"
        assert lines[0]["cost"] == "123456789012345.678300010001"

    @pytest.mark.parametrize("units", ["", "many", "NaN", "Infinity", "-1", "1e999999", "1_0", "١", "0x10", "9" * 99])
    def test_units_that_cannot_be_read_are_not_known(self, home: Path, past: Past, units: str) -> None:
        past.add(uuid(1), units=units)
        lines, _ = self._cost(home, Platform(prices={FLUX: _price(1)}))
        assert _by("endpoint", lines, "units", "cost", "not_known") == {FLUX: (None, None, 1)}

    @pytest.mark.parametrize("total", ["NaN", "1e99999999", None, "much", {"a": 1}])
    def test_charges_that_cannot_be_read_are_not_known(self, home: Path, past: Past, total: Any) -> None:
        past.add(uuid(1))
        lines, _ = self._cost(home, Platform(events=lambda query: [_event(uuid(1), total), 7, {}]))
        assert _by("endpoint", lines, "cost", "not_known") == {FLUX: (None, 1)}

    def test_several_charges_for_one_request_add_up(self, home: Path, past: Past) -> None:
        past.add(uuid(1))
        charges = [_event(uuid(1), "0.1"), _event(uuid(1), "0.2", 2), _event("a stranger's", "9")]
        lines, told = self._cost(home, Platform(events=lambda query: charges))
        assert _by("endpoint", lines, "requests", "units", "cost") == {FLUX: (1, "3", "0.3")}
        assert told.splitlines() == ["from the account's billing events"]

    def test_an_endpoint_without_a_price_is_not_known_but_for_nothing(self, home: Path, past: Past) -> None:
        past.add(uuid(1), units="2")
        past.add(uuid(2), units="2", endpoint="me/own")
        past.add(uuid(3), units="0", endpoint="me/free", state=State.FAILED)
        lines, _ = self._cost(home, Platform(prices={FLUX: _price("0.5")}))
        found = _by("endpoint", lines, "units", "cost", "not_known")
        assert found == {FLUX: ("2", "1", 0), "me/own": (None, None, 1), "me/free": ("0", "0", 0)}

    def test_currencies_stay_apart(self, home: Path, past: Past) -> None:
        past.add(uuid(1), units="1")
        past.add(uuid(2), units="1", endpoint=LLM)
        past.add(uuid(3), units="", endpoint=LLM)
        prices = {FLUX: _price("2.5"), LLM: _price("0.12345678", "EUR")}
        with (platform := Platform(prices=prices)).server:
            env = {"FAL_KEY": "id:secret", "FAL_API_HOST": platform.server.url}
            program = Program(home, env)
            screen = Screen([*program.argv, "cost", "-q"], program.env, columns=80)
            assert screen.finish() == 0
            days = program("cost", "--by", "day").text.splitlines()
        assert screen.text.splitlines() == [
            "endpoint         requests  units       cost  not known",
            "fal-ai/flux/dev         1      1  $2.500000          0",
            "fal-ai/any-llm          2      1  €0.123457          1",
            "total                   2         €0.123457          1",
            "total                   1         $2.500000          0",
        ]
        assert [json.loads(line)["cost"] for line in days] == ["0.12345678", "2.5"]

    def test_what_was_refused_or_never_left_or_stayed_here_is_not_counted(self, home: Path, past: Past) -> None:
        past.add(state=State.REFUSED)
        past.add(state=State.NOT_SENT)
        past.add(endpoint="http://localhost:8080", host="http://localhost:8080", mode="direct")
        past.add(state=State.UNKNOWN)
        past.add(uuid(5), state=State.RUNNING)
        lines, told = self._cost(home, Platform())
        assert _by("endpoint", lines, "requests", "cost", "not_known") == {FLUX: (2, None, 2)}
        assert "not known yet" in told

    def test_a_hostile_endpoint_and_tag_on_a_terminal(self, home: Path, past: Past) -> None:
        past.add(uuid(1), units="1", tags={"k": "\x1b[2J\u202e[bold]"})
        with (platform := Platform(prices={FLUX: _price(1)})).server:
            program = Program(home, {"FAL_KEY": "id:secret", "FAL_API_HOST": platform.server.url})
            screen = Screen([*program.argv, "cost", "--by", "tag"], program.env, columns=80)
            assert screen.finish() == 0
        assert "k=␛[2J<U+202E>[bold]" in screen.text
        assert b"\x1b[2J" not in screen.raw

    def test_a_limited_key_ends_it_with_9(self, home: Path, past: Past) -> None:
        past.add(uuid(1), units="1")
        authority = {"Retry-After": "0"}
        step = _always(http(429, {"error": {"message": "slow down"}}, authority))
        with Server([step]) as server:
            done = Program(home, {"FAL_KEY": "id:secret", "FAL_API_HOST": server.url})("cost", code=9)
        assert done.stdout == b""

    def test_events_that_cannot_be_had_for_another_reason_say_so(self, home: Path, past: Past) -> None:
        past.add(uuid(1), units="1")
        lines, told = self._cost(home, Platform(prices={FLUX: _price(1)}, status=404))
        assert _by("endpoint", lines, "cost", "source") == {FLUX: ("1", "list price")}
        assert "billing events cannot be fetched (HTTP 404: not you)" in told

    def test_a_network_that_fails_is_6(self, home: Path, past: Past, tmp_path: Path) -> None:
        past.add(uuid(1), units="1")
        with Server([handshake(Authority(tmp_path).context())]) as server:
            env = {"FAL_KEY": "id:secret", "FAL_API_HOST": server.url.replace("http:", "https:")}
            done = Program(home, env)("cost", code=6)
        assert "not trusted" in done.stderr
        assert done.stdout == b""

    def test_the_key_is_nowhere(self, home: Path, past: Past) -> None:
        past.add(uuid(1), units="1")
        with (platform := Platform(prices={FLUX: _price(1)})).server:
            program = Program(home, {"FAL_KEY": "id:canary-secret", "FAL_API_HOST": platform.server.url})
            done = program("cost", "-vv")
        assert "canary-secret" not in done.stderr + done.text


class TestUsage:
    @pytest.mark.parametrize(
        ("words", "shown"),
        [
            pytest.param(("--since", "soon"), "is not a time span", id="since"),
            pytest.param(("--by", "month"), "'month' is not one of 'endpoint', 'day', 'profile', 'tag'", id="by"),
        ],
    )
    def test_usage(self, fal: Program, words: tuple[str, ...], shown: str) -> None:
        assert shown in fal("cost", *words, code=2).stderr

    def test_hosts_that_are_misconfigured(self, fal: Program, home: Path) -> None:
        Past(home).add(uuid(1), units="1")
        assert "FAL_API_HOST is not a host" in fal("cost", env={"FAL_API_HOST": "ftp://x"}, code=2).stderr

    def test_an_unreadable_ledger(self, fal: Program, home: Path) -> None:
        (home / "fal" / "state" / "ledger.db").mkdir(parents=True)
        assert "the history cannot be used" in fal("cost", code=1).stderr


def _always(data: bytes) -> Step:
    def step(talk: Talk) -> None:
        while not talk.is_over:
            read_request(talk)
            if not talk.is_over:
                talk.sock.sendall(data)

    return step
