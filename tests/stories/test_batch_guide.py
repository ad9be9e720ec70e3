"""Every command of `fal help batch` runs, in the order of the page, as somebody who reads it would type it."""

import json
import re
import shlex
from pathlib import Path

from fal_cli.cli import topics
from tests.conftest import Program, Service


def commands() -> list[list[str]]:
    """The commands of the page: those of its examples, then those of its table."""
    text = topics.markdown("batch").replace("\\\n", "")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    written = [line for block in blocks for line in block.splitlines()]
    written += re.findall(r"^\| `(fal [^`]+)` \|", text, re.MULTILINE)
    return [shlex.split(line)[1:] for line in written]


def test_the_page_is_true(served: Program, service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    (folder / "photos").mkdir(parents=True)
    (folder / "cats.csv").write_text("prompt,seed\na cat,1\n@home,2\n")
    (folder / "zoo.csv").write_text("animal\nowl\n")
    ran = []
    for words in commands():
        process = served.start(*words, cwd=folder, stdin=-3)
        code = process.wait(60)
        expected = 5 if "--attach" in words else 0  # nothing runs here; `test_batch_watch` has something to watch
        assert code == expected, (words, code)
        ran.append(words)
        if "zoo.csv" in words:
            for name in ("a.jpg", "b.jpg"):
                (folder / "photos" / name).write_bytes((folder / "zoo" / "owl.jpg").read_bytes())
    assert len(ran) >= 15
    # Nothing was paid for twice, though three of them are about the same list.
    paid = service.stats["by_endpoint"]
    assert paid == {"fal-ai/flux/dev": 2 + 1 + 4 + 4, "fal-ai/flux/schnell": 4, "fal-ai/esrgan": 2 + 2}
    lines = (folder / "out" / "manifest.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["columns"]["prompt"] for line in lines) == ["@home", "a cat"]
