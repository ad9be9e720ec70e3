"""What is wrong with an input by its schema. It refuses what the service would surely refuse, and misspelt keys."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

from fal_cli.files.attachment import Attachment
from fal_cli.schema import edits, lax
from fal_cli.schema.fields import Field, Number, Schema, fits, kind_of, same

Kind = Literal["missing", "unknown", "type", "choice", "range", "multiple", "length"]
_SHOWN_CHARACTERS = 60
_MOST_CHOICES = 50
_MOST_PROBLEMS = 1000
_MOST_UNKNOWN = 200
_LARGEST_GUESS = 10**15
_SIZE = re.compile(r"\s*(\d{1,5})\s*[xX×*]\s*(\d{1,5})\s*")
_QUOTES = "\"'“”‘’"
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
    """What is wrong with an input; nothing where the schema does not know its inputs.

    A key that the schema does not know is a problem only if it surely is a misspelling of one that it knows and that
    is not given: endpoints take more than they document. What the document itself gives as a default or an example is
    never wrong. Never raises.
    """
    if not schema.inputs or not schema.is_whole:
        return []
    return list(islice(_found(schema.root, given, ""), _MOST_PROBLEMS))


def missing(schema: Schema, given: Any) -> list[Field]:
    """The inputs that are required and not given, in the model's own order."""
    keys = given if isinstance(given, dict) else {}
    return [field for field in schema.inputs if field.is_required and not field.has_default and field.name not in keys]


def example(field: Field) -> str:
    """What may be typed after `key=`."""
    if field.takes_file:
        return "@FILE"
    return "'…'" if field.takes_text else "…"


def undocumented(schema: Schema, given: Any) -> list[str]:
    """The keys of an input that the schema neither knows nor takes for misspelt ones."""
    if not schema.inputs or not isinstance(given, dict):
        return []
    known = {field.name for field in schema.inputs}
    misspelt = _misspelt(schema.root, given)
    return [key for key in given if key not in known and key not in misspelt]


def mismatch(field: Field, value: Any) -> list[Problem]:
    """What is wrong with a value at the place of a field."""
    return list(islice(_found(field, value, field.name), _MOST_PROBLEMS))


