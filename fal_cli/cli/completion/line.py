"""What a shell has in its line: words without their quoting, and candidates with it."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=@%+,"
_NOT_FINAL = ("=", "/", "@", ".", ",")
"""A candidate that ends so goes on: no space is put after it. The scripts of zsh and fish have the same rule."""
_MENU_KEYS = ("37", "42")
"""`COMP_TYPE` where bash inserts candidates as they are: none may have its description in it."""
_GAP = "  "
_NARROWEST = 10


class Words:
    """The words of a line up to the cursor. `quote` is the one that is open there, "" if none is.

    `is_closed`: a quote ends there, and with it most likely the word.
    """

    def __init__(self, text: str) -> None:
        self.words: list[str] = []
        self.quote = ""
        self.is_closed = False
        self._word: list[str] | None = None
        at = 0
        while at < len(text):
            self.is_closed = False
            at += self._quoted(text, at) if self.quote else self._bare(text, at)
        self.words.append("".join(self._word or ()))

    def _bare(self, text: str, at: int) -> int:
        """Takes what stands at `at` outside of quotes; how many characters that were."""
        character = text[at]
        if character in " \t\n":
            if self._word is not None:
                self.words.append("".join(self._word))
            self._word = None
        elif character in "'\"":
            self._add("")
            self.quote = character
        elif character == "\\":
            self._add(text[at + 1 : at + 2])
            return 2
        else:
            self._add(character)
        return 1

    def _quoted(self, text: str, at: int) -> int:
        """The same inside of quotes."""
        if text[at] == self.quote:
            self.quote, self.is_closed = "", True
            return 1
        if text[at] == "\\" and self.quote == '"' and text[at + 1 : at + 2] in tuple('"\\$`'):
            self._add(text[at + 1])
            return 2
        self._add(text[at])
        return 1

    def _add(self, text: str) -> None:
        self._word = [] if self._word is None else self._word
        self._word.append(text)


def plain(word: str, quote: str = "") -> str:
    """A word as the program would get it, of which the end is still to be typed; `quote` is one that is open."""
    return Words(quote + word).words[-1]


def bash_reply(given: "Sequence[str]", ask: "Callable[[Sequence[str]], Sequence[tuple[str, str]]]") -> list[str]:
    """Candidates for bash, which breaks words at `=`, `:` and `@` too and replaces the last piece alone.

    `given` are the line up to the cursor, the piece, bash's `COMP_TYPE` and the width of the terminal. Each candidate
    is what takes the piece's place, quoted as bash needs it, and with a space behind it if it is whole; of several
    the descriptions stand behind them, since bash inserts no more than what they have in common.
    """
    line, piece, key, width = (*given, "", "", "", "")[:4]
    found = Words(line)
    if found.is_closed:  # what bash would replace then is more than the piece
        return []
    words = found.words[1:] or [""]
    piece = plain(piece, found.quote)
    kept = len(words[-1]) - len(piece) if words[-1].endswith(piece) else 0
    before = words[-1][:kept]
    offered = [(word[kept:], text) for word, text in ask(words) if word.startswith(before)]
    if len(offered) < 2 or key in _MENU_KEYS:
        return [_escaped(word, found.quote) + _behind(word, found.quote) for word, _ in offered]
    return _listed(offered, found.quote, width)


def _listed(offered: "Sequence[tuple[str, str]]", quote: str, width: str) -> list[str]:
    """Several candidates, of which bash shows all and inserts what they have in common: that alone is escaped."""
    common = _common([word for word, _ in offered])
    shown = [_escaped(common, quote) + word[len(common) :] for word, _ in offered]
    wide = max(map(len, shown))
    room = (int(width) if width.isdigit() else 80) - wide - len(_GAP) - 3
    if room < _NARROWEST or not any(text for _, text in offered):
        return shown
    texts = [f"{_GAP}({_cut(text, room)})" if text else "" for _, text in offered]
    return [word.ljust(wide) + text if text else word for word, text in zip(shown, texts, strict=True)]


def _common(words: "Sequence[str]") -> str:
    """What all of the words begin with."""
    first, last = min(words), max(words)
    at = 0
    while at < min(len(first), len(last)) and first[at] == last[at]:
        at += 1
    return first[:at]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _escaped(text: str, quote: str) -> str:
    """A text as bash needs it in a line where `quote` is open; a `~` at its beginning is meant as such."""
    if quote:
        return text
    escaped = "".join(one if one in _SAFE or ord(one) > 127 else f"\\{one}" for one in text)
    return escaped[1:] if text.startswith("~") else escaped


def _behind(text: str, quote: str) -> str:
    """What comes behind a candidate: bash itself closes a quote."""
    return "" if quote or text.endswith(_NOT_FINAL) else " "
