"""The inputs of an endpoint for completion: their names, and the values that their schema names."""

from fal_cli.cli.completion import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fal_cli.cli.completion.asked import Asked, Candidate
    from fal_cli.schema import Field, Schema

_OPERATORS = (":=@", ":=", "=@", "=", "@")
_LONGEST_DEFAULT = 20
_FILE_ENDINGS = ("_url", "_urls")


def candidates(asked: "Asked") -> "Iterable[Candidate]":
    """What may stand where an input is typed: a name, a value after it, a file after `@`."""
    typed = asked.current
    if typed.startswith("@"):
        return _files("@", typed[1:])
    if typed.startswith(("{", "-")):
        return ()
    key, operator, value = _split(typed)
    if not operator:
        return names(asked)
    if operator.endswith("@"):
        return _files(key + operator, value)
    return _values(asked, key, operator, value)


def is_bare(word: str) -> bool:
    """Whether a word is not an input: no operator is in it."""
    return not _split(word)[1]


def names(asked: "Asked", *, only_texts: bool = False) -> "Iterable[Candidate]":
    """The names of the inputs, required ones first, without those that were given; nested ones after a dot."""
    schemas = _schemas(asked)
    if not schemas:
        taken = _taken(asked)
        return [
            (f"{name}=", "given the last time")
            for name in asked.home.last_input(asked.endpoint)
            if name not in taken and _can_be_typed(name)
        ]
    outer, dot, _ = asked.current.rpartition(".")
    fields = [field for schema in schemas for field in (_below(schema, outer.split(".")) if dot else schema.inputs)]
    return _names(asked, fields, f"{outer}." if dot else "", only_texts)


def _names(asked: "Asked", fields: "Iterable[Field]", before: str, only_texts: bool) -> "Iterator[Candidate]":
    from fal_cli.schema.fields import required_first

    taken = _taken(asked) if not before else set()
    for field in required_first(fields):
        if field.name in taken or (only_texts and not field.takes_any_text) or not _can_be_typed(field.name):
            continue
        if any(not _is_nested(shape) for shape in field.shapes):
            yield f"{before}{field.name}=", _told(field)
        for place, parts in () if only_texts else _parts(field):
            yield f"{before}{field.name}.{place}", f"its {', '.join(part.name for part in parts)}"


def _can_be_typed(name: str) -> bool:
    """Whether a name, which a schema gave, is read as an input's: as no option, no file and no operator."""
    return not name.startswith(("-", "@", "{")) and not _split(name)[1]


def _parts(field: "Field") -> "Iterator[tuple[str, tuple[Field, ...]]]":
    """What stands behind the dot after a field, and the properties that follow: of it, or of the first of its list."""
    for shape in field.shapes:
        if shape.properties:
            yield "", shape.properties
        elif shape.item and shape.item.properties:
            yield "0.", shape.item.properties


def _is_nested(field: "Field") -> bool:
    """Whether it is written by its parts."""
    return bool(field.properties or (field.item and field.item.properties))


def _values(asked: "Asked", key: str, operator: str, value: str) -> "Iterator[Candidate]":
    """The choices of an input, or its default; files for what takes one."""
    field = next(filter(None, (_find(schema, key) for schema in _schemas(asked))), None)
    before = key + operator
    is_media = field.is_media if field else key.endswith(_FILE_ENDINGS)
    if is_media and operator == "=":
        yield from _files(f"{before}@", value)
    if field is None:
        return
    default = _written(field.default) if field.has_default else ""
    offered = [_written(choice) for shape in field.shapes for choice in shape.choices]
    if "boolean" in field.kinds:
        offered += ["true", "false"]
    for text in dict.fromkeys([*offered, default] if not field.takes_any_text or offered else offered):
        if text:
            yield before + text, "the default" if text == default else ""


def _files(before: str, typed: str) -> "list[Candidate]":
    return [(before + path, "") for path in paths.paths(typed)]


def _schemas(asked: "Asked") -> "list[Schema]":
    """The kept schemas of the endpoints that were named."""
    documents = [found for endpoint in asked.endpoints if (found := asked.home.document(endpoint))]
    if not documents:
        return []
    from fal_cli.schema import read

    return [read(*found) for found in documents]


def _find(schema: "Schema", key: str) -> "Field | None":
    from fal_cli.schema import find

    return find(schema, _steps(key))


def _below(schema: "Schema", path: list[str]) -> "Iterable[Field]":
    """The properties of the object at a path."""
    from fal_cli.schema import find

    found = find(schema, [step for part in path for step in _steps(part)])
    return [part for shape in found.shapes for part in shape.properties] if found else ()


def _steps(key: str) -> list[str]:
    """The steps of a path such as `loras.0.path` or `loras[0][path]`."""
    return key.replace("]", "").replace("[", ".").split(".")


def _split(typed: str) -> tuple[str, str, str]:
    """An item at its first operator, as `inputs.items` splits it; no operator where there is none yet."""
    for at in range(len(typed)):
        for operator in _OPERATORS:
            if typed.startswith(operator, at) and typed[at - 1 : at] != "\\":
                return typed[:at], operator, typed[at + len(operator) :]
    return typed, "", ""


def _taken(asked: "Asked") -> set[str]:
    """The inputs that were given before."""
    place = asked.place
    given = [*place.words, *place.options.get("--input", ()), *place.options.get("--text", ())]
    keys = [_split(word)[0] for word in given if _split(word)[1]]
    return {key for key in keys if "." not in key and "[" not in key}


def _told(field: "Field") -> str:
    default = _written(field.default) if field.has_default and field.default is not None else ""
    lead = "required" if field.is_required else f"default {default}" if 0 < len(default) <= _LONGEST_DEFAULT else ""
    return ": ".join(part for part in (lead, field.description or field.title) if part)


def _written(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value) if isinstance(value, int | float) else ""
