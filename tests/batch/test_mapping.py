"""Rows become inputs by the schema, and are never looked into again."""

from pathlib import Path
from typing import Any

import pytest

from fal_cli.batch import grid
from fal_cli.batch.mapping import Files, Made, Mapper, check_any, is_of_row
from fal_cli.batch.names import Names
from fal_cli.batch.sources import opened
from fal_cli.errors import MalformedInput, UsageError
from fal_cli.files.attachment import Attachment
from fal_cli.inputs import items
from fal_cli.schema import Field, Schema

SCHEMA = Schema(
    inputs=(
        Field("prompt", ("string",), is_required=True),
        Field("note", ("string",), is_nullable=True),
        Field("seed", ("integer",)),
        Field("strength", ("number",)),
        Field("enable", ("boolean",)),
        Field("image_url", ("string",), is_media=True),
        Field("image_urls", ("array",), item=Field("", ("string",), is_media=True), is_media=True),
        Field("size", ("object",), properties=(Field("width", ("integer",)), Field("height", ("integer",)))),
    )
)


def made(folder: Path, text: str, *words: str, name: str = "a.csv", base: dict[str, Any] | None = None) -> list[Made]:
    (folder / name).write_text(text)
    source = opened(str(folder / name))
    mapper = Mapper(
        source, SCHEMA, [items.split(word) for word in words], base or {}, base or {}, files=Files.below(folder)
    )
    return [mapper.made(record) for record in source.records()]


def inputs(folder: Path, text: str, *words: str, **how: Any) -> list[dict[str, Any]]:
    found = made(folder, text, *words, **how)
    assert [one.problems for one in found] == [[] for _ in found]
    return [one.input_json for one in found]


def test_columns_are_typed_by_the_schema(tmp_path: Path) -> None:
    text = "prompt,seed,strength,enable,size.width,who\n007,7,0.5,yes,640,me\n"
    assert inputs(tmp_path, text) == [
        {"prompt": "007", "seed": 7, "strength": 0.5, "enable": True, "size": {"width": 640}}
    ]


@pytest.mark.parametrize("cell", ["@home", "{{x}}", "\\@x", "null", "true", "[1]", "https://x/y"])
def test_a_text_is_the_cell(tmp_path: Path, cell: str) -> None:
    assert inputs(tmp_path, f"prompt,note\n{cell},{cell}\n") == [{"prompt": cell, "note": cell}]


def test_an_empty_cell_gives_no_input(tmp_path: Path) -> None:
    assert inputs(tmp_path, "prompt,seed\nx,\n") == [{"prompt": "x"}]


def test_items_look_into_the_row(tmp_path: Path) -> None:
    found = inputs(tmp_path, "animal,n\n@cat {{y}},3\n", "prompt=a {{animal}}, {{ n }} times", "seed={{n}}")
    assert found == [{"prompt": "a @cat {{y}}, 3 times", "seed": 3}]


def test_json_keeps_its_types(tmp_path: Path) -> None:
    text = '{"p": {"deep": [1.5]}, "seed": 9, "enable": false}\n'
    found = inputs(tmp_path, text, "prompt=x{{p.deep[0]}}", "size={{p}}", name="a.jsonl")
    assert found == [{"seed": 9, "enable": False, "prompt": "x1.5", "size": {"deep": [1.5]}}]


def test_what_finds_nothing_is_a_problem_of_its_row(tmp_path: Path) -> None:
    found = made(tmp_path, '{"a": 1}\n{"b": 2}\n', "prompt={{a}}", name="a.jsonl")
    assert [len(one.problems) for one in found] == [0, 1]


def test_a_broken_expression_is_found_before_any_row(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput):
        made(tmp_path, "a\n1\n", "prompt={{a[}}")


def test_a_misspelt_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='line 1, column "promt"'):
        made(tmp_path, "promt\nx\n")


def test_a_list_without_any_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("animal\nx\n")
    source = opened(str(tmp_path / "a.csv"))
    without = Mapper(source, SCHEMA, [], {}, {}, files=Files.below(tmp_path))
    with_one = Mapper(source, SCHEMA, [items.split("prompt={{animal}}")], {}, {}, files=Files.below(tmp_path))
    with pytest.raises(UsageError, match="no column"):
        check_any(source, [without])
    check_any(source, [without, with_one])


