"""Short names of endpoints, a project's file, and a word of a model's name: what is called, and what is told of it."""

import json
from pathlib import Path

from tests.conftest import Program
from tests.support.desk import Desk
from tests.support.pseudo_terminal import Screen

QUICK = ("sandbox.queue=0", "sandbox.run=0")


def test_an_alias_is_kept_listed_completed_and_taken_away(fal: Program) -> None:
    fal("alias", "set", "poster", "fal-ai/flux/dev", "image_size=portrait_4_3")
    fal("config", "set", "private", "true")  # the same file, which keeps both
    (listed,) = [json.loads(line) for line in fal("alias", "list").text.splitlines()]
    assert (listed["name"], listed["items"]) == ("poster", ["image_size=portrait_4_3"])
    assert "poster" in fal("__complete", "words", "run", "po").text
    fal("alias", "rm", "poster")
    assert fal("alias", "list").text == ""
    fal("alias", "rm", "poster", code=5)


def test_a_name_that_is_an_endpoint_cannot_be_one(fal: Program) -> None:
    for name in ("a/b", "110602490-lora", "last", "-x", ""):
        fal("alias", "set", "--", name, "fal-ai/flux/dev", code=2)
    fal("alias", "set", "x", "not an endpoint", code=2)
    fal("alias", "set", "x", "fal-ai/flux/dev", "no item", code=2)


def test_a_call_by_its_alias(served: Program, tmp_path: Path) -> None:
    served("alias", "set", "poster", "fal-ai/flux/dev", "image_size=portrait_4_3", *QUICK)
    done = served("run", "poster", "a cat")
    assert [done.text.count(text) for text in ('"width":768', '"width": 768')] != [0, 0]


def test_a_project_says_where_files_are_saved_and_no_link_leads_out(served: Program, tmp_path: Path) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (project / "fal.toml").write_text('[output]\ndefault = "renders/{index}.{ext}"')
    desk = Desk(served, project)
    done = desk("run", "fal-ai/flux/dev", "a cat", *QUICK)
    assert done.stderr.count("files are saved as renders/{index}.{ext}") == 1
    assert [path.name for path in (project / "renders").iterdir()] == ["0.jpg"]
    desk("run", "fal-ai/flux/dev", "a cat", *QUICK, "--private")
    assert len(list((project / "renders").iterdir())) == 1
    (project / "fal.toml").write_text('[output]\ndefault = "link/{index}.{ext}"')
    (project / "link").symlink_to(outside)
    desk("run", "fal-ai/flux/dev", "a cat", *QUICK, code=11)
    assert list(outside.iterdir()) == []


def test_the_budget_of_a_project_only_lowers(served: Program, tmp_path: Path) -> None:
    desk = Desk(served, tmp_path)
    (tmp_path / "fal.toml").write_text('budget = "0.01/day"')
    done = desk("run", "fal-ai/flux/dev", "a cat", *QUICK, "--budget", "100/day", code=12)
    assert "a budget of 0.01/day applies here" in done.stderr
    (tmp_path / "fal.toml").write_text('budget = "100/day"')
    desk("run", "fal-ai/flux/dev", "a cat", *QUICK, "--budget", "0.01/day", code=12)
    desk("run", "fal-ai/flux/dev", "a cat", *QUICK)


def test_a_hostile_project_is_refused_before_anything_is_sent(served: Program, tmp_path: Path) -> None:
    (tmp_path / "fal.toml").write_text('webhook = "https://evil.example"')
    desk = Desk(served, tmp_path)
    done = desk("run", "fal-ai/flux/dev", "a cat", code=2)
    assert "'webhook' is not allowed in a fal.toml" in done.stderr
    assert "FAL_NO_PROJECT=1" in done.stderr
    desk("run", "fal-ai/flux/dev", "a cat", *QUICK, env={"FAL_NO_PROJECT": "1"})


def test_a_word_of_a_models_name_is_asked_about(served: Program, tmp_path: Path) -> None:
    screen = Screen([*served.argv, "run", "flux", "a cat", *QUICK], served.env, columns=100, cwd=tmp_path)
    screen.until(lambda text: "Which one" in text)
    assert "1  fal-ai/flux/" in screen.text
    screen.press(b"0\n")
    screen.until(lambda text: text.count("Which one") == 2)
    screen.press(b"fal-ai/flux/dev\n")
    assert screen.finish() == 0
    assert "fal-ai/flux/dev request" in screen.text


def test_nothing_chosen_is_nothing_sent(served: Program, tmp_path: Path) -> None:
    screen = Screen([*served.argv, "run", "flux", "a cat"], served.env, columns=100, cwd=tmp_path)
    screen.until(lambda text: "Which one" in text)
    screen.press(b"\n")
    assert screen.finish() == 2
    assert "fal models flux" in screen.text
