"""JSON Schemas of what programs read: each command's lines on stdout, the lines on stderr, and the command tree.

`fal --help --json` holds all of them under `schemas`, and says of each command which one its lines fit. A member that
stands here stays; others may be added.
"""

from typing import Any

from fal_cli.kinds import AGAIN, KINDS

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Schema = {"type": "string"}
_TRUTH: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}"}
_DECIMAL: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_URL: Schema = {"type": "string", "minLength": 1}
_ANY: Schema = {}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_MAPPING: Schema = {"type": "object"}
_TEXT_BY_NAME: Schema = {"type": "object", "additionalProperties": _TEXT}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(*values: str | None) -> Schema:
    return {"enum": list(values)}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object whose members are these."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


_STATES = (
    "sending", "accepted", "running", "ended", "unknown", "completed", "failed", "cancelled", "expired", "refused",
    "not_sent",
)  # fmt: skip
_ESTIMATE = _object({
    "amount": _or_null(_DECIMAL), "currency": _or_null(_TEXT), "unknown_calls": _COUNT, "source": _TEXT,
})  # fmt: skip
_BATCH_PLAN = {
    "batch": _TEXT, "rows": _COUNT, "done": _COUNT, "open": _COUNT, "to_look_up": _COUNT, "failed": _COUNT,
    "to_send": _COUNT, "new": _COUNT, "gone": _COUNT, "others": _COUNT,
    "files": _object({"number": _COUNT, "bytes": _COUNT}),
    "estimate": _or_null(_ESTIMATE),
    "names": _TEXTS,
    "endpoints": _list(_object({
        "endpoint": _TEXT, "rows": _COUNT, "done": _COUNT, "open": _COUNT, "to_look_up": _COUNT, "failed": _COUNT,
        "to_send": _COUNT, "estimate": _or_null(_ESTIMATE),
    })),
    "mismatches": _list(_object({"endpoint": _TEXT, "input": _TEXT, "rows": _COUNT})),
}  # fmt: skip
_BATCH_COUNTS = {
    "rows": _COUNT, "done": _COUNT, "failed": _COUNT, "unknown": _COUNT, "unsaved": _COUNT, "cancelled": _COUNT,
    "sending": _COUNT, "waiting": _COUNT, "running": _COUNT, "saving": _COUNT, "open": _COUNT,
}  # fmt: skip
_STATUS = _one_of("IN_QUEUE", "IN_PROGRESS", "COMPLETED")
_REQUEST = {
    "local_id": _COUNT, "request_id": _or_null(_TEXT), "created_at": _MOMENT, "endpoint": _TEXT,
    "mode": _one_of("queue", "direct", "stream", "realtime"), "state": _one_of(*_STATES), "open": _TRUTH,
    "input": _or_null(_MAPPING), "input_is_whole": _TRUTH, "private": _TRUTH, "profile": _or_null(_TEXT),
    "host": _TEXT, "tags": _TEXT_BY_NAME, "error": _or_null(_TEXT), "started_at": _or_null(_MOMENT),
    "ended_at": _or_null(_MOMENT), "inference_seconds": _or_null(_NUMBER), "billable_units": _or_null(_TEXT),
    "expires_at": _or_null(_MOMENT), "files": _TEXTS, "has_result": _TRUTH, "batch": _or_null(_TEXT),
    "batch_row": _or_null(_COUNT),
}  # fmt: skip
_REQUEST_WHOLE = {
    "options": _MAPPING, "urls": _TEXT_BY_NAME, "result": _ANY, "result_is_whole": _or_null(_TRUTH),
    "result_content_type": _or_null(_TEXT),
}  # fmt: skip
_FIELD_SHAPE: Schema = {
    "type": "object",
    "properties": {
        "types": _TEXTS, "default": _ANY, "choices": {"type": "array"}, "minimum": _NUMBER, "maximum": _NUMBER,
        "exclusive_minimum": _NUMBER, "exclusive_maximum": _NUMBER, "multiple_of": _NUMBER, "min_length": _COUNT,
        "max_length": _COUNT, "min_items": _COUNT, "max_items": _COUNT, "nullable": _TRUTH, "media": _TRUTH,
        "title": _TEXT, "description": _TEXT, "any_of": {"type": "array", "items": _MAPPING}, "item": _MAPPING,
        "properties": {"type": "array", "items": _MAPPING}, "name": _TEXT, "required": _TRUTH,
        "direction": _one_of("input", "output"),
    },
    "required": ["direction", "name", "types", "required"],
}  # fmt: skip
_FILE = _object({"url": _TEXT, "content_type": _TEXT, "file_name": _TEXT})
_BASE64 = _object({"content_type": _TEXT, "base64": _TEXT})
_PRICE = {"unit_price": _DECIMAL, "unit": _TEXT, "currency": _TEXT}

