"""Faults that can be ordered, and by which words."""
