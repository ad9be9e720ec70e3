"""The skill: a page that tells a coding agent how to call models with bounded cost. Made of the command tree.

The steps are written by hand in `SKILL.md`; what an option or a command does, and what `again` means, is the program's
own text. An option or a command that is gone fails with `KeyError`.
"""

from pathlib import Path
from string import Template

from fal_cli.cli import topics, tree
from fal_cli.cli.registry import VERBS
from fal_cli.kinds import AGAIN

NAME = "fal"
"""The skill's name, and that of its folder."""

MARK = "<!-- Written by `fal skill install`, which replaces this file. -->"
"""By this line a file is known as ours."""

_TOPICS = ("inputs", "files", "money", "requests", "errors", "agents")
_BATCH = """
## Many calls

One row of a CSV or JSONL file is one call. The same command again goes on, and pays for no row twice:

```sh
fal batch fal-ai/flux/dev cats.csv --budget 5/day -d out/ --yes --json
```

Put `--dry-run` in the place of `--yes` to see the plan and its price first. Each line of stdout is a row: `state`,
`files`, `error`.
"""


def text() -> str:
    """The whole page."""
    page = Template(Path(__file__).with_name("SKILL.md").read_text("utf-8"))
    return page.substitute(
        mark=MARK,
        batch=_BATCH if "batch" in VERBS else "",
        again="\n".join(f"- `{word}`: {meaning}" for word, meaning in AGAIN.items()),
        topics=", ".join(topics.named(topic) or _missing(topic) for topic in _TOPICS),
        **_helps(),
    )


def _helps() -> dict[str, str]:
    """What the options of `run` and some commands do, in the program's own words."""
    options = {option.takes.name: option.takes.help for option in _command("run").options}
    helps = {name.strip("-").replace("-", "_"): options[name] for name in ("--once", "--max-cost", "--budget")}
    return helps | {verb: VERBS[verb].help for verb in ("history", "cost", "cancel")}


def _command(verb: str) -> tree.Command:
    return next(command for command in tree.tree([verb]).walk() if command.path == verb)


def _missing(topic: str) -> str:
    raise KeyError(topic)
