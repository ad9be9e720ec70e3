"""The sandbox's models: few, honest about being drawn here, with the inputs and outputs of the real ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, cast

from fal_cli.sandbox.replies.routes import NAMESPACES, Endpoint, parse_id


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
        """The output with its media inside, bytes too; where the model has `sockets`."""


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
class Model:
    """A model's usual durations in seconds, its place in line, and the module that answers.

    `methods` are those of HTTP that the app takes; most are written for POST, and GET with its query as the input.
    `price` is US dollars, in decimal text, for one `unit`, which its billable units count. `streams` and
    `sockets` say whether it has `/stream` and `/realtime`.
    """

    name: str
    module: str
    queue: float
    run: float
    price: str
    unit: str
    about: About
    position: int = 1
    streams: bool = False
    sockets: bool = False
    methods: tuple[str, ...] = ("POST", "GET")

    @property
    def is_imitation(self) -> bool:
        """Whether it stands in for a model that there really is."""
        return self is not _ECHO

    def load(self) -> Module:
        """The module; what it needs is imported only now."""
        return cast("Module", import_module(f"fal_cli.sandbox.models.{self.module}"))


_ECHO_APP = "sandbox/echo"
_ECHO = Model(
    "sandbox/echo", "echo", queue=0.1, run=0.2, price="0.001", unit="request", streams=True, sockets=True,
    methods=("POST", "GET", "PUT", "PATCH", "DELETE"),
    about=About(
        "json", "Answers its input, whatever it is: for trying a script out.", ("sandbox", "testing"),
        "2025-01-01T00:00:00Z",
    ),
)  # fmt: skip
MODELS = {
    "fal-ai/flux/dev": Model(
        "FLUX.1 [dev]", "flux", queue=0.7, run=2.5, price="0.025", unit="megapixel",
        position=2, streams=True, sockets=True,
        about=About(
            "text-to-image", "Pictures from a prompt. In the sandbox they are drawn, not generated.",
            ("sandbox", "image", "streaming"), "2024-08-01T00:00:00Z",
        ),
    ),
    "fal-ai/flux/schnell": Model(
        "FLUX.1 [schnell]", "flux", queue=0.4, run=0.8, price="0.003", unit="megapixel",
        about=About(
            "text-to-image", "Pictures from a prompt in few steps. In the sandbox they are drawn, not generated.",
            ("sandbox", "image", "fast"), "2024-08-01T00:00:00Z",
        ),
    ),
    "fal-ai/esrgan": Model(
        "ESRGAN", "esrgan", queue=0.3, run=1.0, price="0.002", unit="image",
        about=About(
            "image-to-image", "A larger version of an image. In the sandbox it is resized, nothing is invented.",
            ("sandbox", "image", "upscaling"), "2024-01-15T00:00:00Z",
        ),
    ),
    "fal-ai/fast-lcm-diffusion": Model(
        "LCM", "lcm", queue=0.3, run=0.6, price="0.0005", unit="megapixel", sockets=True,
        about=About(
            "text-to-image", "Pictures fast enough for a realtime session. In the sandbox they are drawn.",
            ("sandbox", "image", "realtime"), "2024-01-10T00:00:00Z", status="deprecated", license_type="research",
        ),
    ),
    "fal-ai/any-llm": Model(
        "Any LLM", "any_llm", queue=0.2, run=1.5, price="0.01", unit="request", streams=True,
        about=About(
            "llm", "Text about a prompt. In the sandbox no language model has a part in it.",
            ("sandbox", "text", "streaming"), "2024-10-01T00:00:00Z",
        ),
    ),
    _ECHO_APP: _ECHO,
}  # fmt: skip
# What is in no catalogue.
WORKFLOWS = {
    "workflows/sandbox/draw-and-enlarge": Model(
        "Draw and enlarge", "workflow", queue=0.2, run=1.0, price="0.005", unit="request", streams=True,
        about=About(
            "workflow", "A picture from a prompt, and a larger one of it. In the sandbox both are drawn.",
            ("sandbox", "workflow", "streaming"), "2025-06-01T00:00:00Z",
        ),
    ),
}  # fmt: skip
_APPS = {endpoint.app for endpoint in map(parse_id, (*MODELS, *WORKFLOWS))}
# Workflows and ComfyUI graphs have ids of their own shape; the echo answers under them too.
_ECHO_APPS = (_ECHO_APP, *(f"{namespace}/{_ECHO_APP}" for namespace in NAMESPACES))


def is_app(app: str) -> bool:
    """Whether the application exists, with whatever path."""
    return app in _APPS or app in _ECHO_APPS


def is_echo(endpoint: Endpoint) -> bool:
    """Whether the echo answers there."""
    return endpoint.app in _ECHO_APPS


def is_workflow(endpoint: Endpoint) -> bool:
    """Whether a workflow answers there."""
    return endpoint.id in WORKFLOWS


def find(endpoint: Endpoint) -> Model | None:
    """The model behind an endpoint; None if the application has no such path."""
    if is_echo(endpoint):
        return _ECHO
    return MODELS.get(endpoint.id) or WORKFLOWS.get(endpoint.id)
