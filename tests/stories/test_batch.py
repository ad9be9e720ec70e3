"""`fal batch`: a list, each row of it paid for once, whatever happens to the program, the network and the account."""

import csv
import itertools
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fal_cli.batch.saving import clear_parts
from tests.support.fault_proxy import Exchange, answer, lose_answer
from tests.support.full_run import FULL
from tests.support.html_page import Page, check
from tests.support.place import Place
from tests.support.waiting import soon, until

ECHO = "sandbox/echo"
FLUX = "fal-ai/flux/dev"
KILLS = 200 if FULL else 4
AT_ONCE = 'sandbox:={"queue":0,"run":0}'


def rows(place: Place, count: int, *, name: str = "rows.csv", first: int = 0) -> str:
    lines = [f'"picture {number}",{number}' for number in range(first, first + count)]
    (place.folder / name).write_text("\n".join(["prompt,seed", *lines, ""]))
    return name


def echoes(place: Place, orders: list[dict[str, Any]], name: str = "rows.jsonl") -> str:
    """A list of calls that a sandbox without pictures answers: `n` and the orders of each."""
    lines = [{"n": number, "sandbox": {"queue": 0, "run": 0} | order} for number, order in enumerate(orders)]
    (place.folder / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return name


def batch(place: Place, *words: str, code: int = 0, **how: Any) -> list[dict[str, Any]]:
    """Runs a batch and gives the lines of its stdout."""
    done = place("batch", *words, code=code, **how)
    return [json.loads(line) for line in done.text.splitlines()]


def of_echo(place: Place, name: str, *words: str, **how: Any) -> list[dict[str, Any]]:
    return batch(place, ECHO, name, "n={{n}}", "sandbox={{sandbox}}", "--yes", *words, **how)


def accepted(place: Place) -> list[int]:
    """How often each different call was accepted."""
    return sorted(place.service.stats["by_body"].values())


def manifest(place: Place, folder: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (place.folder / folder / "manifest.jsonl").read_text().splitlines()]


def test_a_list_and_the_same_command_again(place: Place) -> None:
    name = rows(place, 3)
    told = batch(place, FLUX, name, AT_ONCE, "--yes")
    assert [(row["state"], row["columns"]["seed"]) for row in sorted(told, key=lambda row: row["row"])] == [
        ("done", "0"),
        ("done", "1"),
        ("done", "2"),
    ]
    assert sorted(path.name for path in (place.folder / "rows").iterdir()) == [
        "1-0.jpg",
        "2-0.jpg",
        "3-0.jpg",
        "manifest.jsonl",
    ]
    seen = len(place.proxy.seen)
    assert batch(place, FLUX, name, AT_ONCE, "--yes") == []
    assert len(place.proxy.seen) == seen
    assert place.service.accepted == 3
    assert [row["row"] for row in sorted(manifest(place, "rows"), key=lambda row: row["row"])] == [1, 2, 3]
    assert {(row.state, row.is_open, row.batch) for row in place.rows} == {("completed", False, "rows")}
    place.holds_no_secret()


def test_a_list_that_was_shuffled_and_grew(place: Place) -> None:
    before, added, gone = (120, 50, 10) if FULL else (4, 1, 1)
    name = rows(place, before)
    batch(place, FLUX, name, AT_ONCE, "--yes", "-d", "out/{row}.{ext}")
    head, *lines = (place.folder / name).read_text().splitlines()
    kept = {path.name: path.stat().st_mtime_ns for path in (place.folder / "out").glob("*.jpg")}
    new = [*lines[gone:], *(f'"a new one",{900 + number}' for number in range(added))]
    random.Random(7).shuffle(new)
    (place.folder / "moved.csv").write_text("\n".join([head, *new]))
    plan = json.loads(place("batch", FLUX, "moved.csv", AT_ONCE, "--name", "rows", "--dry-run").text)
    assert {name: plan[name] for name in ("rows", "done", "to_send", "new", "gone")} == {
        "rows": before - gone + added,
        "done": before - gone,
        "to_send": added,
        "new": added,
        "gone": gone,
    }
    told = batch(place, FLUX, "moved.csv", AT_ONCE, "--name", "rows", "--yes", "-d", "out/{row}.{ext}")
    assert {row["input"]["prompt"] for row in told} == {"a new one"}
    assert {row["row"] for row in told} == set(range(before + 1, before + added + 1))
    assert place.service.accepted == before + added
    files = {path.name: path.stat().st_mtime_ns for path in (place.folder / "out").glob("*.jpg")}
    assert {name: files[name] for name in kept} == kept
    assert len(files) == before + added


def test_equal_rows_are_as_many_calls(place: Place) -> None:
    name = echoes(place, [{}])
    told = of_echo(place, name, "--repeat", "3")
    assert len({row["key"] for row in told}) == 3
    assert of_echo(place, name, "--repeat", "4", "--print", "rows")[0]["row"] == 4
    assert place.service.accepted == 4


def test_nobody_to_ask_and_nothing_is_sent(place: Place) -> None:
    done = place("batch", FLUX, rows(place, 2), code=2)
    assert "--yes" in done.stderr
    assert place.service.accepted == 0
    assert place.rows == []


def test_what_cannot_be_right_is_found_before_anything_is_sent(place: Place) -> None:
    (place.folder / "bad.csv").write_text("prompt,seed,num_images\nx,1,2\ny,one,2\nz,1,99\n")
    done = place("batch", FLUX, "bad.csv", "--yes", code=4)
    assert 'line 3, column "seed"' in done.stderr
    assert 'line 4, column "num_images"' in done.stderr
    (place.folder / "same.csv").write_text("prompt,who\nx,A\ny,a\n")
    done = place("batch", FLUX, "same.csv", "--yes", "-d", "o/{row.who}.{ext}", code=2)
    assert "lines 2 and 3 would save their files under one name" in done.stderr
    assert place.service.accepted == 0
    assert place.rows == []


def test_without_a_schema_no_column_is_dropped_unsaid(place: Place) -> None:
    place.proxy.fail("pricing", answer(500), times=999)  # the schema is asked of the same host
    name = echoes(place, [{}])
    told = place("batch", ECHO, name, "seed=1", "--yes", code=2).stderr
    assert f"no schema of {ECHO} was found" in told
    assert "such as prompt='{{prompt}}'" in told
    assert place.service.accepted == 0
    told = place("batch", ECHO, name, "n={{n}}", "sandbox={{sandbox}}", "--yes", "--print", "none").stderr
    assert "only what KEY='{{…}}' names is sent" in told
    assert place.service.accepted == 1


def test_rows_fail_alone(place: Place) -> None:
    refused = {"status": 422, "body": {"detail": [{"loc": ["body", "n"], "msg": "no", "type": "value_error"}]}}
    name = echoes(place, [{}, {"fail": refused}, {"fail": {"status": 500, "body": {"detail": "broke"}}}, {}])
    told = {row["row"]: row for row in of_echo(place, name, code=1)}
    assert {number: row["state"] for number, row in told.items()} == {1: "done", 2: "failed", 3: "failed", 4: "done"}
    assert told[1]["result"]["n"] == 0
    assert accepted(place) == [1, 1, 1, 3]  # what broke on its own is tried again, what is wrong is not
    assert of_echo(place, name, code=1)  # and the first of them not in another run either
    assert accepted(place) == [1, 1, 1, 6]


def test_a_wrong_list_is_paid_for_a_few_times(place: Place) -> None:
    refused = {"fail": {"status": 422, "body": {"detail": "no"}}}
    done = place(
        "batch",
        ECHO,
        echoes(place, [refused] * 60),
        "n={{n}}",
        "sandbox={{sandbox}}",
        "--yes",
        "--print",
        "none",
        code=1,
    )
    assert "the first 5 rows all failed" in done.stderr
    assert place.service.accepted <= 5 + 12


def test_lost_answers_are_found_and_not_sent_again(place: Place) -> None:
    place.proxy.fail("submit", lose_answer, times=3)
    told = of_echo(place, echoes(place, [{} for _ in range(6)]))
    assert Counter(row["state"] for row in told) == {"done": 6}
    assert accepted(place) == [1] * 6


def test_an_answer_that_cannot_be_found_is_named(place: Place) -> None:
    place.proxy.fail("submit", lose_answer)
    place.proxy.fail("listing", answer(403, {"detail": "not allowed"}), times=99)
    name = echoes(place, [{}, {}, {}])
    done = place("batch", ECHO, name, "n={{n}}", "sandbox={{sandbox}}", "--yes", "--print", "none", code=10)
    assert "not known: row " in done.stderr
    assert accepted(place) == [1, 1, 1]
    place("batch", "resume", "rows", "--print", "none", code=10)
    assert accepted(place) == [1, 1, 1]


def test_a_429_and_a_lock_are_waited_for(place: Place) -> None:
    place.proxy.fail("submit", answer(429, {"detail": "slow"}, {"Retry-After": "0.3"}), times=2)
    of_echo(place, echoes(place, [{} for _ in range(5)]))
    assert accepted(place) == [1] * 5
    assert place.proxy.count("submit") <= 5 + 4
    locked = {"detail": "User is locked. Reason: Exhausted balance."}
    place.proxy.fail("submit", answer(403, locked), times=99)
    before = place.proxy.count("submit")
    done = place(
        "batch", ECHO, echoes(place, [{} for _ in range(30)], "more.jsonl"), "n={{n}}", "sandbox={{sandbox}}", "--yes",
        "--on-locked", "stop", code=9,
    )  # fmt: skip
    assert "locked" in done.stderr
    assert place.proxy.count("submit") - before <= 5
    assert place.service.accepted == 5


def test_ctrl_c_leaves_what_runs_and_the_same_command_goes_on(place: Place) -> None:
    name = echoes(place, [{"run": 1.0}] * 6)
    words = ("batch", ECHO, name, "n={{n}}", "sandbox={{sandbox}}", "--yes", "--print", "none")
    process = place.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: place.service.accepted >= 4)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"requests go on. To continue: the same command, or fal batch resume rows" in stderr
    place(*words)
    assert accepted(place) == [1] * 6
    assert {row.state for row in place.rows} == {"completed"}


