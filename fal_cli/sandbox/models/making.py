"""The bytes of a file, by the kind of its recipe. What makes them is imported only then."""

from typing import Any


def make(recipe: dict[str, Any]) -> bytes:
    """The bytes that a recipe stands for. Takes a moment: not on the event loop."""
    if recipe["kind"] == "tune":
        from fal_cli.sandbox.models import sound

        return sound.play(recipe)
    from fal_cli.sandbox.models import drawing

    return drawing.draw(recipe)
