"""All of it together: the served sandbox delivers, `listen` checks with its keys, `send` signs alike."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.commands.webhook.conftest import Listen
from tests.conftest import Program


@pytest.fixture
def env(fal: Program) -> Iterator[dict[str, str]]:
    """What points the program at a sandbox that is served by a process of the same home."""
    process = fal.start("sandbox", "serve", "--port", "0", stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    lines = [process.stdout.readline().decode().split() for _ in range(6)]
    yield dict(line[1].split("=", 1) for line in lines)
    process.terminate()
    process.communicate()


def test_from_a_submit_to_verified_webhooks(fal: Program, listen: Listen, env: dict[str, str]) -> None:
    listener = listen(env=env)
    words = ("submit", "sandbox/echo", "a=1", "--webhook", f"{listener.url}hook")
    request_id = fal(*words, env=env).text.strip()
    line = listener.line()
    assert (line["valid"], line["reason"], line["duplicate"]) == (True, None, False)
    assert line["headers"]["X-Fal-Webhook-Request-Id"] == line["body"]["request_id"] == request_id
    assert (line["body"]["status"], line["body"]["payload"]) == ("OK", {"a": 1})

    fal("webhook", "send", request_id, "--to", listener.url, env=env)
    again = listener.line()
    assert (again["valid"], again["duplicate"]) == (True, True)
    assert again["body"]["payload"] == {"a": 1}

    whole = fal("webhook", "send", "last", "--to", listener.url, "--dry-run", env=env).stdout
    assert fal("webhook", "verify", stdin=whole, env=env).stdout == whole.partition(b"\r\n\r\n")[2]
    fal("webhook", "verify", stdin=whole.replace(b'"OK"', b'"Ok"'), env=env, code=1)


def test_a_failed_request(fal: Program, listen: Listen, env: dict[str, str]) -> None:
    listener = listen(env=env)
    fal("submit", "sandbox/echo", "sandbox.fail=500", "--webhook", listener.url, env=env)
    delivered = listener.line()
    fal("webhook", "send", "last", "--to", listener.url, env=env)
    sent = listener.line()
    for line in (delivered, sent):
        assert line["valid"] is True
        assert (line["body"]["status"], line["body"]["error"]) == ("ERROR", "Invalid status code: 500")
    assert delivered["body"]["payload"] == sent["body"]["payload"]
