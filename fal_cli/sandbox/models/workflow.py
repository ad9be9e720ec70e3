"""`workflows/sandbox/draw-and-enlarge`: two models one after the other, told as a workflow tells it (§6).

A stream has an event for each call of a node and for each of their ends; the last is the output of the whole, or the
error of a node. In the queue only the output is there.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

from pydantic import BaseModel, Field

from fal_cli.sandbox.models import Answer, Failed, Media, NodeFailure, Schemas, Stream, Task, validation
from fal_cli.sandbox.models.flux import ImageSize, SchnellInput, make_answer
from fal_cli.sandbox.models.media import Image
from fal_cli.sandbox.models.validation import validate

NODES = {"draw": "fal-ai/flux/schnell", "enlarge": "fal-ai/esrgan"}
_EVENTS = 5
_SIDE = 512
_SCALE = 2


class WorkflowInput(BaseModel):
    """What the workflow takes."""

    prompt: Annotated[str, Field(description="What the picture is to show.")]
    seed: Annotated[int | None, Field(description="The same seed and prompt make the same picture.")] = None


class WorkflowOutput(BaseModel):
    """The enlarged picture."""

    image: Image


def schemas(endpoint: str) -> Schemas:
    """What it takes and gives."""
    return validation.schemas(WorkflowInput, WorkflowOutput)


def answer(endpoint: str, payload: Any, task: Task) -> Answer:
    """The output of the whole. Raises Refusal, and Failed where a node was ordered to fail."""
    given = validate(WorkflowInput, payload)
    if task.node_failure is not None:
        raise Failed(task.node_failure.status, task.node_failure.body)
    return _enlarged(given, task)


def stream(endpoint: str, payload: Any, task: Task) -> Stream:
    """Its events, as far as they come. Raises Refusal."""
    return Stream(_EVENTS, _events(validate(WorkflowInput, payload), task))


def _events(given: WorkflowInput, task: Task) -> Iterator[Answer]:
    outputs = {"draw": _drawn, "enlarge": _enlarged}
    for node, app in NODES.items():
        yield Answer({"type": "submit", "node_id": node, "app_id": app, "request_id": str(uuid4())}, billable_units="0")
        if task.node_failure is not None and task.node_failure.node == node:
            yield _error(task.node_failure)
            return
        yield _within(outputs[node](given, task), type="completion", node_id=node)
    yield _within(_enlarged(given, task), type="output")


def _error(failure: NodeFailure) -> Answer:
    told = {"status": failure.status, "body": failure.body}
    message = f"Node {failure.node} failed with status {failure.status}"
    body = {"type": "error", "node_id": failure.node, "message": message, "error": told}
    return Answer(body, billable_units="0")


def _within(found: Answer, **members: str) -> Answer:
    """An output as an event has it: its files are one level deeper."""
    media = tuple(replace(item, path=("output", *item.path)) for item in found.media)
    return replace(found, body={**members, "output": found.body}, media=media)


def _drawn(given: WorkflowInput, task: Task) -> Answer:
    size = ImageSize(width=_SIDE, height=_SIDE)
    inner = SchnellInput(prompt=given.prompt, seed=given.seed, image_size=size, output_format="png")
    return make_answer(inner, task)


def _enlarged(given: WorkflowInput, task: Task) -> Answer:
    """The same picture, larger: drawn anew, since a drawing has no pixels of its own."""
    drawn = _drawn(given, task)
    item = drawn.media[0]
    side = _SIDE * _SCALE
    larger = Media(("image", "url"), item.name, item.content_type, {**item.recipe, "width": side, "height": side})
    image = {"url": "", "width": side, "height": side, "content_type": item.content_type, "file_name": item.name}
    return Answer({"image": image}, (larger,), "1", drawn.steps)