class TestFiles:
    def test_a_cell_is_a_file_where_a_file_is_wanted(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"x")
        found = inputs(tmp_path, "image_url,prompt\na.png,a.png\nhttps://x/y.png,z\n")
        assert found[0] == {"image_url": Attachment(key="image_url", path=tmp_path / "a.png"), "prompt": "a.png"}
        assert found[1]["image_url"] == "https://x/y.png"

    def test_lists_of_files(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"x")
        found = inputs(tmp_path, '{"prompt": "x", "image_urls": ["a.png", "https://x/y"]}\n', name="a.jsonl")
        assert found[0]["image_urls"] == [Attachment(key="image_urls", path=tmp_path / "a.png"), "https://x/y"]

    @pytest.mark.parametrize("cell", ["/etc/hostname", "../secret.png", "link.png", "missing.png", "folder", "~/x.png"])
    def test_no_other_file_is_read(self, tmp_path: Path, cell: str) -> None:
        folder = tmp_path / "list"
        (folder / "folder").mkdir(parents=True)
        (tmp_path / "secret.png").write_bytes(b"x")
        (folder / "link.png").symlink_to(tmp_path / "secret.png")
        found = made(folder, f"image_url,prompt\n{cell},x\n")
        assert len(found[0].problems) == 1
        assert "image_url" not in found[0].input_json

    def test_a_folder_is_the_only_file_that_has_to_be_given(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"x")
        schema = Schema(inputs=(Field("image_url", ("string",), is_required=True, is_media=True),))
        source = opened(str(tmp_path))
        mapper = Mapper(source, schema, [], {}, {}, files=Files.below(tmp_path))
        found = [mapper.made(record).input_json for record in source.records()]
        assert found == [{"image_url": Attachment(key="image_url", path=tmp_path / "a.png")}]


class TestGrid:
    @pytest.mark.parametrize(
        ("word", "values"),
        [
            ("seed=1..3", (1, 2, 3)),
            ("seed=3..1", (3, 2, 1)),
            ("strength=0..1..0.5", (0, 0.5, 1.0)),
            ('prompt=a,"b, c"', ("a", "b, c")),
            ("seed=7", (7,)),
        ],
    )
    def test_values(self, word: str, values: tuple[object, ...]) -> None:
        assert grid.axis(word, SCHEMA).values == values

    @pytest.mark.parametrize("word", ["seed", "seed=", "seed=1..9..-1", "seed=1..99999999"])
    def test_what_is_no_axis(self, word: str) -> None:
        with pytest.raises(UsageError):
            grid.axis(word, SCHEMA)

    def test_every_call_is_in_one_share(self) -> None:
        shares = [grid.share(f"{number}/3") for number in (1, 2, 3)]
        digests = [bytes([number]) * 32 for number in range(200)]
        assert all(sum(share.holds(digest) for share in shares) == 1 for digest in digests)
        for text in ("0/3", "4/3", "1", "a/b"):
            with pytest.raises(UsageError):
                grid.share(text)


class TestNames:
    def test_a_folder_gets_the_usual_name(self) -> None:
        assert Names("out/", "cats").template == "out/{row}-{index}.{ext}"
        assert Names("", "cats").folder == Path("cats")

    def test_two_rows_of_one_name_are_told_apart(self) -> None:
        names = Names("o/{row.n}.{ext}", "cats")
        one, other = (names.values(row, {"n": n}, {}, "e") for row, n in ((1, "A/x"), (2, "a-X")))
        assert names.target(one) == names.target(other) != ""
        assert names.folder == Path("o")

    def test_no_name_leaves_the_folder(self) -> None:
        names = Names("o/{row.n}.{ext}", "cats")
        assert names.shown(names.values(1, {"n": "../../etc/passwd"}, {}, "e")).startswith("o/")
        assert "/" not in names.shown(names.values(1, {"n": "../../etc/passwd"}, {}, "e")).removeprefix("o/")

    @pytest.mark.parametrize("template", ["o/{what}", "o/{"])
    def test_what_is_no_template(self, template: str) -> None:
        with pytest.raises(UsageError):
            Names(template, "cats")


def test_only_items_with_braces_are_of_the_row() -> None:
    assert is_of_row(items.split("a={{b}}"))
    assert not is_of_row(items.split("a=\\{{b}}"))
    assert not is_of_row(items.split("a:={}"))
