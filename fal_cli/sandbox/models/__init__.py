"""The sandbox's models: few, honest about being drawn here, with the inputs and outputs of the real ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, cast


class Refusal(Exception):
    """The model refuses its input: a 422 with this `detail` list."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        super().__init__(entries)
        self.entries = entries


class Failed(Exception):
    """The model fails in its own words: an answer of that status and body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


@dataclass(frozen=True)
class NodeFailure:
    """The ordered failure of a node of a workflow."""

    node: str
    status: int
    body: Any


@dataclass(frozen=True)
class Task:
    """What a model may know beside its input. `seed` is the one to use if the input names none."""

    seed: int
    run: float
    nsfw: bool
    read_file: Callable[[str], bytes | None]
    node_failure: NodeFailure | None = None


@dataclass(frozen=True)
class Media:
    """A file of the output: the path of its URL in the body, and the recipe that makes its bytes."""

    path: tuple[str | int, ...]
    name: str
    content_type: str
    recipe: dict[str, Any]
    inline: bool = False


@dataclass(frozen=True)
class Answer:
    """A model's output; URLs of `media` are filled in when the result is served."""

    body: Any
    media: tuple[Media, ...] = ()
    billable_units: str = "1"
    steps: int = 0


@dataclass(frozen=True)
class Schemas:
    """What a model takes and gives, as JSON Schema; `others` are those that the two refer to, by name."""

    taken: dict[str, Any]
    given: dict[str, Any]
    others: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stream:
    """`count` answers, each made when its time has come; the last is the final one."""

    count: int
    answers: Iterable[Answer]


class Module(Protocol):
    """A model's module. Each function that answers raises Refusal, or Failed, before it begins to."""

    def schemas(self, endpoint: str) -> Schemas:
        """What it takes and gives, by the definitions that it validates its input with."""

    def answer(self, endpoint: str, payload: Any, task: Task) -> Answer:
        """The output for an input."""

    def stream(self, endpoint: str, payload: Any, task: Task) -> Stream:
        """Versions of it that grow or sharpen; where the model has `streams`."""

    def realtime(self, endpoint: str, payload: Any, task: Task) -> dict[str, Any]:
        """The output with its media inside, bytes too; where the model has a `realtime`."""


@dataclass(frozen=True)
class About:
    """What the catalogue tells of a model; `date` is when it came out, `status` is `active` or `deprecated`."""

    category: str
    description: str
    tags: tuple[str, ...]
    date: str
    status: str = "active"
    license_type: str = "commercial"


@dataclass(frozen=True)
class RealtimeRules:
    """How an app holds its realtime sessions, as its document says (§7.5): None for no limit, seconds.

    `delay` is how long a result takes, so that inputs can pile up.
    """

    mode: str = "unary"
    buffering: int | None = None
    session_timeout: float | None = None
    max_batch_size: int = 1
    delay: float = 0.0


@dataclass(frozen=True)
class Model:
    """A model's usual durations in seconds, its place in line, and the module that answers.

    `price` is US dollars, in decimal text, for one `unit`; `tells_price` whether anybody is told. `usual_units` are
    those that a call has cost so far, empty for a new endpoint. What is billed differs from what the inputs say by up
    to the share `noise`.

    `streams` says whether it has `/stream`, `realtime` how it holds the sessions of `/realtime`, None if it has none.
    `methods` are those of HTTP that the app takes; most are written for POST, and GET with its query as the input.
    """

    name: str
    module: str
    queue: float
    run: float
    price: str
    unit: str
    about: About
    usual_units: str = ""
    tells_price: bool = True
    noise: float = 0.0
    position: int = 1
    streams: bool = False
    realtime: RealtimeRules | None = None
    methods: tuple[str, ...] = ("POST", "GET")

    @property
    def is_imitation(self) -> bool:
        """Whether it stands in for a model that there really is."""
        return not self.name.startswith("sandbox/")

    def load(self) -> Module:
        """The module; what it needs is imported only now."""
        return cast("Module", import_module(f"fal_cli.sandbox.models.{self.module}"))
