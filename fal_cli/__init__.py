"""The command line for fal.ai's model endpoints."""

__version__ = "0.1.0"
