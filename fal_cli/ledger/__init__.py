"""The local record of every request that this machine made: `rows` what is kept, `migrations` where, `store` how."""

from fal_cli.ledger.migrations import LedgerError
from fal_cli.ledger.rows import Call, Kept, Row, Search, State
from fal_cli.ledger.store import Ledger

__all__ = ["Call", "Kept", "Ledger", "LedgerError", "Row", "Search", "State"]
