"""Strangers' text behind TAB, in real shells: nothing of it runs, and the program gets it as one word as it is.

A schema names choices and inputs, a service request ids, a catalogue endpoints and categories, a file profiles.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fal_cli.api.catalog_entry import Model
from fal_cli.catalog import models, store
from fal_cli.config import paths
from fal_cli.config.toml import dumps
from fal_cli.files.cache import Cache
from fal_cli.ledger.rows import Call
from fal_cli.ledger.store import Ledger
from tests.cli.completion import tour
from tests.cli.completion.conftest import Offer
from tests.support import filled_home as home

E = "evil/app"
TEXTS = (
    "$(touch PWN)",
    "`touch PWN`",
    '";touch PWN;"',
    "';touch PWN;'",
    '\\";touch PWN;\\"',
    "\\';touch PWN;\\'",
    "!!:$ !touch!",
    "&touch PWN&|touch PWN;>PWN",
    "~root/ ~",
    "* ?[a-z]{a,b} #x",
    "${x:=$(touch PWN)} $HOME",
    "$'\\x27;touch PWN;'$\"$(touch PWN)\"",
    "a  b \\",
    "é日本 <(touch PWN) =ls ^a^b %1 (x)",
    '"',
    "'",
)
MIXED = ("$(touch PWN)`touch PWN`\";touch PWN;\"';touch PWN;'", "\\$(touch PWN)\\`touch PWN`!! ~ \\'\\\"")
ALIKE = (
    "AB$(touch PWN)x", "ab$(touch PWN)y", "aB", "aB ", "aB  ($(touch PWN))", "a_b`touch PWN`1", "a-b`touch PWN`2",
    "z$(touch PWN)1", "z$(touch PWN)2", 'z";touch PWN;"', "z';touch PWN;'",
)  # fmt: skip
UNSEEN = ("\x1b[2J", "a\rb", "a\nb", "\x9bx", "\u202ex", "\u200bx", "\udc9bx", "\udcc2\udc9bx", "a\tb")
QUOTES = {"bare": "", "double": '"', "single": "'", "dollar": "$'"}
CELLS = [
    pytest.param(shell, quote, id=f"{shell}-{name}")
    for shell in ("bash", "zsh", "fish")
    for name, quote in QUOTES.items()
    if name != "dollar" or shell == "zsh"  # bash offers nothing there, and fish has none
]


@pytest.fixture
def hostile(env: dict[str, str]) -> dict[str, str]:
    """A home where everything that can be named is named by somebody hostile."""
    folder = store.folder_of(env, store._host_name(home.API))
    Cache(folder / "schemas").write(E, json.dumps(_document()).encode(), seconds=0, facts={"title": "", "category": ""})
    bad = [Model(f"evil/e{number}{text}") for number, text in enumerate(MIXED)]
    bad += [Model(f"evil/k{number}", text, f"k{number}{text}") for number, text in enumerate(MIXED)]
    models._keep_list(Cache(folder), [*home.MODELS, *bad], is_whole=True)
    ledger = Ledger(paths.state_folder(env) / "ledger.db")
    for number, text in enumerate(MIXED):
        ledger.accepted(ledger.begin(Call("fal-ai/flux/dev", {"prompt": text})), f"r{number}{text}", {})
    ledger.begin(Call("evil/$(touch PWN)", {}))
    ledger.begin(Call("fal-ai/esrgan", dict.fromkeys((f"l{number}{text}" for number, text in enumerate(MIXED)), 1)))
    ledger._db.close()
    profiles = {f"p{number}{text}": {"key_id": "x"} for number, text in enumerate(MIXED)}
    Path(paths.profiles(env, in_sandbox=False)).write_text(dumps({"profiles": profiles}))
    return env


def _document() -> Mapping[str, object]:
    """A schema with each text as the only choice of an input, as one of many, and in the name of an input."""
    alone = {f"alone{number}": {"type": "string", "enum": [text]} for number, text in enumerate(TEXTS)}
    many = {"type": "string", "enum": [f"c{number}{text}" for number, text in enumerate(MIXED)]}
    named = {f"n{number:02}{text}": {"type": "integer", "description": text} for number, text in enumerate(TEXTS)}
    unseen = {"type": "string", "enum": ["u", *(f"u{text}" for text in UNSEEN)]}
    alike = {"type": "string", "enum": ALIKE}
    options = {"-o": {"type": "string"}, "@/etc/passwd": {"type": "string"}, "x@/etc/passwd": {"type": "string"}}
    properties = {**alone, "many": many, **named, "unseen": unseen, "alike": alike, **options}
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": properties}}}}
    return {"openapi": "3.0.0", "paths": {f"/{E}": {"post": {"requestBody": body, "responses": {}}}}}


@pytest.fixture
def prompt(shell: str, hostile: Mapping[str, str], tmp_path: Path, setting: str = "") -> Iterator[tour.Prompt]:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    found = tour.Prompt(shell, hostile, tmp_path, setting=setting)
    yield found
    found.end()


def offered(name: str, text: str) -> bool:
    """Whether a name can be an input's: what ends a name, or opens something else, cannot stand in one."""
    return not set(name + text) & set("=@")


