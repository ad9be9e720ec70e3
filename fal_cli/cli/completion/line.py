"""What a shell has in its line: words without their quoting, and candidates with it.

A candidate may be a stranger's text: a schema's choice, an input's name, a request id. Whatever is put into the line
is escaped for the quote that is open there, so that the shell takes it for one word and runs nothing of it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=@%+,"
_NOT_FINAL = ("=", "/", "@", ".", ",")
"""A candidate that ends so goes on: no space is put after it. The scripts of zsh and fish have the same rule."""
_ESCAPED_IN = {"bash": {"'": "", '"': '"\\$`'}, "fish": {"'": "'\\", '"': '"\\$'}}
"""By shell: the characters that a backslash escapes in each kind of quotes."""
_LEAVING = {"'": {"'": "'\\''"}, '"': {"!": '"\\!"'}}
"""What no backslash escapes in bash's quotes: they are left for it. A `!` would call for a line of the history."""
_MENU_KEYS = ("37", "42")
"""`COMP_TYPE` where bash inserts candidates as they are: none may have its description in it."""
_GAP = "  "
_NARROWEST = 10


class Words:
    """The words of a line up to the cursor. `quote` is the one that is open there, "" if none is.

    `is_closed`: a quote ends there, and with it most likely the word. `is_special`: the last quote was `$'` or `$"`,
    which has rules of its own.
    """

    def __init__(self, text: str, shell: str = "bash") -> None:
        self.words: list[str] = []
        self.quote = ""
        self.is_closed = False
        self.is_special = False
        self._escaped = _ESCAPED_IN[shell]
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
            self.is_special = text[at - 1 : at] == "$"
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
        if text[at] == "\\" and text[at + 1 : at + 2] in tuple(self._escaped[self.quote]):
            self._add(text[at + 1])
            return 2
        self._add(text[at])
        return 1

    def _add(self, text: str) -> None:
        self._word = [] if self._word is None else self._word
        self._word.append(text)


def plain(word: str, quote: str = "", shell: str = "bash") -> str:
    """A word as the program would get it, of which the end is still to be typed; `quote` is one that is open."""
    return Words(quote + word, shell).words[-1]


def bash_reply(given: "Sequence[str]", ask: "Callable[[Sequence[str]], Sequence[tuple[str, str]]]") -> list[str]:
    """Candidates for bash, which breaks words at `=`, `:` and `@` too and replaces the last piece alone.

    `given` are the line up to the cursor, the piece, bash's `COMP_TYPE` and the width of the terminal. Each candidate
    is what takes the piece's place, quoted as bash needs it, and with a space behind it if it is whole; of several
    the descriptions stand behind them, since bash inserts no more than what they have in common.
    """
    line, typed, key, width = (*given, "", "", "", "")[:4]
    found = Words(line)
    words = found.words[1:] or [""]
    piece = plain(typed, found.quote)
    # Where a quote ends bash would replace more than the piece.
    if found.is_closed or (found.quote and found.is_special) or not words[-1].endswith(piece):
        return []
    before = words[-1][: len(words[-1]) - len(piece)]
    insert = _Quoting(found.quote, keeps_home=typed.startswith("~/") and not before)
    offered = [(word[len(before) :], text) for word, text in ask(words) if word.startswith(before)]
    if len(offered) < 2 or key in _MENU_KEYS:
        return [insert.whole(word) for word, _ in offered]
    return _listed(offered, insert, width)


class _Quoting:
    """How bash needs a text where `quote` is open. With `keeps_home` a `~/` at its beginning is meant as such."""

    def __init__(self, quote: str, *, keeps_home: bool) -> None:
        self._quote = quote
        self._home = "~/" if keeps_home and not quote else ""

    def escaped(self, text: str) -> str:
        """The text such that the shell reads it back, and nothing of it runs."""
        if self._home and text.startswith(self._home):
            return self._home + self._all(text[len(self._home) :])
        return self._all(text)

    def whole(self, text: str) -> str:
        """The only candidate, with what comes behind it: readline closes a quote, but not behind another one."""
        escaped = self.escaped(text)
        if self._quote:
            return escaped + (self._quote if escaped.endswith(self._quote) else "")
        return escaped if text.endswith(_NOT_FINAL) else f"{escaped} "

    def _all(self, text: str) -> str:
        quote = self._quote
        if not quote:
            return "".join(one if one in _SAFE or ord(one) > 127 else f"\\{one}" for one in text)
        escaped, leaving = _ESCAPED_IN["bash"][quote], _LEAVING[quote]
        found = "".join(f"\\{one}" if one in escaped else leaving.get(one, one) for one in text)
        return quote + found if found.startswith(quote) else found  # the first takes the place of the one that is open


def _listed(offered: "Sequence[tuple[str, str]]", insert: _Quoting, width: str) -> list[str]:
    """Several candidates, of which bash shows all and inserts what they have in common: that alone is escaped.

    Bash finds that out of what it is given here, so none of the rest may look alike in two of them.
    """
    common = _common([word for word, _ in offered])
    rests = [word[common:] for word, _ in offered]
    shown = [insert.escaped(word[:common]) + rest for (word, _), rest in zip(offered, rests, strict=True)]
    wide = max(map(len, shown))
    room = (int(width) if width.isdigit() else 80) - wide - len(_GAP) - 3
    has_gap = any(rest.startswith(" ") for rest in rests)  # which would have the gap behind a shorter one in common
    if room < _NARROWEST or has_gap or not any(text for _, text in offered):
        return shown
    texts = [f"{_GAP}({_cut(text, room)})" if text else "" for _, text in offered]
    return [word.ljust(wide) + text if text else word for word, text in zip(shown, texts, strict=True)]


def _common(words: "Sequence[str]") -> int:
    """How many characters all of the words begin with, for a readline that ignores case and takes `-` for `_`, too.

    Where letters of both cases are not the same to it, it stops earlier, but never at what was escaped.
    """
    first, *others = (word.replace("-", "_") for word in words)
    at = 0
    while at < len(first) and all(_is_like(first[at], other[at : at + 1]) for other in others):
        at += 1
    return at


def _is_like(one: str, other: str) -> bool:
    return one == other or one.lower() == other.lower() or one.upper() == other.upper()


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
