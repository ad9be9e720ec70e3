"""The sandbox's models: few, honest about being drawn here, with the inputs and outputs of the real ones."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

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


class AnswerFunction(Protocol):
    """The one function of a model's module. Raises Refusal."""

    def __call__(self, endpoint: str, payload: Any, task: Task) -> Answer: ...


@dataclass(frozen=True)
class Model:
    """A model's usual durations in seconds, its place in line, and the module that answers."""

    name: str
    module: str
    queue: float
    run: float
    position: int = 1

    def answer(self, endpoint: str, payload: Any, task: Task) -> Answer:
        """Answer an input. Raises Refusal; imports what the model needs only now."""
        module = import_module(f"fal_cli.sandbox.models.{self.module}")
        function: AnswerFunction = module.answer
        return function(endpoint, payload, task)


_ECHO_APP = "sandbox/echo"
_ECHO = Model("sandbox/echo", "echo", queue=0.1, run=0.2)
MODELS = {
    "fal-ai/flux/dev": Model("FLUX.1 [dev]", "flux", queue=0.7, run=2.5, position=2),
    "fal-ai/flux/schnell": Model("FLUX.1 [schnell]", "flux", queue=0.4, run=0.8),
    "fal-ai/esrgan": Model("ESRGAN", "esrgan", queue=0.3, run=1.0),
    _ECHO_APP: _ECHO,
}
_APPS = {"/".join(endpoint.split("/")[:2]) for endpoint in MODELS}
# Workflows and ComfyUI graphs have ids of their own shape; the echo answers under them too.
_ECHO_APPS = (_ECHO_APP, *(f"{namespace}/{_ECHO_APP}" for namespace in NAMESPACES))


def is_app(app: str) -> bool:
    """Whether the application exists, with whatever path."""
    return app in _APPS or app in _ECHO_APPS


def find(endpoint: Endpoint) -> Model | None:
    """The model behind an endpoint; None if the application has no such path."""
    if endpoint.app in _ECHO_APPS:
        return _ECHO
    return MODELS.get(endpoint.id)
