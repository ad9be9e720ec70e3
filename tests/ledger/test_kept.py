"""What is kept of inputs and results: as they are up to a size, with files in them cut short, or nothing at all."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fal_cli.api.body import Body
from fal_cli.inputs import documents
from fal_cli.ledger.rows import STORED_INPUT_BYTES, STORED_RESULT_BYTES, fingerprint, stored_result
from fal_cli.ledger.store import Ledger
from tests.support.ledger_file import begun, completed, stored

URI = "data:image/png;base64," + "A" * 100_000
JSON = "application/json; charset=utf-8"


class TestInput:
    def test_an_input_of_the_most_that_is_stored(self, path: Path) -> None:
        frame = len('{"a":""}')
        ledger = Ledger(path)
        for text in (
            "x" * (STORED_INPUT_BYTES - frame),
            "x" * (STORED_INPUT_BYTES - frame + 1),
            "ü" * ((STORED_INPUT_BYTES - frame) // 2 + 1),
        ):
            begun(ledger, {"a": text})
        assert [row["input"] is not None for row in stored(path)] == [True, False, False]
        assert [row["input_is_whole"] for row in stored(path)] == [1, 0, 0]

    def test_the_hash_is_of_the_whole_input_whatever_the_order_of_its_keys(self, path: Path) -> None:
        long = {"b": "ü" * STORED_INPUT_BYTES, "a": URI}
        begun(Ledger(path), long)
        sent = json.dumps(long, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        assert stored(path)[0]["input_sha256"] == hashlib.sha256(sent).hexdigest()
        assert fingerprint(dict(reversed(long.items()))) == fingerprint(long)

    def test_data_uris_are_shortened_wherever_they_stand(self, path: Path) -> None:
        ledger = Ledger(path)
        begun(ledger, {"image": URI, "list": [{"deep": URI}], "prompt": "data: " + "x", "short": "data:,x"})
        text = stored(path)[0]["input"]
        assert len(text) < 400
        kept = json.loads(text)
        assert kept["image"].startswith("data:image/png;base64,AAA")
        assert f"({len(URI)} characters)" in kept["image"]
        assert kept["list"] == [{"deep": kept["image"]}]
        assert (kept["prompt"], kept["short"]) == ("data: x", "data:,x")
        row = ledger.row(1)
        assert row is not None
        assert not row.input_is_whole

    @pytest.fixture
    def usual_stack(self) -> Iterator[None]:
        """Python's own limit, which hypothesis raises for a while."""
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(1000)
        yield
        sys.setrecursionlimit(before)

    @pytest.mark.usefixtures("usual_stack")
    @pytest.mark.parametrize("depth", [100, 400, 600, 900])
    def test_any_document_that_is_read_can_be_recorded(self, path: Path, depth: int) -> None:
        """The limit is the strict reader's: what it accepts may not fail later."""
        nested = documents.loads_object('{"a":' * depth + "1" + "}" * depth, "x")
        begun(Ledger(path), nested)
        assert stored(path)[0]["endpoint"] == "a/b"


class TestResult:
    @pytest.mark.parametrize(
        ("make", "kind"),
        [
            pytest.param(lambda size: b'"' + b"x" * (size - 2) + b'"', JSON, id="json"),
            pytest.param(lambda size: b"\xff" * size, "image/png", id="bytes"),
            pytest.param(lambda size: b"", "text/plain", id="nothing"),
        ],
    )
    def test_up_to_a_mebibyte_byte_for_byte(self, path: Path, make: Callable[[int], bytes], kind: str) -> None:
        ledger = Ledger(path)
        body = make(STORED_RESULT_BYTES)
        local_id = completed(ledger, "id-1", body, kind)
        kept = Ledger(path).result(local_id)
        assert kept is not None
        assert (kept.body, kept.content_type, kept.is_whole) == (body, kind, True)

    def test_not_one_byte_more(self, path: Path) -> None:
        ledger = Ledger(path)
        local_id = completed(ledger, "id-1", b"1" * (STORED_RESULT_BYTES + 1))
        row = ledger.row(local_id)
        assert row is not None
        assert (row.has_result, row.is_open, row.state) == (False, True, "completed")
        assert ledger.result(local_id) is None

    def test_data_uris_are_shortened_and_the_result_is_marked(self, path: Path) -> None:
        ledger = Ledger(path)
        body = json.dumps({"images": [{"url": URI}, {"url": "https://x/y.png"}], "note": "für"}, ensure_ascii=False)
        kept = ledger.result(completed(ledger, "id-1", body.encode(), JSON))
        assert kept is not None
        assert not kept.is_whole
        value = json.loads(kept.body)
        assert value["images"][1] == {"url": "https://x/y.png"}
        assert value["note"] == "für"
        assert value["images"][0]["url"] == URI[:64] + f"… ({len(URI)} characters)"

    def test_what_is_large_only_by_its_data_uris_is_kept(self, path: Path) -> None:
        ledger = Ledger(path)
        body = json.dumps({"url": "data:image/png;base64," + "A" * (2 * STORED_RESULT_BYTES)}).encode()
        kept = ledger.result(completed(ledger, "id-1", body, JSON))
        assert kept is not None
        assert not kept.is_whole

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b'{"text":"the data: are here", "u":"data:,x"}', id="short ones and mere words"),
            pytest.param(b'{ "a" : 1.0 , "data:" : NaN }', id="its own spelling"),
        ],
    )
    def test_a_result_without_a_long_one_stays_as_it_came(self, path: Path, body: bytes) -> None:
        ledger = Ledger(path)
        kept = ledger.result(completed(ledger, "id-1", body, JSON))
        assert kept is not None
        assert (kept.body, kept.is_whole) == (body, True)

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b'{"url":"data:' + b"A" * 1000, id="no JSON"),
            pytest.param(b'{"a":' * 5000 + b'"data:"' + b"}" * 5000, id="nested too deeply"),
            pytest.param(b'{"a":' * 1500 + b'"data:"' + b"}" * 1500, id="nested deeper than our functions"),
        ],
    )
    def test_what_cannot_be_looked_into_is_not_kept(self, body: bytes) -> None:
        assert stored_result(Body(body), JSON) is None


def test_a_second_result_takes_the_place_of_the_first(path: Path) -> None:
    ledger = Ledger(path)
    local_id = completed(ledger, "id-1", b'{"a":1}')
    ledger.completed(local_id, size=7, kept=stored_result(Body(b'{"a":2}'), JSON))
    kept: Any = ledger.result(local_id)
    assert kept.body == b'{"a":2}'
