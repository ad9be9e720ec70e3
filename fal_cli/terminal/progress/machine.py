"""Following a request for a program: every event a JSON line on stderr."""

import time
from typing import Any

from fal_cli.api.events import BackOnline, Completed, Event, InProgress, Offline, Queued, Retrying
from fal_cli.terminal.progress.base import Board, View


class MachineBoard(Board):
    """Every event as a JSON line."""

    def show(self, name: str, event: Event) -> None:
        super().show(name, event)
        self.talk.event(as_facts(event, name))

    def ended(self, name: str, verdict: str, billable_units: str = "") -> None:
        self.talk.event(
            {
                "event": "finished",
                "verdict": verdict,
                "request_id": name,
                "seconds": round(self.tallies[name].elapsed, 3),
                "billable_units": billable_units or None,
            }
        )


class MachineView(View):
    """Every event as a JSON line on stderr."""

    def show(self, event: Event) -> None:
        super().show(event)
        self.talk.event(as_facts(event, self.tally.request_id))

    def finished(self, verdict: str, billable_units: str = "") -> None:
        facts: dict[str, Any] = {
            "event": "finished",
            "verdict": verdict,
            "request_id": self.tally.request_id,
            "seconds": round(self.tally.elapsed, 3),
            "billable_units": billable_units or None,
        }
        self.talk.event(facts)

    def last_words(self) -> list[str]:
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
