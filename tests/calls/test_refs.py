"""REF: what names a request on the command line, to the very requests that are meant."""

import io
from pathlib import Path

import pytest

from fal_cli.api.events import Handle
from fal_cli.auth.credentials import Credential
from fal_cli.calls import refs
from fal_cli.calls.model import Tracked
from fal_cli.context import Context
from fal_cli.endpoint import parse
from fal_cli.errors import CliError, Exit, UsageError
from fal_cli.ledger.rows import Call, State
from fal_cli.terminal.terminal import Streams

QUEUE = "https://queue.fal.run"
KEY = "id:secret"
UUID = "6f0c2e0e-1f2d-4a67-9c43-0d3a2f6f0c2e"


class Desk:
    """A context without a network, and a ledger with a few rows."""

    def __init__(self, folder: Path) -> None:
        self.stderr = io.StringIO()
        streams = Streams(None, io.BytesIO(), self.stderr, False, False, False)
        self.context = Context(streams, {"FAL_CLI_HOME": str(folder), "HOME": str(folder), "FAL_KEY": KEY})

    def add(self, request_id: str = "", *, endpoint: str = "a/b", mode: str = "queue", host: str = QUEUE) -> int:
        """The number of a new row."""
        key_print = Credential(f"Key {KEY}", "").key_print
        entry = self.context.journal.begin(Call(endpoint, {}, mode=mode, host=host, key_print=key_print))
        if request_id:
            entry.accepted(self.handle(request_id, endpoint))
        row = entry.row()
        assert row is not None
        return row.local_id

    def handle(self, request_id: str, endpoint: str) -> Handle:
        base = f"{QUEUE}/{'/'.join(endpoint.split('/')[:2])}/requests/{request_id}"
        return Handle(parse(endpoint), request_id, f"{base}/status", base, f"{base}/cancel")

    def named(self, *words: str) -> list[str]:
        """The names of what the words name."""
        return [
            found.request_id if isinstance(found, Tracked) else found.name for found in refs.calls(self.context, words)
        ]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.add("abc-1")
    desk.add("abc-2", endpoint="a/b/c")
    lost = desk.add()
    desk.context.journal.entry(desk.context.journal.row(lost)).ended(State.UNKNOWN)
    desk.add(UUID, endpoint="workflows/me/mine")
    desk.add("direct-1", mode="direct")
    return desk


@pytest.mark.parametrize(
    ("words", "names"),
    [
        pytest.param(["abc-1"], ["abc-1"], id="an id"),
        pytest.param(["6"], [UUID], id="its beginning"),
        pytest.param(["6f0c2e0e"], [UUID], id="the beginning that is shown"),
        pytest.param(["last"], [UUID], id="last: the newest in the queue"),
        pytest.param(["@last"], [UUID], id="@last"),
        pytest.param(["last:2"], ["abc-2"], id="the one before it that has an id"),
        pytest.param(["@last:3"], ["abc-1"], id="@last:3"),
        pytest.param(["@3"], ["@3"], id="a number, of a call whose answer was lost"),
        pytest.param(["@4"], [UUID], id="a number"),
        pytest.param(["@5"], ["direct-1"], id="a number, of a call outside the queue"),
        pytest.param(["abc-1", "last", "@2"], ["abc-1", UUID, "abc-2"], id="many, in their order"),
        pytest.param([f"{QUEUE}/a/b/requests/abc-1"], ["abc-1"], id="a URL"),
        pytest.param([f"{QUEUE}/a/b/requests/abc-1/status"], ["abc-1"], id="its status URL"),
        pytest.param([f"{QUEUE}/a/b/requests/abc-1/status/stream?logs=1#x"], ["abc-1"], id="its stream URL"),
        pytest.param([f"{QUEUE}/x/y/z/requests/unknown-1/cancel"], ["unknown-1"], id="a URL of another machine's"),
        pytest.param(["a/b", "abc-1"], ["abc-1"], id="endpoint and id"),
        pytest.param(["abc-1", "a/b"], ["abc-1"], id="id and endpoint"),
        pytest.param(["abc-1", "a/b", "abc-2"], ["abc-1", "abc-2"], id="ids around an endpoint"),
        pytest.param(["a/b", "unknown-1"], ["unknown-1"], id="an id of another machine's"),
        pytest.param(["a/b", "last"], [UUID], id="last beside an endpoint"),
        pytest.param(["1234-app", "unknown-1"], ["unknown-1"], id="a legacy endpoint"),
        pytest.param([f"{QUEUE}/a/b/requests/abc-1", "last"], ["abc-1", UUID], id="a URL and another"),
    ],
)
def test_what_is_named(desk: Desk, words: list[str], names: list[str]) -> None:
    assert desk.named(*words) == names


@pytest.mark.parametrize(
    ("words", "endpoint", "url"),
    [
        pytest.param(["abc-2"], "a/b/c", f"{QUEUE}/a/b/requests/abc-2", id="of the ledger"),
        pytest.param([UUID], "workflows/me/mine", f"{QUEUE}/workflows/me/requests/{UUID}", id="a workflow, as told"),
        pytest.param(["x/y/z", "n-1"], "x/y/z", f"{QUEUE}/x/y/requests/n-1", id="of another machine"),
        pytest.param(["comfy/x/y/z", "n-1"], "comfy/x/y/z", f"{QUEUE}/comfy/x/y/requests/n-1", id="in a namespace"),
        pytest.param(["110602490-lcm", "n-1"], "110602490/lcm", f"{QUEUE}/110602490/lcm/requests/n-1", id="legacy"),
        pytest.param(["x/y", "abc-1"], "x/y", f"{QUEUE}/a/b/requests/abc-1", id="another endpoint than the ledger's"),
    ],
)
def test_where_it_is_asked_about(desk: Desk, words: list[str], endpoint: str, url: str) -> None:
    (found,) = refs.resolve(desk.context, words)
    assert (found.endpoint, found.handle.response_url) == (endpoint, url)


