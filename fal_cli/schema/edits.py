"""How far one spelling is from another, in letters: what a word was meant to be, and what is surely a slip."""

import re
from collections.abc import Iterable
from functools import lru_cache

_LONGEST = 80
_SHORTEST_WORD = 3
_SHORTEST_OWNER = 5
_LONG_WORD = 6
_LONG_KEY = 8
_SEPARATORS = re.compile(r"[_\-\s./]+")
_REAL_WORDS = frozenset(re.findall(r"\w+", """
    age angle audio back band base bass batch bbox bboxes beta blue blur body box boxes cam camera captions checker
    checks clip code codec codes color colour combine combined constant content context controller controlnet
    controlnets count crop date decode decoder deep depth detail detailed details detect detected detection
    difference direction downsample dsize emotion emotional emotions enable enabled encoder end enhance enhancer eta
    extract extracted face fast female file files fill first focal font format fps frame front frontal full fuse
    gate gender generate generated global hand height high image img inference influence info input interpolated
    interpolation interpolator invert keep key lang last left length level light lighting line list load local
    location long look loop lora male mask match max mesh min mode model mono more motion motions move name need
    negative next node noise none note num optimize optimizer options origin original output page pan part pass path
    pause person pitch point pose position positive post pred prediction preference preprocess preprocessed
    preprocessor prompt quality rate ratio red reduction ref reference refine refiner reflection reformat relative
    remove removed render rendered reranking resample rescale revert right role rot rotation sample sampler samples
    scale scaled scene schedule scheduler score section sections seed segment segmented segments selection
    selections shape shift short shot show side size skin skip sound source speed splat split start state stems step
    steps stereo still stop strength structure structured style tag target task temp test text texture textured
    textures tile tiles tiling time timestamp timestamps timestep timesteps title tone top track transparency
    transparent trim turn type upscale url use used user value variance variant version vertical vertices video
    voice weight weighting wide width with word zone zoom
"""))  # fmt: skip
"""Words that inputs are named by and that others look like. One of them is never a misspelling of another."""


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


def slip(key: str, known: tuple[str, ...]) -> str:
    """The known key that `key` surely is a misspelling of: a letter or two, in words that mean nothing else.

    "" for a key that may be another one: a word more or less, another number (`image_2`), another word (`mode` and
    `model`), a short one (`top_k` and `top_p`).
    """
    return _slip(key, known) if len(key) <= _LONGEST else ""


@lru_cache(maxsize=256)  # the rows of a list have the same keys
def _slip(key: str, known: tuple[str, ...]) -> str:
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
    """By how many letters a key misses a known one; None if it is not a slip."""
    if _squeezed(key) == _squeezed(known):
        return 0
    if not same_numbers(key, known):
        return None
    words, others = _SEPARATORS.split(key), _SEPARATORS.split(known)
    most = _most(known)
    if len(words) != len(others):
        return None
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


def _squeezed(text: str) -> str:
    return _SEPARATORS.sub("", text)
