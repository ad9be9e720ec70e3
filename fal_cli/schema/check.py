"""What is wrong with an input by its schema. It refuses what the service would refuse, and misspelt keys."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

from fal_cli.files.attachment import Attachment
from fal_cli.schema.fields import Field, Number, Schema, fits, kind_of, same

Kind = Literal["missing", "unknown", "type", "choice", "range", "multiple", "length"]
_NEAR_KEY = 0.8
_NEAR_CHOICE = 0.5
_SHOWN_CHARACTERS = 60
_MOST_CHOICES = 50
_URLS = ("http://", "https://", "data:")
_SHORT = 2
_REAL_WORDS = ("seed", "speed", "mode", "model", "start", "first", "last", "left", "right", "width", "height", "image",
               "video", "audio", "text", "style", "scale", "steps", "size", "length", "strength", "prompt")  # fmt: skip
_LARGEST_GUESS = 10**15
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_NAMES = {
    "string": "text", "integer": "an integer", "number": "a number", "boolean": "true or false", "array": "a list",
    "object": "an object",
}  # fmt: skip


class Problem(NamedTuple):
    """What is wrong at a path such as `loras.0.scale`; `suggestion` is the nearest right thing, as it is typed."""

    path: str
    message: str
    suggestion: str = ""
    kind: Kind = "type"


def problems(schema: Schema, given: Any) -> list[Problem]:
    """Everything that is wrong with an input; nothing where the schema does not know its inputs.

    A key that the schema does not know is a problem only if it is near one that it knows: endpoints take more than
    they document. Never raises.
    """
    if not schema.inputs:
        return []
    return list(_found(Field("", kinds=("object",), is_required=True, properties=schema.inputs), given, ""))


def missing(schema: Schema, given: Any) -> list[Field]:
    """The inputs that are required and not given, in the model's own order."""
    keys = given if isinstance(given, dict) else {}
    return [field for field in schema.inputs if field.is_required and not field.has_default and field.name not in keys]


def example(field: Field) -> str:
    """What may be typed after `key=`."""
    if field.is_media:
        return "@FILE"
    return "'…'" if field.takes_text else "…"


def undocumented(schema: Schema, given: Any) -> list[str]:
    """The keys of an input that the schema neither knows nor takes for misspelt ones."""
    if not schema.inputs or not isinstance(given, dict):
        return []
    known = [field.name for field in schema.inputs]
    return [key for key in given if key not in known and not _near_key(key, known)]


def mismatch(field: Field, value: Any) -> list[Problem]:
    """What is wrong with a value at the place of a field."""
    return list(_found(field, value, field.name))


def nearest(word: str, words: Sequence[str], cutoff: float = _NEAR_CHOICE) -> str:
    """The word that is spelt most alike, whatever its case; "" if none is near."""
    from difflib import get_close_matches

    plain = {_plain(one): one for one in reversed(words)}
    found = get_close_matches(_plain(word), plain, n=1, cutoff=cutoff)
    return plain[found[0]] if found else ""


