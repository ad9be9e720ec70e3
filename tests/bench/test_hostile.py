"""What the bench of hostile bodies measures, once: many at once take no more memory than one."""

from pathlib import Path

import pytest

from tests.bench import hostile
from tests.support.faulty_server import Server

CASES = {f"{case.name} {case.route}": case for case in hostile.CASES}


@pytest.mark.parametrize("name", ["batch result", "resume of 16 events", "resume of 16 status"])
def test_many_at_once_do_not_add_up(name: str, tmp_path: Path) -> None:
    """Sixteen bodies of 6 MB of log lines: parsed at once they would take 400 MB."""
    case, service = CASES[name], hostile.Service()
    service.streams = case.streams
    kind = "text/event-stream" if case.route == "events" else "application/json"
    body = hostile.event_of(hostile.log_lines(6)) if case.route == "events" else hostile.log_lines(6)
    peaks = []
    with Server([service.step]) as server:
        for attack in (None, (case.route, 200, kind, hostile.Body(b"", body))):
            service.hostile = attack
            folder = tmp_path / str(len(peaks))
            folder.mkdir()
            peaks.append(hostile.peak_of(case, server.url, folder)[0])
    assert peaks[1] - peaks[0] < 80, peaks
