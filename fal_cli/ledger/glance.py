"""A quick look into the ledger, for completion: read only, in no time, and nothing where that cannot be had.

It imports nothing of the ledger itself, and makes and changes nothing.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PATIENCE_SECONDS = 0.2
_MOST_ROWS = 100
_RECENT_ROWS = 1000
_LONGEST_PROMPT = 60

_ROWS = f"""
SELECT local_id, request_id, endpoint, state, is_open,
       CAST((julianday('now') - julianday(created_at)) * 86400 AS INTEGER),
       CASE WHEN length(input) < 65536 AND json_valid(input) THEN
            substr(coalesce(json_extract(input, '$.prompt'), json_extract(input, '$.text'), ''), 1, {_LONGEST_PROMPT})
       END
FROM requests WHERE {{}} ORDER BY local_id DESC LIMIT {_MOST_ROWS}
"""
# A name that the service had nothing under each time is a misspelt one.
_ENDPOINTS = f"""
SELECT endpoint FROM (SELECT endpoint, state, error, local_id FROM requests ORDER BY local_id DESC LIMIT {_RECENT_ROWS})
WHERE endpoint NOT LIKE '%://%' GROUP BY endpoint
HAVING sum(state NOT IN ('refused', 'failed') OR coalesce(error, '') NOT LIKE '%not found%') > 0
ORDER BY max(local_id) DESC
"""
_LAST_INPUT = f"""
SELECT input FROM (SELECT endpoint, input, local_id FROM requests ORDER BY local_id DESC LIMIT {_RECENT_ROWS})
WHERE endpoint = ? AND input IS NOT NULL ORDER BY local_id DESC LIMIT 1
"""

_BATCHES = f"SELECT name, endpoint FROM batches ORDER BY number DESC LIMIT {_MOST_ROWS}"


def rows(
    path: str, beginning: str = "", *, only_queued: bool, only_open: bool = False, endpoint: str = ""
) -> "list[tuple[Any, ...]]":
    """Number, id, endpoint, state, whether open, age in seconds and prompt of requests, the newest first.

    Those whose id begins so; `@` and a number for those without one, unless `only_queued`.
    """
    conditions, values = ["1"], []
    if beginning.startswith("@"):
        conditions += ["'@' || local_id LIKE ? || '%'"]
        values += [beginning]
    elif beginning:
        conditions += ["request_id >= ? AND request_id < ?"]
        values += [beginning, f"{beginning}\U0010ffff"]
    conditions += ["request_id IS NOT NULL AND mode = 'queue'"] * only_queued + ["is_open"] * only_open
    if endpoint:
        conditions += ["endpoint = ?"]
        values += [endpoint.strip("/")]
    return _asked(path, _ROWS.format(" AND ".join(conditions)), tuple(values))


def called_endpoints(path: str) -> "list[str]":
    """The endpoints that were called lately, the last one first."""
    return [str(found[0]) for found in _asked(path, _ENDPOINTS)]


def batches(path: str) -> "list[tuple[str, str]]":
    """The names of batches with the endpoint of each, the newest first."""
    return [(str(name), str(endpoint)) for name, endpoint in _asked(path, _BATCHES)]


def last_input(path: str, endpoint: str) -> "list[str]":
    """The JSON of the input that an endpoint was given the last time, or nothing."""
    return [found[0] for found in _asked(path, _LAST_INPUT, (endpoint.strip("/"),))]


def _asked(path: str, statement: str, values: "tuple[str, ...]" = ()) -> "list[tuple[Any, ...]]":
    """Rows; none where the ledger is missing, broken or held by another for too long."""
    if not os.path.exists(path):
        return []
    import sqlite3

    for how in ("mode=ro", "mode=ro&immutable=1"):  # the second where not even its index may be made
        try:
            return _rows(path, how, statement, values)
        except sqlite3.OperationalError as error:
            if "unable to open" not in str(error):
                return []
        except sqlite3.Error:
            return []
    return []


def _rows(path: str, how: str, statement: str, values: "tuple[str, ...]") -> "list[tuple[Any, ...]]":
    import sqlite3

    address = f"file:{path.replace('%', '%25').replace('?', '%3f').replace('#', '%23')}?{how}"
    db = sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS)
    try:
        return db.execute(statement, values).fetchall()
    finally:
        db.close()
