"""Requests and transfers shown while they go on: one display for each kind of stderr."""
