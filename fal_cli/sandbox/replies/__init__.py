"""Answers as the service sends them."""
