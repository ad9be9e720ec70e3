"""What the sandbox remembers, on disk."""
