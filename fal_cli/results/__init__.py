"""What becomes of a result: printed, picked from, saved."""
