"""What may stand at the cursor: commands, options, and the values of options and arguments by what they are."""

from fal_cli.cli.completion import home, paths
from fal_cli.cli.completion.asked import LIST_MARK, Asked, Candidate, id_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fal_cli.cli.completion.walk import Place

_LONGEST_TEXT = 100
_SHORTEST_PART = 3


def candidates(place: "Place", current: str, env: "Mapping[str, str]") -> "list[Candidate]":
    """The words that may stand at the cursor and begin with `current`, each with its description."""
    found: dict[str, str] = {}
    asked = Asked(place, current, env)
    for word, text in _offered(asked):
        if word not in found and _is_typable(word):
            found[word] = text
    fitting = [word for word in found if word.startswith(current)] or _alike_behind(asked.before, current, list(found))
    return [(word, _plain(found[word])) for word in fitting]


def _alike_behind(before: str, current: str, words: list[str]) -> list[str]:
    """The same as `_alike` for what stands behind the whole parts of a list."""
    rests = [word.removeprefix(before) for word in words if word.startswith(before)]
    return [before + rest for rest in _alike(current.removeprefix(before), rests)]


def _alike(current: str, words: list[str]) -> list[str]:
    """Words that hold what was typed, if all of them go on with it: `flux` for the endpoints under `fal-ai/flux`."""
    holding = [word for word in words if len(current) >= _SHORTEST_PART and current in word]
    beginning = min(holding, default="")
    while not all(word.startswith(beginning) for word in holding):
        beginning = beginning[:-1]
    return holding if current in beginning else []


def _offered(asked: Asked) -> "Iterable[Candidate]":
    place, current = asked.place, asked.current
    if place.waiting:
        option = place.option(place.waiting)
        return _values(asked, option[1] or "", option[2]) if option else ()
    if current.startswith("-") and not place.only_words:
        name, equals, value = current.partition("=")
        return _after_equals(asked, name, value) if equals else _options(place)
    argument = place.argument
    offered = [*place.commands.items(), *(_values(asked, argument[0], argument[1]) if argument else ())]
    return [one for one in offered if place.only_words or not one[0].startswith("-")]  # it would be an option


def _options(place: "Place") -> "Iterable[Candidate]":
    return [(name, option[0]) for name, option in place.offered_options().items()]


def _after_equals(asked: Asked, name: str, value: str) -> "Iterable[Candidate]":
    option = asked.place.option(name)
    if option is None or option[1] is None or not name.startswith("--"):
        return ()
    asked.current = value
    return [(f"{name}={word}", text) for word, text in _values(asked, option[1], option[2])]


def _values(asked: Asked, kind: str, choices: "Iterable[str]") -> "Iterable[Candidate]":
    offer = _OFFERS.get(kind)
    return [*((choice, "") for choice in choices), *(offer(asked) if offer else ())]


def _endpoints(asked: Asked) -> "Iterable[Candidate]":
    """Aliases, then those that were called lately, then those of the kept catalogue."""
    if "/" not in asked.current:
        yield from asked.home.aliases().items()
    models = {model.endpoint: model for model in asked.home.models()}
    called = list(asked.home.called_endpoints())
    for endpoint in dict.fromkeys((*called, *models)):
        model = models.get(endpoint)
        yield endpoint, model.text if model else ""


def _endpoint_lists(asked: Asked) -> "Iterable[Candidate]":
    """The endpoints for the part behind the last comma, without those before it."""
    whole, mark, asked.current = asked.current.rpartition(LIST_MARK)
    asked.before = whole + mark
    named = whole.split(LIST_MARK)
    return [(asked.before + name, text) for name, text in _endpoints(asked) if name not in named]


def _aliases(asked: Asked) -> "Iterable[Candidate]":
    return asked.home.aliases().items()


def _requests(asked: Asked) -> "Iterable[Candidate]":
    return _rows(asked, only_queued=True)


def _unfinished_requests(asked: Asked) -> "Iterable[Candidate]":
    return _rows(asked, only_queued=True, prefers_open=True)