def test_what_last_meant_is_said(desk: Desk) -> None:
    desk.named("last:2")
    assert desk.stderr.getvalue() == "last:2 is a/b/c request abc-2\n"


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        pytest.param(["nothing"], Exit.NOT_FOUND, "no request 'nothing' in your history", id="unknown"),
        pytest.param(["abc"], Exit.USAGE, "matches several requests, such as abc-2 and abc-1", id="ambiguous"),
        pytest.param(["last:4"], Exit.NOT_FOUND, "has fewer", id="last of too few"),
        pytest.param(["@9"], Exit.NOT_FOUND, "no request @9", id="number"),
        pytest.param(["@0"], Exit.USAGE, "not a request id", id="no number"),
        pytest.param(["last:0"], Exit.USAGE, "not a request id", id="no such last"),
        pytest.param(["@99999999999999999999"], Exit.USAGE, "not a request id", id="a number beyond all"),
        pytest.param(["a/b"], Exit.USAGE, "name a request after a/b", id="an endpoint alone"),
        pytest.param(["a/b", "c/d", "abc-1"], Exit.USAGE, "both a/b and c/d", id="two endpoints"),
        pytest.param(["https://queue.fal.run/a/b"], Exit.USAGE, "not the URL of a request", id="URL of an endpoint"),
        pytest.param(
            ["https://evil.example/a/b/requests/n-1"], Exit.USAGE, "is not on the host in use", id="another host's URL"
        ),
        pytest.param(
            ["http://queue.fal.run/a/b/requests/n-1"], Exit.USAGE, "is not on the host in use", id="plain http"
        ),
        pytest.param(
            ["https://queue.fal.run:444/a/b/requests/n-1"], Exit.USAGE, "is not on the host in use", id="another port"
        ),
        pytest.param(
            ["https://queue.fal.run@evil.example/a/b/requests/n-1"],
            Exit.USAGE,
            "is not on the host in use",
            id="user in a URL",
        ),
        pytest.param([f"{QUEUE}/a/b/requests/%2e%2e"], Exit.USAGE, "not the URL", id="no id in a URL"),
        pytest.param([f"{QUEUE}/../b/requests/n-1"], Exit.USAGE, "'..'", id="no endpoint in a URL"),
        pytest.param([""], Exit.USAGE, "not a request id", id="nothing"),
        pytest.param(["a b"], Exit.USAGE, "not a request id", id="a space"),
        pytest.param(["\x1b[2J"], Exit.USAGE, "not a request id", id="an escape"),
        pytest.param(["a//b", "abc-1"], Exit.USAGE, "empty part", id="a malformed endpoint"),
    ],
)
def test_what_names_none(desk: Desk, words: list[str], kind: Exit, told: str) -> None:
    with pytest.raises(CliError) as caught:
        desk.named(*words)
    assert caught.value.code == kind
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("word", "told"),
    [
        pytest.param("@3", "has no request id: its answer was lost", id="lost"),
        pytest.param("@5", "is not a queued request: it was a direct call", id="direct"),
    ],
)
def test_a_row_that_is_no_request_in_the_queue(desk: Desk, word: str, told: str) -> None:
    with pytest.raises(CliError) as caught:
        refs.resolve(desk.context, [word])
    assert told in caught.value.message
    assert caught.value.code == Exit.NOT_FOUND
    assert caught.value.hint


def test_one_at_a_time(desk: Desk) -> None:
    with pytest.raises(UsageError, match="one request at a time"):
        refs.one(desk.context, ["abc-1", "abc-2"])


class TestRows:
    """What `history` and `rerun` take: any row, whatever became of it."""

    @pytest.mark.parametrize(
        ("word", "name"),
        [
            pytest.param("last", "direct-1", id="last: the newest of any kind"),
            pytest.param("last:3", "@3", id="one without an id"),
            pytest.param("@3", "@3", id="a number"),
            pytest.param("direct", "direct-1", id="a beginning"),
            pytest.param(f"{QUEUE}/a/b/requests/abc-1/status", "abc-1", id="a URL"),
            pytest.param("https://elsewhere.example/a/b/requests/abc-1", "abc-1", id="a URL of any host: its id"),
        ],
    )
    def test_what_is_named(self, desk: Desk, word: str, name: str) -> None:
        assert [row.name for row in refs.rows(desk.context, [word])] == [name]

    @pytest.mark.parametrize("word", ["nothing", "@9", "last:9"])
    def test_what_is_not_there(self, desk: Desk, word: str) -> None:
        with pytest.raises(CliError) as caught:
            refs.rows(desk.context, [word])
        assert caught.value.code == Exit.NOT_FOUND


class TestUnfinished:
    def test_all_of_them(self, desk: Desk) -> None:
        names = [
            found.request_id if isinstance(found, Tracked) else found.name for found in refs.unfinished(desk.context)
        ]
        assert names == ["abc-1", "abc-2", "@3", UUID, "direct-1"]

    def test_one_that_another_key_made_elsewhere_keeps_no_other_from_its_turn(self, desk: Desk) -> None:
        entry = desk.context.journal.begin(Call("a/b", {}, host="https://queue.elsewhere.example", key_print="other"))
        entry.accepted(desk.handle("foreign-1", "a/b"))
        assert len(refs.unfinished(desk.context)) >= 5
