"""Where things are kept, and what can be set for good."""