def _calls(asked: Asked) -> "Iterable[Candidate]":
    return _rows(asked)


def _unfinished_calls(asked: Asked) -> "Iterable[Candidate]":
    return _rows(asked, prefers_open=True)


def _rows(asked: Asked, *, only_queued: bool = False, prefers_open: bool = False) -> "Iterable[Candidate]":
    """Requests of the ledger, newest first; those that are unfinished, if any are, where only these make sense."""
    typed = id_of(asked.current)
    rows: list[home.Row] = []
    for only_open in (True, False) if prefers_open else (False,):
        found = asked.home.rows(typed, only_queued=only_queued, only_open=only_open, endpoint=asked.endpoint)
        rows = rows or [row for row in found if row.name not in asked.place.words]
    if rows and not typed:
        yield "last", f"the newest: {rows[0].text}"
    for row in rows:
        yield row.name, row.text
    if "/" in asked.current and not asked.place.words:
        yield from _endpoints(asked)


def _endpoints_and_requests(asked: Asked) -> "Iterable[Candidate]":
    yield from _endpoints(asked)
    yield from _requests(asked)


def _inputs(asked: Asked) -> "Iterable[Candidate]":
    from fal_cli.cli.completion import inputs

    return inputs.candidates(asked)


def _sources_and_inputs(asked: Asked) -> "Iterable[Candidate]":
    """The list of a batch, until it is there, and inputs."""
    from fal_cli.cli.completion import inputs

    if not any(inputs.is_bare(word) for word in asked.place.words[1:]):
        yield from _files(asked)
    yield from inputs.candidates(asked)


def _input_texts(asked: Asked) -> "Iterable[Candidate]":
    from fal_cli.cli.completion import inputs

    return inputs.names(asked, only_texts=True)


def _files(asked: Asked) -> "Iterable[Candidate]":
    return [(path, "") for path in paths.paths(asked.current)]


def _folders(asked: Asked) -> "Iterable[Candidate]":
    return [(path, "") for path in paths.paths(asked.current, only_folders=True)]


def _batches(asked: Asked) -> "Iterable[Candidate]":
    return asked.home.batches()


def _profiles(asked: Asked) -> "Iterable[Candidate]":
    return asked.home.profiles()


def _setting_values(asked: Asked) -> "Iterable[Candidate]":
    name = asked.place.words[0] if asked.place.words else ""
    if name == "profile":
        return _profiles(asked)
    known = {"private": ("true", "false"), "on_interrupt": ("detach", "cancel")}
    return [(value, "") for value in known.get(name, ())]


def _categories(asked: Asked) -> "Iterable[Candidate]":
    return [(name, "") for name in sorted({model.category for model in asked.home.models() if model.category})]


_OFFERS: "dict[str, Callable[[Asked], Iterable[Candidate]]]" = {
    "endpoint": _endpoints,
    "endpoint_list": _endpoint_lists,
    "alias": _aliases,
    "request": _requests,
    "unfinished_request": _unfinished_requests,
    "call": _calls,
    "unfinished_call": _unfinished_calls,
    "endpoint_or_request": _endpoints_and_requests,
    "input": _inputs,
    "source_or_input": _sources_and_inputs,
    "input_text": _input_texts,
    "file": _files,
    "directory": _folders,
    "profile": _profiles,
    "batch": _batches,
    "setting_value": _setting_values,
    "category": _categories,
}


def _is_typable(word: str) -> bool:
    """Whether a word can stand in a shell's line, and a terminal obeys nothing of it: strangers name most things.

    Bytes that are not UTF-8 can, as long as they are none when they are written.
    """
    if word.isprintable():
        return bool(word)
    if not "".join(one for one in word if not "\udca0" <= one <= "\udcff").isprintable():
        return False
    return word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == word


def _plain(text: str) -> str:
    """A description on one line, with what a terminal would obey made visible."""
    text = " ".join(text.split())[: _LONGEST_TEXT + 1]
    if not text.isascii() or not text.isprintable():
        from fal_cli.terminal.sanitize import visible

        text = visible(text)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