@pytest.mark.parametrize(("shell", "quote"), CELLS)
def test_nothing_runs_and_the_word_arrives(prompt: tour.Prompt, shell: str, quote: str) -> None:
    typed = [
        (f"fal run {E} alone{number}={quote}", ["run", E, f"alone{number}={text}"]) for number, text in enumerate(TEXTS)
    ]
    for number, text in enumerate(MIXED):
        typed += [(f"fal run {E} {quote}many=c{number}", ["run", E, f"many=c{number}{text}"])]
    for number, text in enumerate(TEXTS):
        typed += [(f"fal run {E} {quote}n{number:02}", ["run", E, f"n{number:02}{text}="])] * offered("n", text)
    for number, text in enumerate(MIXED):
        typed += [
            (f"fal upload {quote}f{number}", ["upload", f"f{number}{text}"]),
            (f"fal status {quote}r{number}", ["status", f"r{number}{text}"]),
            (f"fal --profile {quote}p{number}", ["--profile", f"p{number}{text}"]),
            (f"fal models --category {quote}k{number}", ["models", "--category", f"k{number}{text}"]),
            (f"fal models --category={quote}k{number}", ["models", f"--category=k{number}{text}"]),
            (f"fal run fal-ai/esrgan {quote}l{number}", ["run", "fal-ai/esrgan", f"l{number}{text}="]),
        ]
    for number, text in enumerate(MIXED):
        (prompt.files / f"f{number}{text}").touch()
    before = sorted(prompt.files.iterdir())
    wrong = []
    for line, words in typed:
        is_open = words[-1].endswith("=") and shell != "bash"  # whose readline closes the quote of any only candidate
        got = prompt.words(f"{line}\t{quote[-1:] * is_open}\r")
        wrong += [(line, got, words)] * (got != words)
    assert wrong == []
    assert sorted(prompt.files.iterdir()) == before


LISTS = {
    "bash": (
        "",
        "bind 'set completion-ignore-case on'",
        "bind 'set completion-ignore-case on'; bind 'set completion-map-case on'; bind 'set show-all-if-ambiguous on'",
        "bind 'set show-all-if-unmodified on'; bind 'set completion-ignore-case on'",
        "bind 'set skip-completed-text on'; bind 'TAB:menu-complete'",
        "bind 'TAB:insert-completions'",
    ),
    "zsh": (
        "",
        "zstyle ':completion:*' matcher-list 'm:{{a-zA-Z-_}}={{A-Za-z_-}}' 'r:|=* l:|=*'",
        "setopt menucomplete",
        "zmodload zsh/complist; zstyle ':completion:*' menu yes select",
    ),
    "fish": ("",),
}


