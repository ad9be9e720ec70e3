"""Letters that are wrong, and words that only look alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_cli.schema.edits import distance, is_near, nearest, slip

WORDS = st.text("abc_", max_size=7)


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [("", "", 0), ("a", "", 1), ("prompt", "promt", 1), ("prompt", "pormpt", 1), ("ca", "abc", 3), ("abc", "xyz", 3)],
)
def test_distance(one: str, other: str, steps: int) -> None:
    assert distance(one, other, 5) == distance(other, one, 5) == steps
    assert distance(one, other, 0) == min(steps, 1)


@given(WORDS, WORDS, st.integers(0, 4))
def test_a_limit_only_cuts(one: str, other: str, most: int) -> None:
    assert distance(one, other, most) == min(distance(one, other, 20), most + 1)


@given(WORDS, WORDS, WORDS)
def test_no_way_round_is_shorter_than_the_longest_word(one: str, other: str, between: str) -> None:
    assert abs(len(one) - len(other)) <= distance(one, other, 20) <= max(len(one), len(other))
    assert (distance(one, other, 20) == 0) is (one == other)


@pytest.mark.parametrize(
    ("word", "words", "found"),
    [
        ("jpg", ["png", "jpeg"], "jpeg"), ("PNG", ["jpeg", "png"], "png"), ("tiff", ["jpeg", "png"], ""),
        ("squarehd", ["square", "square_hd"], "square_hd"), ("landscape", ["square", "landscape_4_3"], "landscape_4_3"),
        ("null", ["en", "nl"], ""), ("", ["a"], ""), ("fal-ai/flux/dve", ["fal-ai/flux/dev"], "fal-ai/flux/dev"),
        ("x" * 100_000, ["a"], ""), ("la", ["landscape"], ""),
    ],
)  # fmt: skip
def test_nearest(word: str, words: list[str], found: str) -> None:
    assert nearest(word, words) == found


def test_the_nearest_of_several_slips() -> None:
    assert slip("guidance_scal", ("guidance_scales", "guidance_scale")) == "guidance_scale"
    assert slip("x" * 100_000, ("x" * 99_999,)) == ""


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("fal-ai/flux/dve", "fal-ai/flux/dev", True), ("fal-ai/flux/Dev", "fal-ai/flux/dev", True),
        ("fal-ai/flux-dev", "fal-ai/flux/dev", True), ("fla-ai/flux/dev", "fal-ai/flux/dev", True),
        ("fal-ai/fluxx", "fal-ai/flux", True), ("fal-ai/flux/dev2", "fal-ai/flux/dev", False),
        ("fal-ai/wan/v2.1", "fal-ai/wan/v2.2", False), ("fal/flux/dev", "fal-ai/flux/dev", False),
        ("bob/flux", "bab/flax", False), ("bob/app", "rob/app", False), ("acme/flux", "acme/plus", False),
        ("fal-ai/flux", "fal-ai/flux/dev", False),
    ],
)  # fmt: skip
def test_endpoints_that_surely_are_misspelt(name: str, known: str, expected: bool) -> None:
    assert is_near(name, known) is expected