def test_a_program_that_interrupts_one_is_told_how_to_go_on(place: Place) -> None:
    words = ("batch", ECHO, echoes(place, [{"run": 600}] * 2), "n={{n}}", "sandbox={{sandbox}}", "--yes")
    process = place.start("--json", *words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until(lambda: place.service.accepted == 2)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=30)
    told = json.loads(stderr.splitlines()[-1])
    assert process.returncode == told["code"] == 143
    assert (told["kind"], told["again"], told["next"]) == (
        "interrupted",
        "resume",
        ["fal", "batch", "resume", "rows"],
    )


def test_kill_at_random_moments(place: Place) -> None:
    """None is paid twice, none is lost, no half file stays, and the manifest says what the ledger says."""
    count = max(24, 4 * KILLS)
    name = rows(place, count)
    killed(place, "rows", count, FLUX, name)


@pytest.mark.skipif(not FULL, reason="with FAL_TESTS_FULL=1")
def test_kill_of_the_batch_over_a_manifest(place: Place) -> None:
    """The second stage is as safe as the first, and reads what the first one wrote."""
    count = max(20, 4 * KILLS)
    batch(place, FLUX, rows(place, count), AT_ONCE, "--yes", "-d", "pics/{row}.{ext}", "--print", "none")
    killed(place, "big", count, "fal-ai/esrgan", "pics/manifest.jsonl", "image_url={{media[0]}}", "-d", "big/")