_SPENT = _object({
    "amount": _or_null(_DECIMAL), "currency": _or_null(_TEXT), "units": _or_null(_TEXT), "source": _TEXT,
})  # fmt: skip
_EXPECTED = _object({
    "amount": _or_null(_DECIMAL), "currency": _or_null(_TEXT), "source": _TEXT, "why": _or_null(_TEXT),
})  # fmt: skip

OUTPUTS: dict[str, Schema] = {
    "any": {"description": "a JSON value that the endpoint, or --query, decides"},
    "text": _TEXT,
    "texts": _TEXTS,
    "result": {
        "description": "what the endpoint answered (fal schema ENDPOINT); of an answer that is not JSON content_type, "
        "with path or base64"
    },
    "envelope": _object({
        "request_id": _TEXT, "endpoint": _TEXT, "data": _ANY, "files": _list(_FILE),
        "metrics": _object({"inference_time": _or_null(_NUMBER)}), "billable_units": _or_null(_NUMBER),
        "cost": _SPENT, "reused": _TRUTH, "flagged": _TEXTS,
    }),
    "dry_run": _object({
        "endpoint": _TEXT, "input": _MAPPING, "options": _MAPPING, "price": _or_null(_object(_PRICE)),
        "estimate": _EXPECTED,
    }),
    "script": _object({"language": _one_of("curl", "python", "js", "shell"), "script": _TEXT}),
    "submitted": _object({
        "request_id": _TEXT, "endpoint": _TEXT, "queue_position": _or_null(_COUNT), "status_url": _URL,
        "response_url": _URL, "cancel_url": _URL, "reused": _TRUTH,
    }),
    "status": _object({
        "request_id": _TEXT, "endpoint": _TEXT, "status": _STATUS, "queue_position": _or_null(_COUNT),
        "error": _or_null(_TEXT), "error_type": _or_null(_TEXT),
    }),
    "status_envelope": {"type": "object", "properties": {"status": _STATUS}, "required": ["status"]},
    "batch_row": _object({
        "row": _COUNT, "endpoint": _TEXT, "key": _TEXT, "state": _one_of("done", "failed", "cancelled", "unsaved"),
        "request_id": _TEXT, "media": _TEXTS, "files": _TEXTS,
        "cost": _or_null(_object({"amount": _DECIMAL, "currency": _TEXT})), "seconds": _or_null(_NUMBER),
        "input": _or_null(_MAPPING), "error": _TEXT, "columns": _MAPPING, "result": _ANY,
    }),
    "batch": _object({
        "name": _TEXT, "endpoint": _TEXT, "endpoints": _TEXTS, "source": _or_null(_TEXT), "made_at": _MOMENT,
        "rows": _COUNT, "done": _COUNT, "open": _COUNT, "failed": _COUNT, "cancelled": _COUNT, "unknown": _COUNT,
        "left": _COUNT, "is_running": _TRUTH, "manifest": _or_null(_TEXT),
    }),
    "batch_plan": _object(_BATCH_PLAN),
    "batch_export": _MAPPING,
    "log_line": _object({"timestamp": _TEXT, "level": _TEXT, "message": _TEXT}),
    "ended": _object({"request_id": _TEXT, "verdict": _one_of("ok", "failed")}),
    "cancelled": _object(
        {"request_id": _TEXT, "outcome": _one_of("cancelled", "asked", "too_late", "already_cancelled")}
    ),
    "uploaded": _object({"url": _URL, "name": _TEXT, "content_type": _TEXT, "bytes": _COUNT}),
    "request": _object(_REQUEST),
    "request_whole": _object(_REQUEST | _REQUEST_WHOLE),
    "forgotten": _object({"local_id": _COUNT, "request_id": _or_null(_TEXT), "endpoint": _TEXT}),
    "cleared": _object({"forgotten": _COUNT, "left": _COUNT}),
    "shown": {
        "type": "object",
        "properties": {
            "path": _or_null(_TEXT), "url": _or_null(_TEXT), "content_type": _or_null(_TEXT), "width":
            _or_null(_COUNT), "height": _or_null(_COUNT), "seconds": _or_null(_NUMBER), "bytes": _or_null(_COUNT),
            "text": _or_null(_TEXT), "seed": _ANY, "request_id": _TEXT, "endpoint": _TEXT,
        },
        "required": ["content_type", "seed", "request_id", "endpoint"],
    },
    "page": _object({"path": _TEXT}),
    "address": _object({"address": _TEXT}),
    "cost": {
        "type": "object",
        "properties": {
            "endpoint": _TEXT, "day": _TEXT, "profile": _TEXT, "tag": _TEXT, "batch": _TEXT,
            "requests": _COUNT,
            "units": _or_null(_DECIMAL), "cost": _or_null(_DECIMAL), "currency": _or_null(_TEXT),
            "not_known": _COUNT, "source": _or_null(_one_of("billing events", "list price")),
        },
        "required": ["requests", "units", "cost", "currency", "not_known", "source"],
    },
    "model": _object(
        {"endpoint_id": _TEXT},
        {"display_name": _TEXT, "category": _TEXT, "status": _TEXT, "description": _TEXT, "updated_at": _TEXT,
         "license_type": _TEXT},
    ),
    "field": _FIELD_SHAPE,
    "openapi": {"type": "object"},
    "sample": {"description": "an input that fits the endpoint", "type": "object"},
    "price": _object({"endpoint_id": _TEXT} | _PRICE, {"unit_quantity": _DECIMAL, "total_cost": _DECIMAL}),
    "profile": _object({
        "profile": _TEXT, "active": _TRUTH, "source": _or_null(_one_of("file", "keyring", "vendor")),
        "key_id": _or_null(_TEXT), "hosts": _TEXT_BY_NAME,
    }),
    "profile_changed": _object({"profile": _TEXT, "has_key": _TRUTH}),
    "account": _object({
        "account": _or_null(_TEXT), "balance": _or_null(_NUMBER), "currency": _or_null(_TEXT), "source": _TEXT,
        "profile": _or_null(_TEXT), "key_id": _or_null(_TEXT), "hosts": _TEXT_BY_NAME,
    }),
    "setting": _object({"key": _TEXT, "value": {"type": ["string", "boolean"]}, "from": _TEXT}),
    "alias": _object({"name": _TEXT, "endpoint": _TEXT, "items": _TEXTS, "from": _TEXT}),
    "alias_removed": _object({"name": _TEXT, "removed": _TRUTH}),
    "finding": _object({
        "name": _TEXT, "state": _one_of("ok", "warning", "problem"), "fact": _TEXT, "way_out": _or_null(_TEXT),
    }),
    "variable": _object({"name": _TEXT, "value": _TEXT}),
    "sandbox_state": _object({"running": _TRUTH}, {"pid": _COUNT, "variables": _TEXT_BY_NAME, "started_at": _MOMENT}),
    "sandbox_emptied": _object({"state": _one_of("empty")}),
    "sandbox_lock": _object({"locked": _one_of("balance", "admin", "topup", None)}),
    "sandbox_stats": _object({"accepted": _COUNT}, {"requests": _MAPPING}),
    "webhook_sent": _object({"request_id": _TEXT, "url": _URL, "answer": _TEXT, "delivery": _COUNT}),
    "webhook_received": _object({
        "received_at": _MOMENT, "valid": _or_null(_TRUTH), "reason": _or_null(_TEXT), "headers": _MAPPING,
        "body": _ANY, "duplicate": _TRUTH,
    }),
    "raw_request": _BASE64,
    "jwks": _object({"keys": _list(_MAPPING)}),
    "served": _object({"url": _URL}),
    "completion_script": _object({"shell": _TEXT, "script": _TEXT}),
    "completion_installed": _object({}, {"path": _TEXT, "written": _TRUTH, "line": _TEXT}),
    "skill": _object({"name": _TEXT, "text": _TEXT}),
    "skill_installed": _object({"path": _TEXT, "written": _TRUTH}),
    "topic": _object({"topic": _TEXT, "text": _TEXT}),
    "kind": _object({"kind": _TEXT, "code": _COUNT, "again": _one_of(*AGAIN), "meaning": _TEXT}),
    "version": _object({"program": _TEXT, "version": _TEXT}),
}  # fmt: skip
"""What a line of stdout may be, by its name."""

