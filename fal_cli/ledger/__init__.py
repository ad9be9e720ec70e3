"""The local record of every request that this machine made: `rows` what is kept, `tables` where, `store` how."""

from fal_cli.ledger.rows import Call, Kept, Row, Search, State
from fal_cli.ledger.store import Ledger
from fal_cli.ledger.tables import LedgerError

__all__ = ["Call", "Kept", "Ledger", "LedgerError", "Row", "Search", "State"]
