"""`GET /v1/models/analytics`: how many requests there were and how long they took, by time (§11.2, §16 #4)."""

import asyncio
import itertools
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from fal_cli.sandbox.intake import misbehave, pages
from fal_cli.sandbox.intake.context import Context
from fal_cli.sandbox.intake.pages import Page
from fal_cli.sandbox.intake.parameters import DAY_SECONDS, Parameters, invalid
from fal_cli.sandbox.replies import answers
from fal_cli.sandbox.replies.routes import Route
from fal_cli.sandbox.state import history
from fal_cli.sandbox.state.history import Run

MAX_LIMIT = 1000
USUAL_DAYS = 1
COLD_SECONDS = 1.0
_ALLOWED = (
    "endpoint_id", "start", "end", "timezone", "timeframe", "bound_to_timeframe", "expand", "limit", "cursor",
)  # fmt: skip
TIMEFRAMES = ("minute", "hour", "day", "week", "month")
# The timeframe of a span that is shorter than so many days.
_USUAL_TIMEFRAMES = ((2 / 24, "minute"), (2, "hour"), (64, "day"), (183, "week"))


@dataclass(frozen=True)
class Query:
    """What is asked for; `start` and `end` are Unix seconds."""

    endpoints: list[str]
    metrics: list[str]
    start: float
    end: float
    timeframe: str
    zone: tzinfo
    page: Page


async def read(context: Context, request: Request, route: Route) -> Response:
    """A bucket for each piece of time in which a request ended, the oldest first."""
    query = _read_query(request)
    fault = misbehave.pick(context, route.name, "analytics")

    async def act() -> Response:
        return answers.answer(200, await asyncio.to_thread(_measure, context, query))

    return await misbehave.perform(fault, route.name, act)


def _read_query(request: Request) -> Query:
    parameters = Parameters(request, _ALLOWED)
    page = pages.read(parameters, MAX_LIMIT, int)
    start, end = parameters.span(page.moment, USUAL_DAYS)
    days = (end - start) / DAY_SECONDS
    usual = next((word for longest, word in _USUAL_TIMEFRAMES if days < longest), "month")
    timeframe, zone = parameters.word("timeframe", TIMEFRAMES, usual), _zone(parameters)
    metrics = parameters.many("expand")
    for name in metrics:
        if name not in METRICS:
            raise invalid("expand", f"unknown metric {name!r}; one of {', '.join(METRICS)}")
    if parameters.word("bound_to_timeframe", ("true", "false"), "true") == "true":
        start = _floor(start, timeframe, zone).timestamp()
        end = _after(_floor(end, timeframe, zone), timeframe).timestamp()
    return Query(parameters.needed_endpoints(), metrics, start, end, timeframe, zone, page)


def _zone(parameters: Parameters) -> tzinfo:
    name = parameters.one("timezone") or "UTC"
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise invalid("timezone", f"unknown time zone {name!r}") from error


def _floor(moment: float, timeframe: str, zone: tzinfo) -> datetime:
    """The beginning of the piece of time that a moment (Unix seconds) is in."""
    local = datetime.fromtimestamp(moment, zone).replace(second=0, microsecond=0)
    if timeframe == "minute":
        return local
    local = local.replace(minute=0)
    if timeframe == "hour":
        return local
    local = local.replace(hour=0)
    if timeframe == "week":
        return local - timedelta(days=local.weekday())
    return local.replace(day=1) if timeframe == "month" else local


def _after(start: datetime, timeframe: str) -> datetime:
    """The beginning of the next one."""
    if timeframe == "month":
        return (start + timedelta(days=32)).replace(day=1)
    return start + timedelta(**{f"{timeframe}s": 1})


def _measure(context: Context, query: Query) -> dict[str, Any]:
    """Nobody counts what the listing does not show yet."""
    until = min(query.end, query.page.moment - context.settings.listing_lag)
    runs = sorted(
        (
            (_floor(run.ended, query.timeframe, query.zone), endpoint, run)
            for endpoint in query.endpoints
            for run in history.runs(context.store, endpoint, query.start, until)
        ),
        key=lambda found: (found[0], query.endpoints.index(found[1])),
    )
    buckets = [
        {"bucket": start.isoformat(), "results": _results(query, found)}
        for start, found in itertools.groupby(runs, key=lambda found: found[0])
    ]
    offset = query.page.place[0] if query.page.place else 0
    places = (((number,), bucket) for number, bucket in enumerate(buckets[offset:], offset + 1))
    return query.page.document("time_series", places, lambda bucket: bucket)


def _results(query: Query, found: Iterable[tuple[datetime, str, Run]]) -> list[dict[str, Any]]:
    return [
        {"endpoint_id": endpoint, **_metrics(query.metrics, [run for _, _, run in runs])}
        for endpoint, runs in itertools.groupby(found, key=lambda each: each[1])
    ]


def _metrics(names: Sequence[str], runs: list[Run]) -> dict[str, Any]:
    return {name: METRICS[name](runs) for name in names}


def _number_of(first: int, last: int) -> Callable[[list[Run]], int]:
    return lambda runs: sum(first <= run.code <= last for run in runs)


def _waits(runs: Iterable[Run]) -> list[float]:
    return [run.wait for run in runs if run.wait is not None]


def _durations(runs: Iterable[Run]) -> list[float]:
    return [run.seconds for run in runs if run.wait is not None]


def _cold(runs: Iterable[Run]) -> list[float]:
    return [wait for wait in _waits(runs) if wait > COLD_SECONDS]


def _percentile(of: Callable[[list[Run]], list[float]], percent: int) -> Callable[[list[Run]], float | None]:
    def measure(runs: list[Run]) -> float | None:
        values = of(runs)
        if len(values) < 2:
            return round(values[0], 6) if values else None
        return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 6)

    return measure


METRICS: dict[str, Callable[[list[Run]], Any]] = {
    "request_count": len,
    "success_count": _number_of(200, 299),
    "user_error_count": _number_of(400, 499),
    "error_count": _number_of(500, 599),
    **{f"p{n}_prepare_duration": _percentile(_waits, n) for n in (50, 75, 90, 95, 99)},
    **{f"p{n}_duration": _percentile(_durations, n) for n in (25, 50, 75, 90, 95, 99)},
    "cold_boot_count": lambda runs: len(_cold(runs)),
    **{f"p{n}_cold_boot_duration": _percentile(_cold, n) for n in (50, 75, 90)},
    "total_billable_duration": lambda runs: round(sum(run.seconds for run in runs if run.code < 300), 6),
}
