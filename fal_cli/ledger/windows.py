"""How many requests of an endpoint an account was seen to run at once: a start for the next batch, no more."""

from collections.abc import Iterable, Sequence

from fal_cli.ledger.store import Ledger


def running_of(ledger: Ledger, scope: str, endpoints: Sequence[str]) -> int:
    """What was seen of these endpoints; of several the least, 0 where nothing is known of one."""
    marks = ", ".join("?" * len(endpoints))
    least, known = ledger.execute(
        f"SELECT min(running), count(*) FROM windows WHERE scope = ? AND endpoint IN ({marks})", (scope, *endpoints)
    ).fetchone()
    return int(least) if known == len(endpoints) else 0


def remember_running(ledger: Ledger, scope: str, endpoints: Iterable[str], running: int) -> None:
    """Records how many ran at once."""

    def act() -> None:
        for endpoint in endpoints:
            ledger.execute(
                "INSERT OR REPLACE INTO windows (endpoint, scope, running) VALUES (?, ?, ?)",
                (endpoint, scope, running),
            )

    ledger.at_once(act)
