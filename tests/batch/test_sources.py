"""Lists are read byte for byte, or refused with the place."""

import json
from pathlib import Path

import pytest

from fal_cli.batch.sources import MOST_CELL_BYTES, opened
from fal_cli.errors import CliError


def cells(tmp_path: Path, name: str, data: bytes) -> list[dict[str, object]]:
    (tmp_path / name).write_bytes(data)
    return [dict(record.cells) for record in opened(str(tmp_path / name)).records()]


def refusal(tmp_path: Path, name: str, data: bytes) -> str:
    with pytest.raises(CliError) as raised:
        cells(tmp_path, name, data)
    assert raised.value.code == 2
    return raised.value.message


@pytest.mark.parametrize(
    "cell",
    ["@home", "{{x}}", "007", "null", " lead", "a\tb", "1e5", "=1+1", "\u202eabc", "ünï", "-", "{}", "[1]", "true"],
)
def test_a_cell_is_the_text_that_it_is(tmp_path: Path, cell: str) -> None:
    assert cells(tmp_path, "a.csv", f"prompt\n{cell}\n".encode()) == [{"prompt": cell}]


def test_quotes_commas_lines_and_carriage_returns(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbfprompt,n\r\n"a ""b"", c",1\r\n"two\r\nlines",2\r\n\r\n'
    assert cells(tmp_path, "a.csv", data) == [{"prompt": 'a "b", c', "n": "1"}, {"prompt": "two\r\nlines", "n": "2"}]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('prompt\n"a\nb"\nc\n')
    assert [record.line for record in opened(str(tmp_path / "a.csv")).records()] == [2, 4]


def test_every_other_kind_of_list(tmp_path: Path) -> None:
    assert cells(tmp_path, "a.tsv", b"p\tn\nx, y\t1\n") == [{"p": "x, y", "n": "1"}]
    assert cells(tmp_path, "a.jsonl", b'{"p": 1.5}\n\n{"p": [true]}\n') == [{"p": 1.5}, {"p": [True]}]
    assert cells(tmp_path, "a.json", b'[{"p": "x"}]') == [{"p": "x"}]
    assert cells(tmp_path, "a.txt", b"one\r\n\n two\n") == [{"prompt": "one"}, {"prompt": " two"}]


def test_a_folder_and_a_pattern_are_their_files(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", ".hidden.png", "list.csv"):
        (tmp_path / name).write_bytes(b"x")
    found = [record.cells["stem"] for record in opened(str(tmp_path)).records()]
    assert found == ["a", "b"]
    assert [record.cells["file"] for record in opened(f"{tmp_path}/a*").records()] == [str(tmp_path / "a.png")]
    with pytest.raises(CliError, match="no file matches"):
        opened(f"{tmp_path}/*.gif")


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n1\n", "line 2: it has 1 cell, and the header has 2"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "line 3: it has 3 cells"),
        ("a.csv", b"a,a\n1,2\n", "line 1: two columns are called 'a'"),
        ("a.csv", b"a,\n1,2\n", "line 1: column 2 of the header has no name"),
        ("a.csv", b'a\n"open\n', "line 2: a quote is never closed"),
        ("a.csv", b'a\n"x"y\n', "line 2: a cell goes on after its closing quote"),
        ("a.csv", b"a\nx\xff\n", "line 2: byte 2 is not UTF-8"),
        ("a.csv", b"a\n" + b"x" * 2000 + b"\nq\0r\n", "line 3: character 2 is a NUL"),
        ("a.csv", b"a\n" + b"x" * (MOST_CELL_BYTES + 1) + b"\n", "line 2: a cell is larger"),
        ("a.csv", "a\nb\n".encode("utf-16"), "line 1, column 1: it is UTF-16"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0", "it is not text but image/png"),
        ("a.csv", b"a;b\n1;2\n", "separated by ;"),
        ("a.jsonl", b'{"a": 1}\n[1]\n', "line 2 is a list"),
        ("a.jsonl", b'{"a": NaN}\n', "line 1 is not JSON"),
        ("a.jsonl", b'{"a": {"b": "x\\u0000"}}\n', 'line 1, column "a": it contains a NUL'),
        ("a.json", b'{"a": 1}', "is not a list"),
        ("a.xlsx", b"PK", "its format is not known"),
    ],
)
def test_what_cannot_be_taken_is_named_with_its_place(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    assert told in refusal(tmp_path, name, data)


def test_a_manifest_gives_its_last_word_of_each_row(tmp_path: Path) -> None:
    told = [(1, "failed"), (2, "done"), (1, "done"), (3, "failed")]
    facts = {"key": "k", "request_id": "r", "files": ["f.png"], "input": {}, "columns": {"c": "x"}}
    lines = [json.dumps({"row": row, "state": state, "media": [f"u{row}"], **facts}) for row, state in told]
    text = "".join(f"{line}\n" for line in lines)
    (tmp_path / "m.jsonl").write_text(text)
    records = list(opened(str(tmp_path / "m.jsonl")).records())
    assert [(record.cells["row"], record.cells["media"], record.cells["c"]) for record in records] == [
        (1, ["u1"], "x"),
        (2, ["u2"], "x"),
    ]
    assert records[1].spares == {"u2": str(tmp_path / "f.png")}
