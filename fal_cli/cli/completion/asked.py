"""What is asked of completion, and what it offers."""

from fal_cli.cli.completion import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from fal_cli.cli.completion.walk import Place

Candidate = tuple[str, str]
"""A word and its description."""
LIST_MARK = ","
"""What stands between the endpoints of a list."""


class Asked:
    """A word that is to be completed: where it stands and what was typed of it.

    `before` is what the candidates begin with and nobody looks for: in a list the parts that are whole.
    """

    def __init__(self, place: "Place", current: str, env: "Mapping[str, str]") -> None:
        self.place = place
        self.current = current
        self.before = ""
        self.home = home.Home(env, place.given("--profile"), wants_sandbox="--sandbox" in place.options)

    @property
    def endpoint(self) -> str:
        """The endpoint that the words before name, the first of several; of a request here, its own."""
        return next(iter(self.endpoints), "")

    @property
    def endpoints(self) -> "list[str]":
        """The endpoints that the words before name: several of a list."""
        place = self.place
        for word, argument in zip(place.words, place.arguments, strict=False):
            if argument[0] == "endpoint":
                return [self._meant(word)]
            if argument[0] == "endpoint_list":
                return [self._meant(part) for part in word.split(LIST_MARK) if part]
            if argument[0] == "call":
                return [row.endpoint for row in self.home.rows(id_of(word), only_queued=False)[:1]]
        return [word for word in place.words if "/" in word and "://" not in word][:1]

    def _meant(self, word: str) -> str:
        """The endpoint that a word names, which may be an alias."""
        return word if "/" in word else self.home.aliases().get(word, word).partition(" ")[0]


def id_of(word: str) -> str:
    """What a request id begins with; nothing for the names that stand for one."""
    return "" if "last".startswith(word.lstrip("@")) else word
