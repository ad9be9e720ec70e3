"""The OpenAPI document of an endpoint: the queue's routes around the model's own schemas (§11.3)."""

import re
from typing import Any

from fal_cli.sandbox.models import Model
from fal_cli.sandbox.replies.routes import Endpoint

VERSION = "3.0.4"

_SCHEMAS = "#/components/schemas/"
_WORD = re.compile(r"[A-Za-z0-9]+")
_REQUEST_ID = {
    "name": "request_id", "in": "path", "required": True, "schema": {"type": "string", "description": "Request ID"},
}  # fmt: skip
_LOGS = {
    "name": "logs", "in": "query", "required": False,
    "schema": {"type": "number", "description": "Whether the answer is to hold log lines (`1`) or not (`0`)."},
}  # fmt: skip
_QUEUE_STATUS = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]},
        "request_id": {"type": "string", "description": "The id of the request."},
        "response_url": {"type": "string", "description": "Where the result is."},
        "status_url": {"type": "string", "description": "Where the status is."},
        "cancel_url": {"type": "string", "description": "Where the request can be cancelled."},
        # Not what is sent, which is a list: the service's own document has it wrong (§4.5).
        "logs": {"type": "object", "description": "The log lines.", "additionalProperties": True},
        "metrics": {"type": "object", "description": "What was measured.", "additionalProperties": True},
        "queue_position": {"type": "integer", "description": "How many requests are before this one."},
    },
    "required": ["status", "request_id"],
}
_CANCELLED = {
    "type": "object",
    "properties": {"success": {"type": "boolean", "description": "Whether the request was cancelled."}},
}


def document(endpoint: Endpoint, model: Model, *, queue: str, thumbnail: str) -> dict[str, Any]:
    """What can be sent to an endpoint and what it answers; `queue` is the base URL of the queue service.

    Takes a moment: not on the event loop.
    """
    schemas = model.load().schemas(endpoint.id)
    name = _name(endpoint)
    status = _refer("QueueStatus")
    home = f"/{endpoint.id}"
    one = f"{home}/requests/{{request_id}}"
    body = {"required": True, "content": _json(_refer(f"{name}Input"))}
    return {
        "openapi": VERSION,
        "info": {
            "title": f"Queue OpenAPI for {endpoint.id}",
            "version": "1.0.0",
            "description": f"The OpenAPI schema for the {endpoint.id} queue of a sandbox.",
            "x-fal-metadata": _metadata(endpoint, model, thumbnail),
        },
        "components": {
            "securitySchemes": {
                "apiKeyAuth": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Fal Key"}
            },
            "schemas": {
                "QueueStatus": _QUEUE_STATUS,
                f"{name}Input": schemas.taken,
                f"{name}Output": schemas.given,
                **schemas.others,
            },
        },
        "paths": {
            f"{one}/status": {"get": _operation("The status of the request.", status, _REQUEST_ID, _LOGS)},
            f"{one}/cancel": {"put": _operation("The request was cancelled.", _CANCELLED, _REQUEST_ID)},
            home: {"post": {"requestBody": body, **_operation("The status of the request.", status)}},
            one: {"get": _operation("The result of the request.", _refer(f"{name}Output"), _REQUEST_ID)},
            **_realtime(home, model),
        },
        "servers": [{"url": queue}],
        "security": [{"apiKeyAuth": []}],
    }


def _realtime(home: str, model: Model) -> dict[str, Any]:
    """What is told of a path that takes a socket (§7.5)."""
    rules = model.realtime
    if rules is None:
        return {}
    config = {
        "buffering": rules.buffering, "sessionTimeout": rules.session_timeout, "maxBatchSize": rules.max_batch_size,
    }  # fmt: skip
    protocol = {
        "type": "realtime", "operationId": "realtime", "realtimeMode": rules.mode,
        "contentType": "application/msgpack", "config": config,
    }  # fmt: skip
    return {f"{home}/realtime": {"x-fal-protocol": protocol}}


def _metadata(endpoint: Endpoint, model: Model, thumbnail: str) -> dict[str, str]:
    metadata = {"endpointId": endpoint.id, "category": model.about.category, "thumbnailUrl": thumbnail}
    if not model.is_imitation:
        return metadata
    page = f"https://fal.ai/models/{endpoint.id}"
    return {**metadata, "playgroundUrl": page, "documentationUrl": f"{page}/api"}


def _name(endpoint: Endpoint) -> str:
    """How the endpoint's schemas are named: by its words but the owner's, `FluxDev` of `fal-ai/flux/dev`."""
    words = _WORD.findall(endpoint.id.removeprefix(endpoint.owner))
    return "".join(word[0].upper() + word[1:] for word in words)


def _operation(told: str, schema: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
    answers = {"responses": {"200": {"description": told, "content": _json(schema)}}}
    return {"parameters": list(parameters), **answers} if parameters else answers


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _refer(name: str) -> dict[str, str]:
    return {"$ref": f"{_SCHEMAS}{name}"}