@pytest.mark.parametrize(
    ("shell", "setting"),
    [pytest.param(shell, one, id=f"{shell}-{number}") for shell in LISTS for number, one in enumerate(LISTS[shell])],
)
def test_nothing_of_a_list_runs(prompt: tour.Prompt, shell: str, setting: str) -> None:
    before = sorted(prompt.files.iterdir())
    wrong = []
    for quote in ("", '"', "'") if shell != "fish" else ("",):  # fish tells nobody that a quote is open
        for typed in (f"alike={quote}", f"alike={quote}a", f"{quote}alike=AB", f"alike={quote}z", f"{quote}m"):
            got = prompt.words(f"fal run {E} {typed}\t\tx\r", quote)
            wrong += [(typed, got)] * (not got[2].startswith(("alike=", "many=")))
    assert wrong == []
    assert sorted(prompt.files.iterdir()) == before


NESTED = {
    "bash": (
        ('FOO=1 fal run {} "{}', ""), ("echo a | fal run {} '{}", ""), ('{{ fal run {} "{}', "; }"),
        ("echo $(fal run {} {}", ")"), ('echo "$(fal run {} {}', ')"'), ("echo `fal run {} {}", "`"),
    ),
    "zsh": (
        ('FOO=1 fal run {} "{}', ""), ("echo a | fal run {} '{}", ""), ("bash -c 'fal run {} {}", "'"),
        ('echo "$(fal run {} {}', ')"'), ('echo "$(fal run {} "{}', ')"'), ('echo `fal run {} "{}', '"`'),
        ("echo `fal run {} {}", "`"), ('echo "`fal run {} {}', '`"'),
    ),
    "fish": (
        ('FOO=1 fal run {} "{}', ""), ('echo "$(fal run {} {}', ')"'), ('echo "$(fal run {} "{}', ')"'),
        ("echo (fal run {} '{}", ")"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("shell", NESTED)
def test_nothing_runs_in_the_middle_of_a_line(prompt: tour.Prompt, shell: str) -> None:
    """Where a candidate cannot be escaped for what is around it none is offered."""
    before = sorted(prompt.files.iterdir())
    wrong = []
    for line, end in NESTED[shell]:
        for number, text in enumerate(TEXTS):
            if "!" not in text:
                got = prompt.words(f"{line.format(E, f'alone{number}=')}\t{end}\r")
                wrong += [(line, got)] * (got[2] not in (f"alone{number}=", f"alone{number}={text}"))
    assert wrong == []
    assert sorted(prompt.files.iterdir()) == before


@pytest.mark.parametrize("shell", ["zsh"])
def test_no_call_for_history_in_the_middle_of_a_line(prompt: tour.Prompt, shell: str) -> None:
    (number,) = (number for number, text in enumerate(TEXTS) if "!" in text)
    assert prompt.words(f'echo "$(fal run {E} "alone{number}=\t")"\r') == ["run", E, f"alone{number}="]


class TestNotOffered:
    @pytest.fixture
    def offer(self, hostile: Mapping[str, str], offer: Offer) -> Offer:
        return offer

    def test_what_a_terminal_would_obey(self, offer: Offer) -> None:
        assert list(offer("run", E, "unseen=")) == ["unseen=u"]

    @pytest.mark.parametrize("typed", ["-", "@", "x"])
    def test_a_name_that_is_read_as_something_else(self, offer: Offer, typed: str) -> None:
        assert not [word for word in offer("run", E, typed) if word.endswith("=")]

    def test_an_endpoint_that_is_none(self, offer: Offer) -> None:
        assert list(offer("run", "evil/")) == ["evil/k0", "evil/k1"]

    def test_a_name_that_would_be_an_option(self, offer: Offer, hostile: Mapping[str, str]) -> None:
        ledger = Ledger(paths.state_folder(hostile) / "ledger.db")
        ledger.accepted(ledger.begin(Call("fal-ai/flux/dev", {})), "--force", {})
        assert "--force" not in offer("status", "")
        assert "--force" in offer("status", "--", "")
