"""Names made of strangers' words: one safe segment each, inside the folder, none taking another's place."""

import os
import string
import unicodedata
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.files import names as filenames
from fal_cli.files.atomic import Part
from fal_cli.files.names import UnknownField, base_name, fields_of, filled, safe, with_number

DEVICES = ["CON", "PRN", "AUX", "NUL", "COM1", "COM9", "LPT1", "LPT9", "COM¹"]
HOSTILE = st.text(
    st.sampled_from('./\\:*?"<>|~-_ a1\0\n\r\t\x1b\x7f\u202e\u200f\u2066\u00a0\u3000\ufeff\ud800é😀') | st.characters(),
    max_size=300,
)


def is_sane(name: str) -> bool:
    """One visible, printable segment on any system, and no device of Windows."""
    return (
        name not in ("", ".", "..")
        and len(name.encode()) <= filenames.MOST_BYTES
        and not set(name) & set('<>:"|?*\\/')
        and not any(unicodedata.category(character)[0] == "C" for character in name)
        and not any(unicodedata.category(character) in ("Zl", "Zp") for character in name)
        and name == name.strip(" ")
        and not name.endswith(".")
        and name[0] not in ".-~"
        and name.partition(".")[0].strip().upper() not in DEVICES
        and not PureWindowsPath(name).is_reserved()
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("cat.png", "cat.png", id="plain"),
        pytest.param("../../x", "_.._x", id="up"),
        pytest.param("/etc/passwd", "_etc_passwd", id="absolute"),
        pytest.param("C:\\x", "C__x", id="drive"),
        pytest.param("", "file", id="empty"),
        pytest.param("..", "file", id="two dots"),
        pytest.param(" . ", "file", id="spaces and a dot"),
        pytest.param(".bashrc", "bashrc", id="hidden"),
        pytest.param("-rf", "rf", id="an option"),
        pytest.param("~root", "root", id="a home"),
        pytest.param("- x", "x", id="a space after a dash"),
        pytest.param("--.bashrc-of-somebody-else", "bashrc-of-somebody-else", id="hidden behind dashes"),
        pytest.param("a\x00b\x1bc\nd", "a b c d", id="control characters"),
        pytest.param("gpj.\u202exe.png", "gpj. xe.png", id="right to left"),
        pytest.param("CON", "_CON", id="device"),
        pytest.param("nul.txt", "_nul.txt", id="device with an extension"),
        pytest.param("aux.tar.gz", "_aux.tar.gz", id="device with two"),
        pytest.param("com¹.txt", "_com¹.txt", id="device with a superscript"),
        pytest.param("console.txt", "console.txt", id="no device"),
        pytest.param("name.", "name", id="a dot at the end"),
        pytest.param("e\u0301.png", "é.png", id="composed"),
        pytest.param("x" * 300 + ".png", "x" * 196 + ".png", id="300 letters"),
        pytest.param("é" * 300 + ".png", "é" * 98 + ".png", id="600 bytes"),
        pytest.param("a.b c", "a.b c", id="a space"),
    ],
)
def test_safe(text: str, expected: str) -> None:
    assert safe(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a/b/c.png", "c.png", id="path"),
        pytest.param("a\\b\\c.png", "c.png", id="windows path"),
        pytest.param("C:\\x.png", "x.png", id="drive"),
        pytest.param("../../x.png", "x.png", id="up"),
        pytest.param("/a/b/", "b", id="a slash at the end"),
        pytest.param("/", "file", id="root"),
        pytest.param("a/..", "file", id="dots at the end"),
    ],
)
def test_base_name(text: str, expected: str) -> None:
    assert base_name(text) == expected


@settings(deadline=None, max_examples=200)
@given(HOSTILE)
def test_any_text_is_a_sane_name(text: str) -> None:
    assert is_sane(safe(text)), repr(safe(text))
    assert is_sane(base_name(text)), repr(base_name(text))


@settings(deadline=None, max_examples=200)
@given(st.sampled_from([*DEVICES, "con", "nUl"]), st.sampled_from(["", ".", " ", ".txt", ". x", " .txt", ":", "..png"]))
def test_no_device_of_windows(device: str, tail: str) -> None:
    assert is_sane(safe(device + tail)), repr(safe(device + tail))


@settings(deadline=None, max_examples=200)
@given(HOSTILE)
def test_a_sane_name_stays_what_it_is(text: str) -> None:
    once = safe(text)
    assert safe(once) == once


