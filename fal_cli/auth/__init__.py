"""Whose key a call is made with."""
