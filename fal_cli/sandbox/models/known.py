"""The sandbox's models by their ids: stand-ins for real ones, and some for trying things out."""

from typing import Any

from fal_cli.sandbox.models import About, Model, RealtimeRules
from fal_cli.sandbox.replies.routes import NAMESPACES, Endpoint, parse_id

ECHO_APP = "sandbox/echo"
_ECHO = Model(
    "sandbox/echo", "echo", queue=0.1, run=0.2, price="0.001", unit="request", usual_units="1",
    streams=True, realtime=RealtimeRules(), methods=("POST", "GET", "PUT", "PATCH", "DELETE"),
    about=About(
        "json", "Answers its input, whatever it is: for trying a script out.", ("sandbox", "testing"),
        "2025-01-01T00:00:00Z",
    ),
)  # fmt: skip


def _session(name: str, rules: RealtimeRules, told: str) -> Model:
    return Model(
        f"sandbox/realtime/{name}", "echo", queue=0.1, run=0.1, price="0.001", unit="request", realtime=rules,
        about=About(
            "json", f"Answers its inputs over a socket: {told}.", ("sandbox", "realtime"), "2025-06-01T00:00:00Z"
        ),
    )  # fmt: skip


_IDLE_SECONDS = 2.0
_SESSIONS = {
    model.name: model
    for model in (
        _session("unary", RealtimeRules(session_timeout=_IDLE_SECONDS), "one result for each"),
        _session("server-streaming", RealtimeRules("server_streaming"), "one input, many results"),
        _session(
            "client-streaming", RealtimeRules("client_streaming", session_timeout=_IDLE_SECONDS), "one result for all"
        ),
        _session("bidi", RealtimeRules("bidi", session_timeout=_IDLE_SECONDS), "two results for each"),
        _session(
            "batched", RealtimeRules(max_batch_size=4, session_timeout=_IDLE_SECONDS, delay=0.2),
            "one result for up to four that have piled up",
        ),
        _session(
            "buffered", RealtimeRules(buffering=2, session_timeout=_IDLE_SECONDS, delay=0.2),
            "of those that pile up the oldest are dropped",
        ),
    )
}  # fmt: skip


def _priced(name: str, price: str, unit: str, run: float, told: str, **more: Any) -> Model:
    about = About("billing", f"{told} For trying out what things cost.", ("sandbox", "money"), "2026-11-01T00:00:00Z")
    return Model(f"sandbox/{name}", "priced", queue=0.1, run=run, price=price, unit=unit, about=about, **more)


_PRICED = {
    model.name: model
    for model in (
        _priced("images", "0.04", "images", 0.3, "Pictures, each for the same."),
        _priced("megapixels", "0.025", "megapixels", 0.3, "Pictures by their size."),
        _priced("videos", "0.35", "videos", 0.5, "Films, each for the same."),
        _priced("seconds", "0.05", "seconds", 0.5, "A film by its length, in 720p."),
        _priced("speech", "0.1", "1000 characters", 0.3, "Speech by its letters."),
        _priced("tokens", "0.002", "1000 tokens", 0.2, "Text by its words."),
        _priced("compute", "0.00111", "compute seconds", 0.4, "A picture by the time of the machine.", noise=0.1),
        _priced("units", "0.001", "units", 0.3, "A picture for some units."),
        _priced("credits", "0.001", "credits", 0.5, "A film for some credits."),
        _priced("unpriced", "0.02", "images", 0.2, "A picture whose price is not told.", tells_price=False),
    )
}  # fmt: skip
MODELS = {
    "fal-ai/flux/dev": Model(
        "FLUX.1 [dev]", "flux", queue=0.7, run=2.5, price="0.025", unit="megapixel", usual_units="1",
        position=2, streams=True, realtime=RealtimeRules(),
        about=About(
            "text-to-image", "Pictures from a prompt. In the sandbox they are drawn, not generated.",
            ("sandbox", "image", "streaming"), "2024-08-01T00:00:00Z",
        ),
    ),
    "fal-ai/flux/schnell": Model(
        "FLUX.1 [schnell]", "flux", queue=0.4, run=0.8, price="0.003", unit="megapixel", usual_units="1",
        about=About(
            "text-to-image", "Pictures from a prompt in few steps. In the sandbox they are drawn, not generated.",
            ("sandbox", "image", "fast"), "2024-08-01T00:00:00Z",
        ),
    ),
    "fal-ai/esrgan": Model(
        "ESRGAN", "esrgan", queue=0.3, run=1.0, price="0.002", unit="image", usual_units="1",
        about=About(
            "image-to-image", "A larger version of an image. In the sandbox it is resized, nothing is invented.",
            ("sandbox", "image", "upscaling"), "2024-01-15T00:00:00Z",
        ),
    ),
    "fal-ai/fast-lcm-diffusion": Model(
        "LCM", "lcm", queue=0.3, run=0.6, price="0.0005", unit="megapixel", usual_units="1", realtime=RealtimeRules(),
        about=About(
            "text-to-image",
            "Pictures fast enough for a realtime session. In the sandbox they are drawn. Use fal-ai/flux/dev instead.",
            ("sandbox", "image", "realtime"), "2024-01-10T00:00:00Z", status="deprecated", license_type="research",
        ),
    ),
    "fal-ai/any-llm": Model(
        "Any LLM", "any_llm", queue=0.2, run=1.5, price="0.01", unit="request", usual_units="1", streams=True,
        about=About(
            "llm", "Text about a prompt. In the sandbox no language model has a part in it.",
            ("sandbox", "text", "streaming"), "2024-10-01T00:00:00Z",
        ),
    ),
    ECHO_APP: _ECHO,
    **_SESSIONS,
    **_PRICED,
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
ECHO_APPS = (ECHO_APP, *(f"{namespace}/{ECHO_APP}" for namespace in NAMESPACES))


def is_app(app: str) -> bool:
    """Whether the application exists, with whatever path."""
    return app in _APPS or app in ECHO_APPS


def is_echo(endpoint: Endpoint) -> bool:
    """Whether the echo answers there."""
    return endpoint.app in ECHO_APPS


def echoes(endpoint: Endpoint) -> bool:
    """Whether what answers there gives back what it was given."""
    model = find(endpoint)
    return model is not None and model.module == "echo"


def is_workflow(endpoint: Endpoint) -> bool:
    """Whether a workflow answers there."""
    return endpoint.id in WORKFLOWS


def find(endpoint: Endpoint) -> Model | None:
    """The model behind an endpoint; None if the application has no such path."""
    if is_echo(endpoint):
        return _ECHO
    return MODELS.get(endpoint.id) or WORKFLOWS.get(endpoint.id)