_FAULT = _object({
    "path": _TEXT, "kind": _TEXT, "message": _TEXT, "got": _ANY, "expected": _ANY, "nearest": _ANY,
})  # fmt: skip
_OF_MANY = {"request_id": _TEXT}
EVENTS: dict[str, tuple[dict[str, Schema], dict[str, Schema]]] = {
    "request": ({"request_id": _TEXT}, {"endpoint": _TEXT, "message": _TEXT}),
    "queued": ({"position": _or_null(_COUNT)}, _OF_MANY),
    "inprogress": ({}, _OF_MANY),
    "completed": ({}, {"error": _TEXT, "error_type": _TEXT} | _OF_MANY),
    "progress": ({"percent": _COUNT}, {"what": _TEXT}),
    "plan": (_BATCH_PLAN, {}),
    "batch": ({"batch": _TEXT, **_BATCH_COUNTS, "awaited": _or_null(_TEXT)}, {}),
    "summary": ({"batch": _TEXT, **_BATCH_COUNTS, "left": _COUNT, "stopped": _or_null(_TEXT)}, {}),
    "log": ({"timestamp": _TEXT, "level": _TEXT, "message": _TEXT}, {}),
    "retrying": ({"what": _TEXT, "reason": _TEXT, "attempt": _COUNT, "delay": _NUMBER}, _OF_MANY),
    "offline": ({"reason": _TEXT, "seconds": _NUMBER}, _OF_MANY),
    "backonline": ({"seconds": _NUMBER}, _OF_MANY),
    "finished": (
        {"verdict": _one_of("done", "failed", "found"), "seconds": _NUMBER},
        {"inference_seconds": _NUMBER, "billable_units": _TEXT} | _OF_MANY,
    ),
    "warning": ({"message": _TEXT}, {}),
    "notice": ({"message": _TEXT}, {"url": _TEXT}),
    "note": ({"message": _TEXT}, {}),
    "decision": ({"message": _TEXT}, {}),
    "http": ({"message": _TEXT}, {}),
    "debug": ({"message": _TEXT}, {}),
    "result": (
        {"code": _COUNT},
        {"request_id": _TEXT, "seconds": _NUMBER, "inference_seconds": _NUMBER, "billable_units": _TEXT,
         "files": _TEXTS},
    ),
    "error": (
        {"kind": _one_of(*KINDS), "code": _COUNT, "again": _one_of(*AGAIN), "message": _TEXT, "fields": _list(_FAULT),
         "next": _TEXTS, "request_id": _or_null(_TEXT)},
        {"status": _COUNT, "error_type": _TEXT, "details": _TEXTS, "hint": _TEXT},
    ),
}  # fmt: skip
"""The members of each kind of line on stderr: those that are always there, and those that may be."""


