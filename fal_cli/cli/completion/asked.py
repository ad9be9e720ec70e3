"""What is asked of completion, and what it offers."""

from fal_cli.cli.completion import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from fal_cli.cli.completion.walk import Place

Candidate = tuple[str, str]
"""A word and its description."""


class Asked:
    """A word that is to be completed: where it stands and what was typed of it."""

    def __init__(self, place: "Place", current: str, env: "Mapping[str, str]") -> None:
        self.place = place
        self.current = current
        self.home = home.Home(env, place.given("--profile"), wants_sandbox="--sandbox" in place.options)

    @property
    def endpoint(self) -> str:
        """The endpoint that the words before name; of a request here, its own."""
        place = self.place
        for word, argument in zip(place.words, place.arguments, strict=False):
            if argument[0] == "endpoint":
                return self._meant(word)
            if argument[0] == "call":
                return next((row.endpoint for row in self.home.rows(id_of(word), only_queued=False)), "")
        return next((word for word in place.words if "/" in word and "://" not in word), "")

    def _meant(self, word: str) -> str:
        """The endpoint that a word names, which may be an alias."""
        return word if "/" in word else self.home.aliases().get(word, word).partition(" ")[0]


def id_of(word: str) -> str:
    """What a request id begins with; nothing for the names that stand for one."""
    return "" if "last".startswith(word.lstrip("@")) else word
