"""From the words before the cursor to what may stand at it, by the table of commands."""

from fal_cli.cli.completion.table import TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fal_cli.cli.completion.table import Argument, Option


class Place:
    """Where the cursor is.

    `path` is the command, `words` its positional words so far, `options` what was given to each option. `waiting`
    is the option whose value stands at the cursor; with `only_words` nothing is an option any more.
    """

    def __init__(self) -> None:
        self.path = ""
        self.words: list[str] = []
        self.options: dict[str, list[str]] = {}
        self.waiting = ""
        self.only_words = False

    @property
    def commands(self) -> "Mapping[str, str]":
        """The commands that may stand here; a group's own words make an end of them."""
        return TABLE[self.path][0] if not self.words else {}

    @property
    def arguments(self) -> "Sequence[Argument]":
        return TABLE[self.path][3]

    @property
    def argument(self) -> "Argument | None":
        """What the positional word at the cursor is."""
        found = self.arguments
        if len(self.words) < len(found):
            return found[len(self.words)]
        return found[-1] if found and found[-1][2] else None

    def option(self, name: str) -> "Option | None":
        """What is known of an option by any of its names."""
        for path in (self.path, ""):
            _, options, aliases, _ = TABLE[path]
            found = options.get(aliases.get(name, name))
            if found:
                return found
        return None

    def offered_options(self) -> "Mapping[str, Option]":
        """The options that may still be given, by their long names; the program's own last."""
        own, shared = TABLE[self.path][1], TABLE[""][1]
        offered = {**own, **{name: option for name, option in shared.items() if name not in own}}
        if self.path:
            offered.pop("--version", None)
        return {name: one for name, one in offered.items() if one[3] or self.long_name(name) not in self.options}

    def long_name(self, name: str) -> str:
        for path in (self.path, ""):
            if name in TABLE[path][2]:
                return TABLE[path][2][name]
        return name

    def given(self, name: str) -> str:
        """What was given to an option last; "" if nothing."""
        values = self.options.get(name)
        return values[-1] if values else ""


def place(before: "Sequence[str]") -> Place:
    """Where the word after `before` stands."""
    here = Place()
    for word in before:
        step(here, word)
    return here


def step(here: Place, word: str) -> None:
    """Goes one word on."""
    if here.waiting:
        here.options[here.waiting].append(word)
        here.waiting = ""
    elif here.only_words or not word.startswith("-") or word == "-":
        _positional(here, word)
    elif word == "--":
        here.only_words = True
    else:
        _option(here, word)


def _positional(here: Place, word: str) -> None:
    path = f"{here.path} {word}".strip()
    if not here.words and path in TABLE:
        here.path = path
    else:
        here.words.append(word)


def _option(here: Place, word: str) -> None:
    name, equals, value = word.partition("=")
    option = here.option(name)
    long_name = here.long_name(name)
    given = here.options.setdefault(long_name, [])
    if option is None or option[1] is None:
        return
    if equals:
        given.append(value)
    else:
        here.waiting = long_name