def _event(word: str) -> Schema:
    required, optional = EVENTS[word]
    return _object({"event": {"const": word}} | required, optional)


_VALUE = {
    "name": _TEXT, "type": _TEXT, "value": _TEXT, "takes_value": _TRUTH, "required": _TRUTH, "repeatable": _TRUTH,
    "default": _ANY, "choices": _TEXTS, "help": _TEXT, "metavar": _TEXT,
}  # fmt: skip
_LIMITS = {"minimum": _NUMBER, "maximum": _NUMBER, "pattern": _TEXT}
_EFFECTS = _object({
    "pays": _TRUTH, "writes": _TEXTS, "deletes": _TRUTH, "network": _TRUTH, "asks": _TRUTH,
    "blocks": _one_of("no", "until_done", "forever"), "stdin": _one_of("no", "if_asked", "if_no_input", "yes"),
    "repeatable": _one_of("yes", "with_once", "no"),
})  # fmt: skip
_STDOUT = _object({
    "pipe": _one_of("text", "json", "jsonl", "bytes", "none"), "schema": _or_null(_TEXT),
    "lines": _one_of("none", "one", "each", "many"), "with": _TEXT_BY_NAME,
})  # fmt: skip
_OPTION = _object(
    _VALUE | {"names": _TEXTS, "negations": _TEXTS, "environment": _or_null(_TEXT)}, _LIMITS
)  # fmt: skip
_COMMAND = _object({
    "path": _TEXT, "name": _TEXT, "summary": _TEXT, "help": _TEXT, "usage": _TEXT, "hidden": _TRUTH,
    "runs": _TRUTH, "arguments": _list(_object(_VALUE, _LIMITS)), "options": _list(_OPTION), "examples": _TEXTS,
    "effects": _or_null(_EFFECTS), "stdout": _or_null(_STDOUT), "conflicts": _list(_TEXTS),
    "requires": {"type": "object", "additionalProperties": _TEXTS}, "commands": _list(_ref("command")),
})  # fmt: skip
_EXIT = _object({"code": _TEXT, "meaning": _TEXT, "again": _TEXT})
_NAMED = _object({"name": _TEXT, "summary": _TEXT})
TREE = _object({
    "format": {"const": 2}, "program": _TEXT, "version": _TEXT, "help": _TEXT, "usage": _TEXT,
    "options": _list(_OPTION), "examples": _TEXTS, "commands": _list(_ref("command")), "exit_codes": _list(_EXIT),
    "topics": _list(_NAMED), "kinds": _list(OUTPUTS["kind"]), "schemas": _MAPPING,
}) | {"$defs": {"command": _COMMAND}}  # fmt: skip
BRIEF = _object({
    "format": {"const": 2}, "program": _TEXT, "version": _TEXT, "more": _TEXT, "commands": _TEXT_BY_NAME,
    "pays": _TEXTS, "deletes": _TEXTS,
})  # fmt: skip


def schemas() -> dict[str, Schema]:
    """Every schema by its name; `event` is that of a line on stderr."""
    event = {"anyOf": [_event(word) for word in EVENTS]}
    command = {**_ref("command"), "$defs": TREE["$defs"]}
    return {**OUTPUTS, "event": event, "tree": TREE, "brief": BRIEF, "command": command}
