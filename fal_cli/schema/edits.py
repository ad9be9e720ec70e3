"""How far one spelling is from another, in letters: what a word was meant to be, and what is surely a slip."""

import re
from collections.abc import Iterable, Sequence

_LONGEST = 80
_SHORTEST_WORD = 3
_SHORTEST_OWNER = 5
_LONG_WORD = 6
_LONG_KEY = 8
_SEPARATORS = re.compile(r"[_\-\s./]+")
_REAL_WORDS = frozenset(re.findall(r"\w+", """
    audio base batch clip code color colour count crop date depth end face file fill first fps frame fuse gate hand
    height high image input key last left length level light line list load look loop mask match max min mode model
    name node noise none note num output pan part path pause pitch point pose post prompt quality rate ratio right
    role scale scene seed shape shift size skin skip sound source speed start state step stop strength style tag
    task temp test text tile time title tone top track trim type url user value video voice weight width zone zoom
    split
"""))  # fmt: skip
"""Words that inputs are named by. One of them is never a misspelling of another."""


def distance(one: str, other: str, most: int) -> int:
    """How many letters are to be put in, left out, changed, or swapped with their neighbour; `most` + 1 for more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    if one == other:
        return 0
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        here = [row]
        for column, opposite in enumerate(other, 1):
            change = last[column - 1] + (letter != opposite)
            steps = min(here[column - 1] + 1, last[column] + 1, change)
            is_swap = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == opposite
            here.append(min(steps, before[column - 2] + 1) if is_swap else steps)
        if min(here) > most:
            return most + 1
        before, last = last, here
    return min(last[-1], most + 1)


def nearest(word: str, words: Iterable[str]) -> str:
    """The word that differs from `word` in a few letters at most, or goes on where it ends, whatever the case.

    "" if none does.
    """
    wanted = plain(word)
    if not wanted or len(wanted) > _LONGEST:
        return ""
    best, found, beginning = _few(wanted) + 1, "", ""
    for one in words:
        seen = plain(one)
        steps = distance(wanted, seen, best - 1)
        if steps < best:
            best, found = steps, one
        if not beginning and len(wanted) >= _SHORTEST_WORD and seen.startswith(wanted):
            beginning = one
    return found or beginning


def slip(key: str, known: Sequence[str]) -> str:
    """The known key that `key` surely is a misspelling of: a letter or two, in words that mean nothing else.

    "" for a key that may be another one: a word more or less, another number (`image_2`), another word (`mode` and
    `model`), a short one (`top_k` and `top_p`).
    """
    if len(key) > _LONGEST:
        return ""
    rated = [(steps, name) for name in known if (steps := _steps(plain(key), plain(name))) is not None]
    return min(rated, key=lambda one: one[0])[1] if rated else ""


def is_near(path: str, known: str) -> bool:
    """Whether an endpoint's name surely is a misspelling of a known one: a letter or two in what follows the owner, or
    in the owner alone, and no other number.
    """
    (owner, _, rest), (other, _, known_rest) = (plain(one).partition("/") for one in (path, known))
    if not same_numbers(path, known):
        return False
    if rest == known_rest:
        return min(len(owner), len(other)) >= _SHORTEST_OWNER and distance(owner, other, 2) <= _most(other)
    return owner == other and distance(rest, known_rest, 2) <= _most(known_rest)


def plain(text: str) -> str:
    """A name without what does not matter in it."""
    return text.lower().replace("-", "_")


def same_numbers(one: str, other: str) -> bool:
    """Whether two names hold the same numbers: a version more is another thing."""
    return re.findall(r"\d+", one) == re.findall(r"\d+", other)


def _most(known: str) -> int:
    """How many letters may be wrong in a name for it to be surely a misspelling."""
    return 1 if len(known) < _LONG_KEY else 2


def _few(word: str) -> int:
    """How many letters may be wrong in a word for it to be taken for another."""
    return 1 if len(word) < _LONG_WORD else 2 if len(word) < 2 * _LONG_WORD else 3


def _steps(key: str, known: str) -> int | None:
    """By how many letters a key misses a known one; None if it is no slip."""
    if _squeezed(key) == _squeezed(known):
        return 0
    if not same_numbers(key, known):
        return None
    words, others = _SEPARATORS.split(key), _SEPARATORS.split(known)
    most = _most(known)
    if len(words) != len(others):
        steps = distance(_squeezed(key), _squeezed(known), 1)
        return None if steps > 1 or len(known) < _LONG_KEY or _is_longer(words, others) else steps
    pairs = [(word, other) for word, other in zip(words, others, strict=True) if word != other]
    if any(_is_another(word, other) for word, other in pairs):
        return None
    steps = sum(distance(word, other, most) for word, other in pairs)
    return steps if steps <= most else None


def _is_another(word: str, known: str) -> bool:
    """Whether a word that stands where another was wanted is a word of its own."""
    if min(len(word), len(known)) < _SHORTEST_WORD or max(len(word), len(known)) <= _SHORTEST_WORD:
        return True
    return word in _REAL_WORDS and known not in (f"{word}s", word.removesuffix("s"))


def _is_longer(one: list[str], other: list[str]) -> bool:
    """Whether the words of one are the other's and some more, at one end."""
    short, long = sorted((one, other), key=len)
    return short in (long[: len(short)], long[-len(short) :])


def _squeezed(text: str) -> str:
    return _SEPARATORS.sub("", text)
