"""Wire §10.3 on values: whatever was signed is valid, and whatever is changed is not."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.commands.webhook.keys import BadKeys, FileKeys, parsed
from fal_cli.commands.webhook.signature import Invalid, Received, check, message
from fal_cli.commands.webhook.signing import Signer
from tests.commands.webhook.conftest import BODY, REQUEST_ID, USER_ID, Author

AUTHOR = Author()
KEYS = FileKeys("the test", parsed(AUTHOR.jwks))
NOW = 1_752_019_770.9

header_text = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc"]), min_size=1
)


def received(headers: dict[str, str], body: bytes) -> Received:
    return Received({name.lower(): [value] for name, value in headers.items()}, body)


def signed(
    body: bytes = BODY, request_id: str = REQUEST_ID, user_id: str = USER_ID, now: float = NOW
) -> dict[str, str]:
    return Signer(AUTHOR.key).headers(request_id, user_id, body, now=now)


def test_the_message_is_four_lines_without_an_end() -> None:
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert message("r", "ü", "12", b"") == f"r\nü\n12\n{digest}".encode()


@settings(deadline=None)
@given(body=st.binary(), request_id=header_text, user_id=header_text)
def test_what_was_signed_is_valid(body: bytes, request_id: str, user_id: str) -> None:
    verified = check(received(signed(body, request_id, user_id), body), KEYS, now=NOW)
    assert (verified.request_id, verified.user_id, verified.age) == (request_id, user_id, 0)


@settings(deadline=None)
@given(body=st.binary(min_size=1), data=st.data())
def test_a_flipped_bit_of_the_body_is_refused(body: bytes, data: st.DataObject) -> None:
    headers = signed(body)
    at, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    changed = body[:at] + bytes([body[at] ^ (1 << bit)]) + body[at + 1 :]
    with pytest.raises(Invalid, match="no key of the test verifies"):
        check(received(headers, changed), KEYS, now=NOW)


@settings(deadline=None)
@given(data=st.data())
def test_a_flipped_bit_of_a_header_is_refused(data: st.DataObject) -> None:
    headers = signed()
    name = data.draw(st.sampled_from(sorted(headers)))
    value = headers[name].encode()
    at, bit = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(0, 7))
    changed = (value[:at] + bytes([value[at] ^ (1 << bit)]) + value[at + 1 :]).decode("utf-8", "surrogateescape")
    if changed.lower() == value.decode().lower() and name.endswith("Signature"):
        return  # the case of a hex digit says nothing
    with pytest.raises(Invalid):
        check(received(headers | {name: changed}, BODY), KEYS, now=NOW)


@settings(deadline=None)
@given(data=st.data())
def test_a_flipped_bit_of_the_signature_itself_is_refused(data: st.DataObject) -> None:
    headers = signed()
    value = bytearray.fromhex(headers["X-Fal-Webhook-Signature"])
    value[data.draw(st.integers(0, 63))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Invalid, match="no key"):
        check(received(headers | {"X-Fal-Webhook-Signature": value.hex()}, BODY), KEYS, now=NOW)


@pytest.mark.parametrize("offset", [-300, 0, 300])
def test_five_minutes_are_allowed(offset: int) -> None:
    assert check(received(signed(now=NOW - offset), BODY), KEYS, now=NOW).age == offset


@pytest.mark.parametrize(
    ("offset", "told"),
    [
        (301, "the time stamp is 301 s old, more than the 300 s allowed"),
        (-301, "the time stamp is 301 s ahead of this machine's clock, more than the 300 s allowed"),
    ],
)
def test_a_second_more_is_not(offset: int, told: str) -> None:
    with pytest.raises(Invalid, match=f"^{told}$"):
        check(received(signed(now=NOW - offset), BODY), KEYS, now=NOW)


@pytest.mark.parametrize("timestamp", ["12.5", "-5", "1e9", "١٢٣", "0x10", " ", "9" * 16, "1752019770\n"])
def test_a_time_stamp_is_decimal_digits(timestamp: str) -> None:
    with pytest.raises(Invalid, match="is not a number of seconds"):
        check(received(signed() | {"X-Fal-Webhook-Timestamp": timestamp}, BODY), KEYS, now=NOW)


@pytest.mark.parametrize("value", ["", "00", "zz" * 64, "0" * 127, "0" * 130, " " + "0" * 127])
def test_a_signature_is_128_hex_digits(value: str) -> None:
    with pytest.raises(Invalid, match=r"is missing$|is not 128 hex digits$"):
        check(received(signed() | {"X-Fal-Webhook-Signature": value}, BODY), KEYS, now=NOW)


def test_hex_may_be_upper_case() -> None:
    headers = signed()
    upper = {"X-Fal-Webhook-Signature": headers["X-Fal-Webhook-Signature"].upper()}
    check(received(headers | upper, BODY), KEYS, now=NOW)


def test_a_missing_header_is_named() -> None:
    for name in signed():
        headers = signed()
        del headers[name]
        with pytest.raises(Invalid, match=f"^the header {name} is missing$"):
            check(received(headers, BODY), KEYS, now=NOW)
    with pytest.raises(
        Invalid, match=r"^the headers .*-Request-Id, .*-User-Id, .*-Timestamp and .*-Signature are missing$"
    ):
        check(received({}, BODY), KEYS, now=NOW)


def test_a_header_that_is_there_twice_is_refused() -> None:
    headers = {name.lower(): [value] for name, value in signed().items()}
    headers["x-fal-webhook-user-id"] *= 2
    with pytest.raises(Invalid, match="the header X-Fal-Webhook-User-Id appears 2 times"):
        check(Received(headers, BODY), KEYS, now=NOW)


def test_any_key_of_several_will_do() -> None:
    others = [Author().jwk, {"kty": "RSA", "n": "…"}, {"kty": "OKP", "crv": "X25519", "x": "A" * 43}, "nonsense", None]
    keys = FileKeys("several", parsed({"keys": [*others, AUTHOR.jwk]}))
    check(received(signed(), BODY), keys, now=NOW)
    with pytest.raises(Invalid):
        check(received(signed(), BODY), FileKeys("another", parsed({"keys": others})), now=NOW)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"keys": {}},
        {"keys": []},
        {"keys": [{"kty": "OKP", "crv": "Ed25519"}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "short"}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": AUTHOR.jwk["x"] + "="}]},
        {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": 5}]},
    ],
)
def test_what_is_no_key_set(document: object) -> None:
    with pytest.raises(BadKeys):
        parsed(document)


def _openssl() -> str:
    found = shutil.which("openssl")
    if found is None or b"OpenSSL 1" in subprocess.run([found, "version"], capture_output=True, check=True).stdout:
        pytest.skip("openssl 3 is not installed")
    return found


def test_another_tool_signs_what_we_accept_and_accepts_what_we_sign(tmp_path: Path) -> None:
    """OpenSSL over the message of §10.3, written with printf and sha256 of its own."""
    openssl = _openssl()
    (tmp_path / "body").write_bytes(BODY)
    script = f"""set -e; cd {tmp_path}
        {openssl} genpkey -algorithm ed25519 -out key.pem
        {openssl} pkey -in key.pem -pubout -out public.pem
        {openssl} pkey -in key.pem -pubout -outform DER | tail -c 32 | base64 | tr '+/' '-_' | tr -d '=\\n' > x
        digest=$({openssl} dgst -sha256 -r body | cut -d' ' -f1)
        printf '%s\\n%s\\n%s\\n%s' {REQUEST_ID} '{USER_ID}' {int(NOW)} $digest > message
        {openssl} pkeyutl -sign -rawin -inkey key.pem -in message | od -An -tx1 -v | tr -d ' \\n' > signature"""
    subprocess.run(["sh", "-c", script], check=True, timeout=60)
    jwks = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": (tmp_path / "x").read_text()}]}
    headers = signed() | {"X-Fal-Webhook-Signature": (tmp_path / "signature").read_text()}
    check(received(headers, BODY), FileKeys("openssl", parsed(jwks)), now=NOW)

    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
    ours = Signer(key).headers(REQUEST_ID, USER_ID, BODY, now=NOW)  # type: ignore[arg-type]
    assert Signer(key).jwks["keys"][0]["x"] == jwks["keys"][0]["x"]  # type: ignore[arg-type]
    (tmp_path / "ours").write_bytes(bytes.fromhex(ours["X-Fal-Webhook-Signature"]))
    verify = [openssl, "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "public.pem", "-in", "message"]
    done = subprocess.run([*verify, "-sigfile", "ours"], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_large_body() -> None:
    body = json.dumps({"payload": "x" * 20_000_000}).encode()
    started = time.monotonic()
    check(received(signed(body), body), KEYS, now=NOW)
    assert time.monotonic() - started < 5