def killed(place: Place, folder: str, count: int, *words: str) -> None:
    """Kills a batch of `count` rows at random moments, and looks at what is there once it came to its end.

    The listing lags, so that what was on its way at a kill may stay unknown, and is named then.
    """
    chance = random.Random(os.environ.get("FAL_TESTS_SEED", "7"))
    whole = ("batch", *words, 'sandbox:={"queue":0,"run":0.2}', "--yes", "--print", "none", "--concurrency", "4")
    before = place.service.accepted
    for _ in range(KILLS):
        process = place.start(*whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        at = place.service.accepted
        # When all is sent but one that is looked for, no other is accepted.
        soon(lambda process=process, at=at: place.service.accepted > at or process.poll() is not None, 3)  # type: ignore[misc]
        time.sleep(chance.random() * 0.3)
        process.kill()
        process.wait()
    assert place(*whole, code=None).code in (0, 10)
    assert max(accepted(place)) == 1
    said = {row["row"] for row in manifest(place, folder) if row["state"] == "done"}
    own = [row for row in place.rows if row.endpoint == words[0]]
    done = {row.row_number for row in own if row.state == "completed" and not row.is_open}
    unknown = {row.row_number for row in own if row.state in ("unknown", "sending")} - done
    assert said == done
    assert done | unknown == set(range(1, count + 1))
    assert len(unknown) <= KILLS * 4
    assert place.service.accepted - before <= count
    pictures = [path for path in (place.folder / folder).iterdir() if path.suffix in (".jpg", ".png")]
    assert len(pictures) == len(done)
    assert not list((place.folder / folder).glob(".*.part"))


def test_everything_at_once(place: Place) -> None:
    """Inputs that fail, 429, lost answers, and a lock in the middle: none twice, each row done, failed or named."""
    count, chance = 1000 if FULL else 40, random.Random(7)
    orders = [{"fail": 422} if number % 50 == 7 else {} for number in range(count)]
    name = echoes(place, orders)
    locked_from, seen = count // 2, itertools.count()
    locked: list[float] = []

    def weather(exchange: Exchange) -> None:
        number = next(seen)
        if number >= locked_from and not locked:
            locked.append(time.monotonic() + (6 if FULL else 2))
        if locked and time.monotonic() < locked[0]:
            answer(403, {"detail": "User is locked. Reason: Exhausted balance."})(exchange)
        elif chance.random() < 0.1:
            answer(429, {"detail": "slow"}, {"Retry-After": "0.2"})(exchange)
        elif chance.random() < 0.02:
            lose_answer(exchange)
        else:
            exchange.pass_on()

    place.proxy.fail("submit", weather, times=10**6)
    words = ("batch", ECHO, name, "n={{n}}", "sandbox={{sandbox}}", "--yes", "--print", "none")
    codes = [place(*words, "--max-failures", str(count), code=None).code]
    while len(codes) < 4 and codes[-1] not in (0, 1):
        codes.append(place(*words, "--max-failures", str(count), code=None).code)
    assert max(accepted(place)) == 1
    states = Counter(row.state for row in place.rows if row.batch == "rows" and not row.replaced_by)
    failing = sum("fail" in order for order in orders)
    assert states["failed"] == failing
    assert states["completed"] + states["unknown"] == count - failing
    assert codes[-1] == (10 if states["unknown"] else 1)


def test_a_half_file_of_a_killed_process_is_cleared(tmp_path: Path) -> None:
    mine, others = tmp_path / ".1-0.jpg.b3-0a1b.part", tmp_path / ".1-0.jpg.0a1b.part"
    for path in (mine, others):
        path.write_bytes(b"x")
    clear_parts(tmp_path, "b3-")
    assert not mine.exists()
    assert others.exists()


def test_one_process_a_batch(place: Place) -> None:
    name = echoes(place, [{"run": 5}] * 2)
    words = ("batch", ECHO, name, "n={{n}}", "sandbox={{sandbox}}", "--yes", "--print", "none")
    first = place.start(*words, stderr=subprocess.DEVNULL)
    until(lambda: place.service.accepted == 2)
    assert f"process {first.pid}" in place(*words, code=8).stderr
    assert first.wait(30) == 0
    assert accepted(place) == [1, 1]


def test_shards_share_nothing_and_a_fresh_home_adopts(place: Place) -> None:
    name = echoes(place, [{} for _ in range(12)])
    homes = [str(place.folder / f"home{number}") for number in range(3)]
    for number in (1, 2):
        of_echo(place, name, "--shard", f"{number}/2", "-d", f"o{number}/", env={"FAL_CLI_HOME": homes[number]})
    assert accepted(place) == [1] * 12
    place(
        "batch", ECHO, name, "n={{n}}", "sandbox={{sandbox}}", "--yes", "--adopt", "1d", env={"FAL_CLI_HOME": homes[0]}
    )
    assert accepted(place) == [1] * 12


def test_a_budget_ends_it_and_a_larger_one_goes_on(place: Place) -> None:
    name = rows(place, 6)
    done = place("batch", FLUX, name, AT_ONCE, "--budget", "0.10", "--print", "none", code=12)
    assert "budget" in done.stderr
    assert place.service.accepted == 4
    place("batch", FLUX, name, AT_ONCE, "--budget", "1", "--print", "none")
    assert accepted(place) == [1] * 6


def test_a_folder_is_uploaded_once_and_its_manifest_is_the_next_list(place: Place) -> None:
    batch(place, FLUX, rows(place, 2), AT_ONCE, "--yes", "-d", "pics/{row}.{ext}")
    (place.folder / "pics" / "copy.jpg").write_bytes((place.folder / "pics" / "1.jpg").read_bytes())
    told = batch(place, "fal-ai/esrgan", "pics/", AT_ONCE, "--yes", "-d", "big/")
    assert Counter(row["state"] for row in told) == {"done": 3}
    assert place.service.stats["http"]["upload"] == 2  # two of three have the same bytes
    told = batch(place, "fal-ai/esrgan", "pics/manifest.jsonl", "image_url={{media[0]}}", AT_ONCE, "--yes")
    assert [row["columns"]["seed"] for row in sorted(told, key=lambda row: row["row"])] == ["0", "1"]
    assert (place.folder / "pics-esrgan" / "1-0.png").is_file()


def test_what_there_is_of_batches(place: Place) -> None:
    name = rows(place, 2)
    batch(place, FLUX, name, AT_ONCE, "--yes")
    assert json.loads(place("batch").text)["done"] == 2
    status = json.loads(place("batch", "status", "rows").text)
    assert (status["rows"], status["done"], status["left"], status["is_running"]) == (2, 2, 0, False)
    table = place("batch", "export", "--format", "csv").text.splitlines()
    assert table[0].startswith("prompt,seed,row,state,")
    assert [line.split(",")[:4] for line in table[1:]] == [
        ["picture 0", "0", "1", "done"],
        ["picture 1", "1", "2", "done"],
    ]
    told = list(csv.DictReader(table))
    assert [(row["cost"], row["currency"]) for row in told] == [("0.025", "USD")] * 2
    assert place("batch", "resume", "rows").stderr.splitlines()[-1] == "rows: 2 of 2 rows are done · $0.05 · in rows/"
    place("batch", "rm", "rows")
    assert "no batch" in place("batch", "status", "rows", code=5).stderr
    assert len(place.rows) == 2


def test_an_export_has_the_columns_of_all_rows(place: Place) -> None:
    """A list may say more of some rows than of others, and call a column as we call what became of a row."""
    name = echoes(place, [{}, {}, {}])
    lines = [json.loads(line) for line in (place.folder / name).read_text().splitlines()]
    lines[1] |= {"colour": "red", "state": "Ohio"}
    lines[2] |= {"fal_state": "x", "zoo": "Berlin, the old one"}
    (place.folder / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    of_echo(place, name)
    for form in ("csv", "jsonl"):
        text = place("batch", "export", "--format", form).text
        table = list(csv.DictReader(text.splitlines())) if form == "csv" else list(map(json.loads, text.splitlines()))
        assert [row["fal_fal_state"] for row in table] == ["done"] * 3
        assert [row.get("state") or "" for row in table] == ["", "Ohio", ""]
        assert [row.get("colour") or "" for row in table] == ["", "red", ""]
        assert [row.get("zoo") or "" for row in table] == ["", "", "Berlin, the old one"]
    assert list(table[0])[:2] == ["n", "sandbox"]
    header = place("batch", "export", "--format", "csv").text.splitlines()[0]
    assert header.startswith("n,sandbox,colour,state,fal_state,zoo,row,fal_fal_state,")


def test_two_batches_in_one_folder_have_a_manifest_each_for_good(place: Place) -> None:
    for name in ("first", "second", "first", "second"):
        words = (
            rows(place, 2 if name == "first" else 3),
            AT_ONCE,
            "--yes",
            "-d",
            f"out/{{row}}-{{index}}-{name}.{{ext}}",
        )
        batch(place, FLUX, *words, "--name", name)
    assert sorted(path.name for path in (place.folder / "out").glob("*.jsonl")) == [
        "manifest.jsonl",
        "second.manifest.jsonl",
    ]
    for name, count in (("first", 2), ("second", 3)):
        exported = [json.loads(line) for line in place("batch", "export", name).text.splitlines()]
        assert [Path(row["files"][0]).name for row in exported] == [f"{n}-0-{name}.jpg" for n in range(1, count + 1)]


def test_the_name_of_another_list_is_not_taken(place: Place) -> None:
    batch(place, FLUX, rows(place, 1), AT_ONCE, "--yes")
    (place.folder / "other").mkdir()
    rows(place, 1, name="other/rows.csv")
    assert "--name" in place("batch", FLUX, "other/rows.csv", "--yes", code=2).stderr
    assert place.service.accepted == 1


def test_without_a_ledger_nothing_is_sent(place: Place) -> None:
    (place.home / "file").write_text("no folder")
    done = place("batch", FLUX, rows(place, 1), "--yes", code=2, env={"FAL_CLI_HOME": str(place.home / "file")})
    assert "FAL_CLI_HOME" in done.stderr
    assert place.service.accepted == 0


def test_a_private_batch_keeps_no_input(place: Place) -> None:
    (place.folder / "rows.csv").write_text("prompt\nvery secret words\n")
    batch(place, FLUX, "rows.csv", AT_ONCE, "--yes", "--private")
    kept = [path for path in place.home.rglob("*") if path.is_file() and b"very secret" in path.read_bytes()]
    assert kept == []
    assert b"very secret" not in (place.folder / "rows" / "manifest.jsonl").read_bytes()


def test_history_and_cost_know_of_batches(place: Place) -> None:
    batch(place, FLUX, rows(place, 2), AT_ONCE, "--yes")
    place.queued(n=1)
    told = [json.loads(line) for line in place("history").text.splitlines()]
    assert [row["batch"] for row in told] == [None, "rows", "rows"]
    told = [json.loads(line) for line in place("history", "--batch", "rows").text.splitlines()]
    assert sorted(row["batch_row"] for row in told) == [1, 2]
    done = place("resume", "--print", "none")
    assert "batch" not in done.stderr
    costs = [json.loads(line) for line in place("cost", "--by", "batch").text.splitlines()]
    assert [(line["batch"], line["requests"]) for line in costs if line["batch"] == "rows"] == [("rows", 2)]


def test_several_endpoints_are_one_batch(place: Place) -> None:
    """Every row goes to each of them, what one lacks is left out there, and the same command goes on."""
    both = f"{FLUX},fal-ai/any-llm"
    words = (both, "prompt=a cat", "seed=7", AT_ONCE, "--vary", "num_images=1,2", "--name", "models", "-d", "out/")
    plan = json.loads(place("batch", *words, "--dry-run").text)
    assert [(part["endpoint"], part["rows"], part["to_send"]) for part in plan["endpoints"]] == [
        (FLUX, 2, 2),
        ("fal-ai/any-llm", 2, 2),
    ]
    assert {(one["endpoint"], one["input"], one["rows"]) for one in plan["mismatches"]} == {
        ("fal-ai/any-llm", "seed", 2),
        ("fal-ai/any-llm", "num_images", 2),
    }
    told = batch(place, *words, "--yes")
    assert sorted((row["row"], row["endpoint"], row["state"]) for row in told) == [
        (1, FLUX, "done"),
        (2, "fal-ai/any-llm", "done"),
        (3, FLUX, "done"),
        (4, "fal-ai/any-llm", "done"),
    ]
    asked = {row["row"]: row["input"] for row in told}
    assert {"seed", "num_images"} & set(asked[2]) == set()
    seen = len(place.proxy.seen)
    other_order = (f"fal-ai/any-llm,{FLUX}", *words[1:])
    assert batch(place, *other_order, "--yes") == []
    assert len(place.proxy.seen) == seen
    assert json.loads(place("batch", "status", "models").text)["endpoints"] == [FLUX, "fal-ai/any-llm"]
    costs = [json.loads(line) for line in place("cost", "--by", "endpoint").text.splitlines()]
    assert {line["endpoint"]: line["requests"] for line in costs if "endpoint" in line} == {
        FLUX: 2,
        "fal-ai/any-llm": 2,
    }
    text = (place("gallery", "--batch", "models", "-o", "models.html"), place.folder / "models.html")[1].read_text()
    assert text.index(f">{FLUX}</span><small>2 results") < text.index(">fal-ai/any-llm</span><small>2 results")
    assert text.count('<th scope="row">') == 2
    assert "num_images 2" in text


def test_an_endpoint_that_never_works_stops_the_batch_and_is_told_beside_the_others(place: Place) -> None:
    """Its first five calls are enough, however well the others do; the page says of each why it has no result."""
    why = 'no <script>alert(1)</script> "today"'

    def refuse(exchange: Exchange) -> None:
        if "any-llm" in exchange.seen.request.target:
            answer(422, {"detail": why})(exchange)
        else:
            exchange.pass_on()

    place.proxy.fail("submit", refuse, times=10**6)
    words = (
        f"{FLUX},fal-ai/any-llm",
        "prompt=a cat",
        AT_ONCE,
        "--name",
        "both",
        "--yes",
        "--print",
        "none",
    )
    done = place("batch", *words, "--vary", "seed=1..40", "--concurrency", "1", code=1)
    assert "the first 5 rows of fal-ai/any-llm all failed" in done.stderr
    assert place.service.stats["by_endpoint"][FLUX] <= 6
    done = place("gallery", "--batch", "both", "-o", "both.html")
    assert "5 results" in done.stderr
    assert "without a result: 5 refused" in done.stderr
    found = Page((place.folder / "both.html").read_text())
    check(found)
    failed = found.all("figure", "failed")
    assert [one.one("p", "note").text for one in failed] == [f"Refused: {why}"] * 5


def test_endpoints_that_cannot_be_one_batch(place: Place) -> None:
    for word, told in (
        (f"{FLUX},{FLUX}", f"{FLUX} is named twice"),
        (f"{FLUX},", "before and after each comma"),
        (f"{FLUX},fal-ai/flux/schnel", "no endpoint fal-ai/flux/schnel"),
    ):
        done = place("batch", word, "prompt=x", "--vary", "seed=1..2", "--yes", code=None)
        assert done.code in (2, 5)
        assert told in done.stderr
    assert place.service.accepted == 0


def test_a_lost_answer_is_looked_for_at_its_own_endpoint(place: Place) -> None:
    place.proxy.fail("submit", lose_answer, times=4)
    words = (f"{FLUX},fal-ai/flux/schnell", "prompt=a cat", AT_ONCE, "--vary", "seed=1..2", "--yes", "-d", "o/")
    told = batch(place, *words)
    assert {row["row"]: (row["endpoint"], row["state"]) for row in told} == {
        number: (FLUX if number % 2 else "fal-ai/flux/schnell", "done") for number in (1, 2, 3, 4)
    }
    assert place.service.stats["by_endpoint"] == {FLUX: 2, "fal-ai/flux/schnell": 2}
    home = {"FAL_CLI_HOME": str(place.folder / "fresh")}
    batch(place, *words, "--adopt", "1d", env=home)
    batch(place, *words, "--private", "--name", "hidden")
    assert batch(place, f"fal-ai/flux/schnell,{FLUX}", *words[1:], "--private", "--name", "hidden") == []
    assert place.service.stats["by_endpoint"] == {FLUX: 4, "fal-ai/flux/schnell": 4}
