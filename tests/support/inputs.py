"""The way from words to the input object, as a call goes it."""

from collections.abc import Mapping, Sequence
from typing import Any

from fal_cli.inputs import gather as gathering
from fal_cli.inputs.stdin import Stdin
from fal_cli.inputs.typed import typed


def gather(
    words: Sequence[str], texts: Sequence[str], stdin: Stdin, *, base: Mapping[str, Any] | None = None, **options: Any
) -> dict[str, Any]:
    """The input object of some words; `options` as `typed` has them."""
    return typed(gathering.gather(words, texts, stdin, base=base), stdin, **options).input_json
