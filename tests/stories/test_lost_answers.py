"""Under every fault a submit is accepted at most once, by the sandbox's own count, and the code says what is known."""

import json

import pytest

from tests.conftest import Program, Service

# fault, exit code, submits that the service accepted
FAULTS = [
    pytest.param("submit=cut-before", 10, 0, id="cut-before"),
    pytest.param("submit=cut-after", 10, 1, id="cut-after"),
    pytest.param("submit=reset-before", 10, 0, id="reset-before"),
    pytest.param("submit=reset-after", 10, 1, id="reset-after"),
    pytest.param("submit=garbage", 0, 1, id="garbage-adopted"),
    pytest.param("submit=truncate", 0, 1, id="truncated-adopted"),
    pytest.param("submit=stall:1", 0, 1, id="stall"),
    pytest.param("submit=429*2", 0, 1, id="429"),
    pytest.param("submit=429:retry-after=1*1", 0, 1, id="429-seconds"),
    pytest.param("submit=429:retry-after=date+1*1", 0, 1, id="429-date"),
    pytest.param("submit=500", 10, 0, id="500"),
    pytest.param("submit=502", 10, 0, id="502"),
    pytest.param("submit=503", 10, 0, id="503"),
    pytest.param("submit=504", 10, 0, id="504"),
    pytest.param("submit=html-502", 10, 0, id="html-502"),
    pytest.param("submit=html-503", 10, 0, id="html-503"),
    pytest.param("submit=html-504", 10, 0, id="html-504"),
    pytest.param("submit=400", 4, 0, id="400"),
    pytest.param("submit=403", 9, 0, id="403-locked"),
    pytest.param("submit=401", 3, 0, id="401"),
    pytest.param("status=500*2", 0, 1, id="status-500"),
    pytest.param("stream=refuse", 0, 1, id="stream-refused"),
    pytest.param("stream=silent", 0, 1, id="stream-silent"),
    pytest.param("stream=cut", 0, 1, id="stream-cut"),
    pytest.param("stream=cut-after:1", 0, 1, id="stream-cut-after"),
    pytest.param("stream=close-after:1", 0, 1, id="stream-closed"),
    pytest.param("stream=split", 0, 1, id="stream-split"),
    pytest.param("result=503*1", 0, 1, id="result-503"),
    pytest.param("result=truncate*1", 0, 1, id="result-truncated"),
    pytest.param("result=cut-before*1", 0, 1, id="result-cut"),
    pytest.param("result=html-502*2", 0, 1, id="result-html"),
]


@pytest.mark.parametrize(("fault", "code", "accepted"), FAULTS)
def test_a_submit_is_accepted_at_most_once(
    served: Program, service: Service, fault: str, code: int, accepted: int
) -> None:
    words = ("sandbox/echo", "a=1", "sandbox.queue=0", "sandbox.run=0.3", f"sandbox.fault={fault}")
    done = served("run", *words, code=code)
    assert service.accepted == accepted
    if code == 0:
        assert json.loads(done.stdout) == {"a": 1}
    else:
        assert done.stdout == b""
    if code == 10:
        assert "the call was sent, but its answer" in done.stderr
        assert "not sent again" in done.stderr


def test_a_direct_call_whose_answer_is_lost_is_not_made_again(served: Program, service: Service) -> None:
    done = served("run", "--direct", "sandbox/echo", "a=1", "sandbox.fault=run=cut-after", code=10)
    assert service.stats["http"]["run"] == 1
    assert "its answer was lost" in done.stderr


def test_a_result_that_keeps_failing_leaves_the_request_to_come_back_for(served: Program, service: Service) -> None:
    request_id = served(
        "submit", "sandbox/echo", "a=1", "sandbox.run=0", "sandbox.fault=result=cut-before*3"
    ).text.strip()
    assert json.loads(served("result", request_id, "--wait").stdout) == {"a": 1}
    assert service.accepted == 1