def shown(value: Any, most: int = _SHOWN_CHARACTERS) -> str:
    """A value as it is typed, cut where it is long."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "…"
    text = " ".join(text[: 4 * most].split()) if isinstance(value, str) else text
    return text if len(text) <= most else f"{text[:most]}…"


def _found(field: Field, value: Any, path: str) -> Iterator[Problem]:
    """The problems of the alternative that comes nearest."""
    if any(same(one, value) for one in field.shown):
        return
    if value is None and (field.is_nullable or not field.is_required):
        return  # documents do not always say that an input may be null
    attempts: dict[int, list[Problem]] = {}
    for at in sorted(range(len(field.shapes)), key=lambda at: not fits(field.shapes[at].kinds, value)):
        attempts[at] = list(islice(_of_shape(field.shapes[at], value, path), _MOST_PROBLEMS))
        if not attempts[at]:
            return  # what is wrong with the other alternatives takes long to say
    near = [at for at, shape in enumerate(field.shapes) if fits(shape.kinds, value)]
    near = near or [at for at, shape in enumerate(field.shapes) if shape.choices or shape.is_file]
    near = near or [at for at, shape in enumerate(field.shapes) if lax.takes(shape, value)]
    if not near:
        yield _wrong_type(field, value, path)
        return
    best = min(near, key=lambda at: len(attempts[at]))
    others = [shape for at, shape in enumerate(field.shapes) if at != best]
    yield from (_or_else(problem, value, others) if problem.path == path else problem for problem in attempts[best])


def _of_shape(shape: Field, value: Any, path: str) -> Iterator[Problem]:
    if any(lax.alike(choice, value) for choice in shape.choices):
        return
    if shape.is_file and isinstance(value, str | Attachment):
        if isinstance(value, str) and not _is_address(value):
            yield Problem(path, f"expected a URL or an object with one, not {_described(value)}")
        return
    if shape.choices and not isinstance(value, Attachment):
        yield _wrong_choice(shape, value, path)
    elif not lax.takes(shape, value):
        yield _wrong_type(shape, value, path)
    elif isinstance(value, dict):
        yield from _of_object(shape, value, path)
    elif isinstance(value, list):
        yield from _of_list(shape, value, path)
    elif isinstance(value, str) and shape.takes_text:
        yield from _of_text(shape, value, path)
    elif (number := lax.number(value)) is not None and {"integer", "number"} & set(shape.kinds or ("number",)):
        yield from _of_number(shape, number, value, path)


def _is_address(text: str) -> bool:
    """Whether a text may stand for a file: a URL of any kind, or the file itself."""
    return "://" in text[:_SHOWN_CHARACTERS] or text[:5].lower() == "data:"


def _of_object(shape: Field, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
    misspelt = _misspelt(shape, value)
    for key, inner in value.items():
        where = _joined(path, key)
        if key in misspelt:
            yield Problem(where, "no such input", misspelt[key], "unknown")
        elif part := shape.part(key):
            yield from _found(part, inner, where)
    for part in shape.properties:
        if part.is_required and not part.has_default and part.name not in value and part.name not in misspelt.values():
            where = _joined(path, part.name)
            yield Problem(where, "is required", f"{where}={example(part)}", "missing")


def _misspelt(shape: Field, given: Mapping[str, Any]) -> dict[str, str]:
    """The keys that surely are misspelt, each with the key that was meant. Where any key may stand, none is."""
    known = {part.name for part in shape.properties}
    if shape.others is not None:
        return {}
    free = tuple(part.name for part in shape.properties if part.name not in given)
    unknown = islice((key for key in given if key not in known), _MOST_UNKNOWN)
    return {key: meant for key in unknown if (meant := edits.slip(key, free))}


def _of_list(shape: Field, value: Sequence[Any], path: str) -> Iterator[Problem]:
    yield from _of_length(path, len(value), shape.min_items, shape.max_items, "entry", "entries")
    if shape.item is not None:
        item = shape.item._replace(is_required=True)
        for place, inner in enumerate(value):
            yield from _found(item, inner, _joined(path, str(place)))


def _of_text(shape: Field, value: str, path: str) -> Iterator[Problem]:
    """A service may strip a text before it counts."""
    length = len(value)
    if shape.max_length is not None and length > shape.max_length >= len(value.strip()):
        return
    yield from _of_length(path, length, shape.min_length, shape.max_length, "character", "characters")


def _of_length(path: str, length: int, least: int | None, most: int | None, unit: str, units: str) -> Iterator[Problem]:
    has = f"has {length} {unit if length == 1 else units}"
    if least is not None and length < least:
        yield Problem(path, f"{has}: at least {least}", str(least), "length")
    if most is not None and length > most:
        yield Problem(path, f"{has}: at most {most}", str(most), "length")


def _of_number(shape: Field, number: Number, value: Any, path: str) -> Iterator[Problem]:
    """What is wrong with the number that a value is read as."""
    low, high = shape.minimum, shape.maximum
    above, below = shape.exclusive_minimum, shape.exclusive_maximum
    least, most = _rounded(number, shape, max), _rounded(number, shape, min)  # of the two the one that fits
    if low is not None and least < low:
        yield Problem(path, f"{shown(value)} is too small: at least {shown(low)}", shown(low), "range")
    elif high is not None and most > high:
        yield Problem(path, f"{shown(value)} is too large: at most {shown(high)}", shown(high), "range")
    elif above is not None and least <= above:
        yield Problem(path, f"{shown(value)} is too small: it must be above {shown(above)}", kind="range")
    elif below is not None and most >= below:
        yield Problem(path, f"{shown(value)} is too large: it must be below {shown(below)}", kind="range")
    elif shape.multiple_of is not None:
        yield from _of_step(shape, number, shape.multiple_of, path)


def _rounded(number: Number, shape: Field, choose: Any) -> Number:
    """A number as a service reads it: where it is not an integer it is a float, which may round it."""
    if shape.kinds == ("integer",):
        return number
    try:
        rounded: Number = choose(number, float(number))
    except OverflowError:
        return number
    return rounded


def _of_step(shape: Field, value: Number, step: Number, path: str) -> Iterator[Problem]:
    from decimal import Decimal, DecimalException

    try:
        whole, size = Decimal(str(value)), Decimal(str(step))
        if not whole % size or _is_nearly(float(value), float(step)):
            return
        near = size * round(whole / size)
        is_right = not mismatch(shape._replace(multiple_of=None), float(near))
    except (DecimalException, ValueError, OverflowError):
        return  # too large to say
    suggestion = format(near.normalize(), "f") if is_right else ""
    yield Problem(path, f"{shown(value)} is not a multiple of {shown(step)}", suggestion, "multiple")


def _is_nearly(value: float, step: float) -> bool:
    """Whether a value is a multiple of a step as far as floats can tell."""
    rest = abs(math.fmod(value, step))
    return min(rest, abs(rest - step)) <= max(abs(value), step) / 1e9


def _wrong_type(field: Field, value: Any, path: str) -> Problem:
    wanted = _listed([_NAMES[kind] for kind in field.kinds])
    return Problem(path, f"expected {wanted}, not {_described(value)}", _as_wanted(field, value, path))


def _as_wanted(field: Field, value: Any, path: str) -> str:
    """A value of the right type that was probably meant, as it is typed; "" if there is none."""
    if isinstance(value, Attachment):
        return f"{path}:=@{value.path}" if {"array", "object"} & set(field.kinds) else ""
    if size := _as_size(field, value, path):
        return size
    guesses = [guess for guess in _guesses(field, value) if fits(field.kinds, guess) and not mismatch(field, guess)]
    if not guesses:
        return ""
    return f'"{guesses[0]}"' if isinstance(guesses[0], str) else shown(guesses[0])


def _guesses(field: Field, value: Any) -> Iterator[Any]:
    """What a value of another type may stand for."""
    text = value.strip(f"{_QUOTES} \t\r\n") if isinstance(value, str) else shown(value)
    if "boolean" in field.kinds and (truth := lax.truth(text)) is not None:
        yield truth
    if {"integer", "number"} & set(field.kinds) and kind_of(value) in ("string", "number"):
        number = lax.number(text)
        yield from (number, round(number)) if number is not None and abs(number) < _LARGEST_GUESS else ()
    if "string" in field.kinds and kind_of(value) in ("integer", "number", "boolean"):
        yield text
    if "array" in field.kinds and field.item is not None and not mismatch(field.item, value):
        yield [value]


def _as_size(field: Field, value: Any, path: str) -> str:
    """The two items that a text such as `512x512` stands for, where an object takes a width and a height."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) and len(value) <= _SHOWN_CHARACTERS else None
    if match is None or not {"width", "height"} <= {part.name for part in field.properties}:
        return ""
    return f"{path}.width={match[1]} {path}.height={match[2]}"


