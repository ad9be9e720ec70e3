"""Which help a command line asks for: `--help`, `fal help`, or a word that needs another behind it.

The pages and their tables are imported only for a command line that wants them.
"""

import os

from fal_cli.cli.completion.walk import Place, step
from fal_cli.cli.help_words import OPTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CALLS = ("run", "submit", "stream", "realtime")
"""Verbs whose help shows the inputs of the endpoint that is named."""

_USUAL_COLUMNS = 80


class HelpRequest:
    """A command's help by its path ("" is the program's), or a topic's page. `endpoint` was named beside `--help`."""

    def __init__(self, *, path: str = "", topic: str = "", endpoint: str = "") -> None:
        self.path = path
        self.topic = topic
        self.endpoint = endpoint

    def lines(self, width: int, *, program: str, color: bool, inputs: "Sequence[str]" = ()) -> "list[str]":
        """What is shown, in lines of at most `width` cells."""
        if self.topic:
            from fal_cli.cli import pages, topics
            from fal_cli.terminal.styles import painted

            return painted(pages.manual(topics.markdown(self.topic), width, color=color), color=color)
        from fal_cli.cli import help_page

        return help_page.lines(self.path, width, program=program, color=color, inputs=inputs)


def asked(words: "Sequence[str]") -> HelpRequest | None:
    """The help that is asked for; None if none is, if it is to be JSON, or if the words make no sense."""
    here, is_asked = Place(), False
    for word in words:
        if not here.waiting and not here.only_words and _asks(word, here):
            is_asked = True
        else:
            step(here, word)
    if "--json" in here.options or "--version" in here.options:
        return None
    if is_asked:
        return _of_command(here)
    if here.path == "help":
        return named(here.words)
    return HelpRequest(path=here.path) if not words or _lacks_command(here) else None


def named(words: "Sequence[str]") -> HelpRequest | None:
    """The help that `fal help` and these words ask for; None if they name neither a command nor a topic."""
    from fal_cli.cli import topics
    from fal_cli.cli.help_table import HELP

    path = " ".join(words)
    topic = topics.named(path)
    if path in HELP and (
        not topic or topic != path
    ):  # a command's own help is one option away, a topic of its name is not
        return HelpRequest(path=path)
    return HelpRequest(topic=topic) if topic else None


def columns(env: "Mapping[str, str]") -> int:
    """How wide the window of stdout is: as `COLUMNS` says, or the terminal."""
    told = env.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(1).columns or _USUAL_COLUMNS
    except OSError:
        return _USUAL_COLUMNS


def _asks(word: str, here: Place) -> bool:
    """Whether a word is `--help`, `-h`, or ends in it behind short options without values: `-qh`."""
    if word in OPTIONS:
        return True
    before = word[1:-1]
    if not before or before.startswith("-") or word[0] != "-" or not word.endswith("h"):
        return False
    options = [here.option(f"-{letter}") for letter in before]
    return all(option is not None and option[1] is None for option in options)


def _lacks_command(here: Place) -> bool:
    """Whether the last word needs a command behind it."""
    if not here.path or here.words or here.waiting:
        return False
    from fal_cli.cli.help_table import HELP

    return bool(HELP[here.path]["needs_command"])


def _of_command(here: Place) -> HelpRequest | None:
    if here.words and not here.arguments:
        return None
    word = here.words[0] if here.path in CALLS and here.words else ""
    return HelpRequest(path=here.path, endpoint=word if _is_endpoint(word) else "")


def _is_endpoint(word: str) -> bool:
    """Whether a word can be an endpoint's, or is an alias."""
    if not word or "=" in word:
        return False
    if "/" in word:
        return True
    from fal_cli.cli.completion.home import Home

    return word in Home(os.environ).aliases()
