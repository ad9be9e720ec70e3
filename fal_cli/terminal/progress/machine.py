"""Following requests for a program: every event a JSON line on stderr."""

import time
from typing import Any

from fal_cli.api.events import BackOnline, Completed, Event, InProgress, Offline, Queued, Retrying
from fal_cli.terminal.progress.base import Display


class Machine(Display):
    """Every event as a JSON line, of one request or of many."""

    def show(self, name: str, event: Event) -> None:
        super().show(name, event)
        self.talk.event(as_facts(event, self.tallies[name].request_id))

    def ended(self, name: str, verdict: str, billable_units: str = "") -> None:
        tally = self.tallies[name]
        self.talk.event(
            {
                "event": "finished",
                "verdict": verdict,
                "request_id": tally.request_id,
                "seconds": round(tally.elapsed, 3),
                "billable_units": billable_units or None,
                "cost": tally.cost or None,
            }
        )

    def last_words(self, name: str) -> list[str]:
        return []


def as_facts(event: Event, request_id: str) -> dict[str, Any]:
    """An event as the JSON line that `--json` writes."""
    facts: dict[str, Any] = {"event": type(event).__name__.lower(), "request_id": request_id or None}
    if isinstance(event, Queued):
        facts["position"] = event.position
    elif isinstance(event, InProgress | Completed):
        facts["logs"] = [line._asdict() for line in event.logs]
    if isinstance(event, Completed):
        facts |= {
            "inference_seconds": event.inference_seconds,
            "error": event.error or None,
            "error_type": event.error_type or None,
        }
    if isinstance(event, Retrying | Offline | BackOnline):
        facts |= event._asdict()
    facts["at"] = round(time.time(), 3)
    return facts
