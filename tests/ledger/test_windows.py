"""How many ran at once is remembered for an account and an endpoint, and is the start of the next batch there."""

from pathlib import Path

from fal_cli.ledger import windows
from fal_cli.ledger.store import Ledger


def test_each_account_and_endpoint_has_its_own(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    assert windows.running_of(ledger, "me", ["fal-ai/a"]) == 0
    windows.remember_running(ledger, "me", ["fal-ai/a"], 7)
    windows.remember_running(ledger, "me", ["fal-ai/a", "fal-ai/b"], 40)
    windows.remember_running(ledger, "me", ["fal-ai/b"], 10)
    windows.remember_running(ledger, "other", ["fal-ai/c"], 3)
    assert windows.running_of(ledger, "me", ["fal-ai/a"]) == 40
    assert windows.running_of(ledger, "me", ["fal-ai/a", "fal-ai/b"]) == 10
    assert windows.running_of(ledger, "me", ["fal-ai/a", "fal-ai/c"]) == 0
    assert windows.running_of(ledger, "other", ["fal-ai/c"]) == 3
