"""The sandbox's models: few, honest about being drawn here, with the inputs and outputs of the real ones."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from fal_cli.sandbox.routes import NAMESPACES, Endpoint


class Refusal(Exception):
    """The model refuses its input: a 422 with this `detail` list."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        super().__init__(entries)
        self.entries = entries


@dataclass(frozen=True)
class Task:
    """What a model may know beside its input. `seed` is the one to use if the input names none."""

    seed: int
    run: float
    nsfw: bool
    read_file: Callable[[str], bytes | None]


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
class Stream:
    """`count` answers, each made when its time has come; the last is the final one."""

    count: int
    answers: Iterable[Answer]


class Module(Protocol):
    """A model's module. Each function raises Refusal before it begins to answer."""

    def answer(self, endpoint: str, payload: Any, task: Task) -> Answer:
        """The output for an input."""

    def stream(self, endpoint: str, payload: Any, task: Task) -> Stream:
        """Versions of it that grow or sharpen; where the model has `streams`."""

    def realtime(self, endpoint: str, payload: Any, task: Task) -> dict[str, Any]:
        """The output with its media inside, bytes too; where the model has `sockets`."""


@dataclass(frozen=True)
class Model:
    """A model's usual durations in seconds, its place in line, and the module that answers.

    `streams` and `sockets` say whether it has `/stream` and `/realtime`.
    """

    name: str
    module: str
    queue: float
    run: float
    position: int = 1
    streams: bool = False
    sockets: bool = False

    def load(self) -> Module:
        """The module; what it needs is imported only now."""
        return cast("Module", import_module(f"fal_cli.sandbox.models.{self.module}"))


_ECHO_APP = "sandbox/echo"
_ECHO = Model("sandbox/echo", "echo", queue=0.1, run=0.2, streams=True, sockets=True)
MODELS = {
    "fal-ai/flux/dev": Model("FLUX.1 [dev]", "flux", queue=0.7, run=2.5, position=2, streams=True, sockets=True),
    "fal-ai/flux/schnell": Model("FLUX.1 [schnell]", "flux", queue=0.4, run=0.8),
    "fal-ai/esrgan": Model("ESRGAN", "esrgan", queue=0.3, run=1.0),
    "fal-ai/fast-lcm-diffusion": Model("LCM", "lcm", queue=0.3, run=0.6, sockets=True),
    "fal-ai/any-llm": Model("Any LLM", "any_llm", queue=0.2, run=1.5, streams=True),
    _ECHO_APP: _ECHO,
}
_APPS = {"/".join(endpoint.split("/")[:2]) for endpoint in MODELS}
# Workflows and ComfyUI graphs have ids of their own shape; the echo answers under them too.
_ECHO_APPS = (_ECHO_APP, *(f"{namespace}/{_ECHO_APP}" for namespace in NAMESPACES))


def is_app(app: str) -> bool:
    """Whether the application exists, with whatever path."""
    return app in _APPS or app in _ECHO_APPS


def is_echo(endpoint: Endpoint) -> bool:
    """Whether the echo answers there."""
    return endpoint.app in _ECHO_APPS


def find(endpoint: Endpoint) -> Model | None:
    """The model behind an endpoint; None if the application has no such path."""
    if is_echo(endpoint):
        return _ECHO
    return MODELS.get(endpoint.id)
