"""The check is never stricter than a service that stands on pydantic: what that takes is refused by nobody here."""

import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fal_cli.schema import problems, read
from fal_cli.schema.report import lines
from tests.support import pydantic_models as models
from tests.support.full_run import FULL


@pytest.fixture(autouse=True)
def _no_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names and defaults that pydantic finds odd
        yield


@settings(max_examples=600 if FULL else 100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_pydantic_takes_is_not_refused(data: st.DataObject) -> None:
    model = data.draw(models.MODELS)
    schema = read(models.document(model), models.ROUTE)
    inputs = data.draw(st.lists(models.inputs(model), min_size=5, max_size=5))
    taken = [one for one in inputs if models.accepts(model, one)]
    assume(taken)
    for one in taken:
        assert lines(problems(schema, one)) == (), (one, models.document(model))
