"""A project's `fal.toml`: found on the way up, and refused with anything that a stranger may not decide."""

from pathlib import Path

import pytest

from fal_cli.config import paths, project
from fal_cli.errors import UsageError

GOOD = """
budget = "5/day"
[aliases]
poster = "fal-ai/flux/dev image_size=portrait_4_3"
[output]
poster = "posters/{seed}.{ext}"
"fal-ai/flux/dev" = "flux/"
default = "renders/{date}/{id}-{index}.{ext}"
"""


def found_in(env: dict[str, str], folder: Path) -> project.Project | None:
    """The project that a folder is in."""
    path = paths.project(env, str(folder))
    return project.read(Path(path)) if path else None


def test_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "fal.toml").write_text(GOOD)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    found = found_in({}, deep)
    assert found is not None
    assert found.folder == tmp_path
    assert found.budget == "5/day"
    assert found.aliases["poster"].text == "fal-ai/flux/dev image_size=portrait_4_3"
    assert found.template("poster", "fal-ai/flux/dev") == "posters/{seed}.{ext}"
    assert found.template("", "fal-ai/flux/dev") == "flux/"
    assert found.template("", "fal-ai/other") == "renders/{date}/{id}-{index}.{ext}"


def test_the_nearest_one_counts_and_a_variable_turns_it_off(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "fal.toml").write_text('budget = "5/day"')
    (inner / "fal.toml").write_text('budget = "1/day"')
    found = found_in({}, inner)
    assert found is not None
    assert found.budget == "1/day"
    assert found_in({"FAL_NO_PROJECT": "1"}, inner) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param('key = "id:secret"', "'key' is not allowed", id="key"),
        pytest.param('[hosts]\nqueue = "https://evil.example"', "'hosts' is not allowed", id="host"),
        pytest.param('profile = "work"', "'profile' is not allowed", id="profile"),
        pytest.param('[headers]\nx-a = "b"', "'headers' is not allowed", id="header"),
        pytest.param('webhook = "https://evil.example"', "'webhook' is not allowed", id="webhook"),
        pytest.param('private = false', "'private' is not allowed", id="setting"),
        pytest.param('[aliases]\na = "fal-ai/x image_url=@/etc/passwd"', "'@' reads a file", id="upload"),
        pytest.param('[aliases]\na = "fal-ai/x doc@/etc/passwd"', "'@' reads a file", id="upload-operator"),
        pytest.param('[aliases]\na = "fal-ai/x @/etc/passwd"', "'@' reads a file", id="document"),
        pytest.param('[aliases]\na = "fal-ai/x a:=@/etc/passwd"', "'@' reads a file", id="json-file"),
        pytest.param('[aliases]\na = "fal-ai/x a={{media[0]}}"', "'{{' reads another", id="template"),
        pytest.param('[aliases]\na = "fal-ai/x --webhook https://evil.example"', "is an option", id="option"),
        pytest.param('[aliases]\na = "fal-ai/x -H X:y"', "is an option", id="header-option"),
        pytest.param('[aliases]\na = "fal-ai/x -"', "is an option", id="stdin"),
        pytest.param('[aliases]\na = "fal-ai/x in.json"', "is not KEY=VALUE", id="file"),
        pytest.param('[aliases]\na = "http://localhost:8080"', "is an app on a host", id="local"),
        pytest.param('[aliases]\na = "https://evil.example/x"', "use http://localhost", id="elsewhere"),
        pytest.param('[aliases]\n"fal-ai/flux" = "fal-ai/x"', "cannot be an alias", id="shadow"),
        pytest.param('[aliases]\nlast = "fal-ai/x"', "cannot be an alias", id="ref"),
        pytest.param('[aliases]\n110602490-lora = "fal-ai/x"', "cannot be an alias", id="legacy"),
        pytest.param('[aliases]\na = ""', "is not a string with an endpoint", id="empty"),
        pytest.param('[aliases]\na = 7', "is not a string with an endpoint", id="number"),
        pytest.param('[aliases]\na = "fal-ai/x \'open"', "quotation", id="quote"),
        pytest.param('[output]\ndefault = "../{id}.{ext}"', "leaves the project", id="above"),
        pytest.param('[output]\ndefault = "/tmp/{id}.{ext}"', "leaves the project", id="root"),
        pytest.param('[output]\ndefault = "~/.ssh/{id}"', "leaves the project", id="home"),
        pytest.param('[output]\ndefault = ".git/commondir"', "names a hidden", id="hidden-folder"),
        pytest.param('[output]\ndefault = "pics/.{input.name}/x"', "names a hidden", id="hidden-by-a-value"),
        pytest.param('[output]\ndefault = "a/GIT~1/config"', "names a hidden", id="hidden-by-a-short-name"),
        pytest.param('[output]\ndefault = "-"', "leaves the project", id="stdout"),
        pytest.param('[output]\ndefault = "C:\\\\x\\\\{id}"', "leaves the project", id="drive"),
        pytest.param('[output]\ndefault = "a{{b}}"', "'{{' reads another", id="braces"),
        pytest.param('output = "out/"', "is not a table", id="no-table"),
        pytest.param("budget = 5", "is not a string", id="budget"),
        pytest.param('budget = "lots"', "is not a budget", id="budget-text"),
        pytest.param("aliases = 5", "is not a table", id="aliases"),
        pytest.param("= broken", "is not TOML", id="toml"),
        pytest.param("#" + "x" * 70_000, "is too large for", id="size"),
    ],
)  # fmt: skip
def test_what_it_may_not_hold_is_an_error(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "fal.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        found_in({}, tmp_path)
    assert told in caught.value.message
    assert "FAL_NO_PROJECT=1" in caught.value.hint
