"""The words that ask for help, and a quick look at whether a command line can ask for it at all."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

OPTIONS = ("-h", "--help")


def may_ask(words: "Sequence[str]") -> bool:
    """Whether it takes `help_request` to tell. Most command lines are a verb and its arguments, and cannot ask.

    A verb that needs a command behind it has none where an option comes next, or nothing.
    """
    has_command = len(words) > 1 and not words[0].startswith("-") and not words[1].startswith("-")
    return not has_command or any(word in ("help", *OPTIONS) or _may_end_in_h(word) for word in words)


def _may_end_in_h(word: str) -> bool:
    """Whether a word may be short options that end in `-h`, such as `-qh`."""
    return word.startswith("-") and word.endswith("h")