@settings(deadline=None)
@given(st.text(st.sampled_from(string.ascii_letters + "é"), min_size=1, max_size=400), st.sampled_from(["png", "jpeg"]))
def test_the_extension_survives(stem: str, extension: str) -> None:
    assert safe(f"{stem}.{extension}").endswith(f".{extension}")


# Templates


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{name}.{ext}", "a cat.png", id="fields"),
        pytest.param("out/{id}/{index}.{ext}", "out/r1/0.png", id="folders of the user's"),
        pytest.param("{{x}}{index}", "{x}0", id="braces"),
        pytest.param("{endpoint}", "fal-ai-flux-dev", id="a slash in a value"),
        pytest.param("{input.prompt}", "__x-etc", id="a hostile value"),
        pytest.param("{seed}", "_", id="an empty value"),
        pytest.param("../{name}", "../a cat", id="the user may go up"),
    ],
)
def test_filled(template: str, expected: str) -> None:
    values = {"endpoint": "fal-ai/flux/dev", "id": "r1", "index": "0", "name": "a cat", "ext": "png", "seed": ""}
    values["input.prompt"] = "../:\\x/etc"
    assert filled(template, values) == expected


@settings(deadline=None, max_examples=200)
@given(HOSTILE, HOSTILE)
def test_a_value_never_leaves_its_segment(first: str, second: str) -> None:
    path = filled("out/{name}-{seed}.png", {"name": first, "seed": second})
    assert path.startswith("out/")
    assert path.count("/") == 1
    assert "\\" not in path


@settings(deadline=None, max_examples=200)
@given(HOSTILE)
def test_a_value_alone_is_a_sane_name(value: str) -> None:
    assert is_sane(filled("{name}", {"name": value}))


def test_a_field_that_is_unknown() -> None:
    with pytest.raises(UnknownField):
        filled("{nonsense}", {})
    assert fields_of("a{b}{c.d}{{e}}") == ["b", "c.d"]
    with pytest.raises(ValueError, match="'}'"):
        fields_of("a}b")


# Numbers


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        ("cat.png", 0, "cat.png"),
        ("cat.png", 1, "cat_1.png"),
        ("cat.tar.gz", 12, "cat.tar_12.gz"),
        ("cat", 2, "cat_2"),
        (".hidden", 1, ".hidden_1"),
    ],
)
def test_with_number(name: str, number: int, expected: str) -> None:
    assert with_number(name, number) == expected


@settings(deadline=None, max_examples=60)
@given(names=st.lists(HOSTILE, min_size=2, max_size=6))
def test_files_of_any_names_lie_side_by_side(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.mktemp("names")
    placed: list[Path] = []
    for number, name in enumerate(names):
        target = folder / safe(name)
        with Part(target) as part:
            part.write(str(number).encode())
            placed.append(part.place(target, overwrite=False))
    assert {path.parent for path in placed} == {folder}
    assert [path.read_text() for path in placed] == [str(number) for number in range(len(names))]
    assert sorted(os.listdir(folder)) == sorted(path.name for path in placed)


def test_names_that_differ_in_case_alone_do_not_meet(tmp_path: Path) -> None:
    """On a file system that folds case the second is numbered; on this one both stand."""
    for name in ("Cat.png", "cat.PNG", "CAT.png", "cat.png"):
        with Part(tmp_path / name) as part:
            part.write(name.encode())
            assert part.place(tmp_path / name, overwrite=False).read_text() == name
    assert len(os.listdir(tmp_path)) == 4


def test_a_part_is_gone_unless_it_was_placed(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 200)  # the part's own name must not be longer than a name may be
    with Part(target) as part:
        part.write(b"half")
        assert [path.name.startswith(".xxx") for path in tmp_path.iterdir()] == [True]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_placed_file_has_the_mode_that_the_user_wants(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        with Part(tmp_path / "x") as part:
            placed = part.place(tmp_path / "x", overwrite=False)
    finally:
        os.umask(before)
    assert placed.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_is_not_written_through(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "x.png").symlink_to(tmp_path / "victim")
    with Part(tmp_path / "x.png") as part:
        part.write(b"new")
        placed = part.place(tmp_path / "x.png", overwrite=overwrite)
    assert (tmp_path / "victim").read_text() == "precious"
    assert placed.name == ("x.png" if overwrite else "x_1.png")