def shown(value: Any, most: int = _SHOWN_CHARACTERS) -> str:
    """A value as it is typed, cut where it is long."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "…"
    text = " ".join(text.split()) if isinstance(value, str) else text
    return text if len(text) <= most else f"{text[:most]}…"


def _found(field: Field, value: Any, path: str) -> Iterator[Problem]:
    """The problems of the alternative that comes nearest."""
    if value is None and (field.is_nullable or not field.is_required):
        return  # documents do not always say that an input may be null
    attempts = [list(_of_shape(shape, value, path)) for shape in field.shapes]
    if not all(attempts):
        return
    near = [at for at, shape in enumerate(field.shapes) if fits(shape.kinds, value)]
    near = near or [at for at, shape in enumerate(field.shapes) if shape.choices or shape.is_file]
    if not near:
        yield _wrong_type(field, value, path)
        return
    best = min(near, key=lambda at: len(attempts[at]))
    others = [shape for at, shape in enumerate(field.shapes) if at != best]
    yield from (_or_else(problem, others) if problem.path == path else problem for problem in attempts[best])


def _of_shape(shape: Field, value: Any, path: str) -> Iterator[Problem]:
    if any(same(choice, value) for choice in shape.choices):
        return
    if shape.is_file and isinstance(value, str | Attachment):
        if isinstance(value, str) and not value.startswith(_URLS):
            yield Problem(path, f"expected a URL or an object with one, not {_described(value)}")
        return
    if shape.choices and not isinstance(value, Attachment):
        yield _wrong_choice(shape, value, path)
    elif not fits(shape.kinds, value):
        yield _wrong_type(shape, value, path)
    elif isinstance(value, dict):
        yield from _of_object(shape, value, path)
    elif isinstance(value, list):
        yield from _of_list(shape, value, path)
    elif isinstance(value, str):
        yield from _of_length(path, len(value), shape.min_length, shape.max_length, "character", "characters")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _of_number(shape, value, path)


def _of_object(shape: Field, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
    known = {part.name: part for part in shape.properties}
    missing = [part for part in shape.properties if part.is_required and not part.has_default]
    misspelt = {key: _near_key(key, list(known)) for key in value if key not in known} if shape.others is None else {}
    for key, inner in value.items():
        where = _joined(path, key)
        if misspelt.get(key):
            yield Problem(where, "there is no such input", misspelt[key], "unknown")
        elif part := shape.part(key):
            yield from _found(part, inner, where)
    for part in missing:
        if part.name not in value and part.name not in misspelt.values():
            where = _joined(path, part.name)
            yield Problem(where, "is required", f"{where}={example(part)}", "missing")


def _of_list(shape: Field, value: Sequence[Any], path: str) -> Iterator[Problem]:
    yield from _of_length(path, len(value), shape.min_items, shape.max_items, "entry", "entries")
    if shape.item is not None:
        item = shape.item._replace(is_required=True)
        for place, inner in enumerate(value):
            yield from _found(item, inner, _joined(path, str(place)))


def _of_length(path: str, length: int, least: int | None, most: int | None, unit: str, units: str) -> Iterator[Problem]:
    has = f"has {length} {unit if length == 1 else units}"
    if least is not None and length < least:
        yield Problem(path, f"{has}: the least is {least}", str(least), "length")
    if most is not None and length > most:
        yield Problem(path, f"{has}: the most is {most}", str(most), "length")


def _of_number(shape: Field, value: Number, path: str) -> Iterator[Problem]:
    low, high = shape.minimum, shape.maximum
    above, below = shape.exclusive_minimum, shape.exclusive_maximum
    if low is not None and value < low:
        yield Problem(path, f"{shown(value)} is too small: the least is {shown(low)}", shown(low), "range")
    elif high is not None and value > high:
        yield Problem(path, f"{shown(value)} is too large: the most is {shown(high)}", shown(high), "range")
    elif above is not None and value <= above:
        yield Problem(path, f"{shown(value)} is too small: it has to be above {shown(above)}", kind="range")
    elif below is not None and value >= below:
        yield Problem(path, f"{shown(value)} is too large: it has to be below {shown(below)}", kind="range")
    elif shape.multiple_of is not None:
        yield from _of_step(shape, value, shape.multiple_of, path)


def _of_step(shape: Field, value: Number, step: Number, path: str) -> Iterator[Problem]:
    from decimal import Decimal, DecimalException

    try:
        whole, size = Decimal(str(value)), Decimal(str(step))
        if not whole % size:
            return
        near = size * round(whole / size)
        is_right = not mismatch(shape._replace(multiple_of=None), float(near))
    except (DecimalException, ValueError, OverflowError):
        return  # too large to say
    suggestion = format(near.normalize(), "f") if is_right else ""
    yield Problem(path, f"{shown(value)} is no multiple of {shown(step)}", suggestion, "multiple")


def _wrong_type(field: Field, value: Any, path: str) -> Problem:
    wanted = _listed([_NAMES[kind] for kind in field.kinds])
    return Problem(path, f"expected {wanted}, not {_described(value)}", _as_wanted(field, value))


def _as_wanted(field: Field, value: Any) -> str:
    """A value of the right type that was probably meant, as it is typed; "" if there is none."""
    text = value.strip() if isinstance(value, str) else shown(value)
    guesses: list[Any] = []
    if "boolean" in field.kinds and text.lower() in (*_TRUE, *_FALSE):
        guesses.append(text.lower() in _TRUE)
    if {"integer", "number"} & set(field.kinds) and kind_of(value) in ("string", "number"):
        guesses += _numbers(text)
    if "string" in field.kinds and kind_of(value) in ("integer", "number", "boolean"):
        guesses.append(text)
    if "array" in field.kinds and field.item is not None and not mismatch(field.item, value):
        guesses += [] if isinstance(value, Attachment) else [[value]]
    fitting = [guess for guess in guesses if fits(field.kinds, guess) and not mismatch(field, guess)]
    if not fitting:
        return ""
    return f'"{fitting[0]}"' if isinstance(fitting[0], str) else shown(fitting[0])


def _numbers(text: str) -> list[Number]:
    """The numbers that a text may stand for, exactly and rounded."""
    for make in (int, float):
        with suppress(ValueError, OverflowError):
            exactly: Number = make(text)
            return [exactly, round(exactly)] if abs(exactly) < _LARGEST_GUESS else []
    return []


def _wrong_choice(shape: Field, value: Any, path: str) -> Problem:
    words = [shown(choice) for choice in shape.choices]
    told = f"{_quoted(value)} is not one of {_all_of(words)}" if len(words) > 1 else f"expected {words[0]}"
    return Problem(path, told, nearest(shown(value), words), "choice")


def _or_else(problem: Problem, others: Sequence[Field]) -> Problem:
    """A problem with a list of choices, naming the other things that may stand there."""
    words = [_outlined(other) for other in others] if problem.kind == "choice" else []
    return problem._replace(message=f"{problem.message}, or {_listed(words)}") if words else problem


def _outlined(shape: Field) -> str:
    names = [part.name for part in shape.properties]
    if shape.kinds == ("object",) and names:
        return f"an object with {_listed(names[:4], 'and')}"
    return _all_of([shown(choice) for choice in shape.choices]) or _listed([_NAMES[kind] for kind in shape.kinds])


def _near_key(key: str, known: Sequence[str]) -> str:
    """The known key that a key is a misspelling of."""
    words = _plain(key).split("_")
    return nearest(key, [name for name in known if not _is_another(words, _plain(name).split("_"))], _NEAR_KEY)


def _is_another(words: list[str], known: list[str]) -> bool:
    """Whether a key is another one and no misspelling, however alike: it has a word more or less, another number or
    letter (`image_2`, `top_k`), or in one place another word that is one.
    """
    if len(words) != len(known):
        return _is_longer(words, known)
    different = [(word, other) for word, other in zip(words, known, strict=True) if word != other]
    return any(
        min(len(word), len(other)) <= _SHORT
        or any(map(str.isdigit, word + other))
        or (word in _REAL_WORDS and other not in (f"{word}s", word.removesuffix("s")))
        for word, other in different
    )


def _is_longer(one: list[str], other: list[str]) -> bool:
    """Whether the words of one are all of the other's, and more, at its beginning or end; or the other way round."""
    short, long = sorted((one, other), key=len)
    return len(short) < len(long) and short in (long[: len(short)], long[-len(short) :])


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")


def _described(value: Any) -> str:
    kind = kind_of(value)
    if isinstance(value, Attachment):
        return "a file"
    if kind == "string":
        return f"the text {_quoted(value)}"
    return f"{_NAMES[kind]}" if kind in ("array", "object") else shown(value)


def _quoted(value: Any) -> str:
    return f'"{shown(value)}"' if isinstance(value, str) else shown(value)


def _all_of(words: Sequence[str]) -> str:
    left = len(words) - _MOST_CHOICES
    return ", ".join(words) if left <= 0 else f"{', '.join(words[:_MOST_CHOICES])}, … ({len(words)} in all)"


def _listed(words: Iterable[str], last: str = "or") -> str:
    *most, end = words or [""]
    return f"{', '.join(most)} {last} {end}" if most else end


def _joined(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step