def _wrong_choice(shape: Field, value: Any, path: str) -> Problem:
    words = [shown(choice) for choice in shape.choices]
    told = f"{_quoted(value)} is not one of {_all_of(words)}" if len(words) > 1 else f"expected {words[0]}"
    bare = value.strip(_QUOTES) if isinstance(value, str) else value
    return Problem(path, told, edits.nearest(shown(bare), words), "choice")


def _or_else(problem: Problem, value: Any, others: Sequence[Field]) -> Problem:
    """A problem with a list of choices, naming the other things that may stand there."""
    if problem.kind != "choice" or not others:
        return problem
    told = f"{problem.message}, or {_listed([_outlined(other) for other in others])}"
    sizes = [size for other in others if (size := _as_size(other, value, problem.path))]
    return problem._replace(message=told, suggestion=next(iter(sizes), problem.suggestion))


def _outlined(shape: Field) -> str:
    names = [part.name for part in shape.properties]
    if shape.kinds == ("object",) and names:
        return f"an object with {_listed(names[:4], 'and')}"
    return _all_of([shown(choice) for choice in shape.choices]) or _listed([_NAMES[kind] for kind in shape.kinds])


def _described(value: Any) -> str:
    kind = kind_of(value)
    if isinstance(value, Attachment):
        return "a file"
    if kind == "string":
        return f"the text {_quoted(value)}"
    return f"{_NAMES[kind]}" if kind in ("array", "object") else shown(value)


def _quoted(value: Any) -> str:
    """A value as it is told: a text in quotes, of the other kind where it holds some itself."""
    text = shown(value)
    if not isinstance(value, str):
        return text
    return f"'{text}'" if '"' in text else f'"{text}"'


def _all_of(words: Sequence[str]) -> str:
    left = len(words) - _MOST_CHOICES
    return ", ".join(words) if left <= 0 else f"{', '.join(words[:_MOST_CHOICES])}, … ({len(words)} in all)"


def _listed(words: Iterable[str], last: str = "or") -> str:
    *most, end = words or [""]
    return f"{', '.join(most)} {last} {end}" if most else end


def _joined(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step
