"""What `fal sandbox serve` prints points clients at a TLS sandbox, the program itself among them."""

import json
import re
import urllib.parse
from pathlib import Path

import pytest

from tests.conftest import Program
from tests.interop.conftest import Certificates, Served

BARE_HOST = re.compile(r"127\.0\.0\.1:[1-9]\d*")


@pytest.mark.parametrize("name", ["FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "FAL_CDN_HOST"])
def test_hosts_are_bare_as_the_vendors_clients_take_them(tls_sandbox: Served, name: str) -> None:
    assert BARE_HOST.fullmatch(tls_sandbox.printed[name])


def test_the_key_is_the_sandboxs_own(tls_sandbox: Served) -> None:
    assert tls_sandbox.printed["FAL_KEY"] == (tls_sandbox.state / "key").read_text().strip()
    assert tls_sandbox.printed["FAL_KEY"].startswith("sandbox:")


def test_our_own_program_takes_the_same_lines(tls_sandbox: Served, home: Path) -> None:
    fal = Program(home, tls_sandbox.printed | {"SSL_CERT_FILE": str(tls_sandbox.authority)})
    done = fal("run", "fal-ai/flux/schnell", "prompt=a kite", "sandbox.queue=0", "sandbox.run=0")
    url = urllib.parse.urlsplit(json.loads(done.stdout)["images"][0]["url"])
    assert (url.scheme, url.netloc) == ("https", tls_sandbox.printed["FAL_CDN_HOST"])


def test_without_the_authority_nothing_is_sent(tls_sandbox: Served, home: Path) -> None:
    done = Program(home, tls_sandbox.printed)("run", "sandbox/echo", "a=1", code=None)
    assert done.code != 0
    assert "certificate" in done.stderr.lower()


def test_a_certificate_needs_its_key(fal: Program, certificates: Certificates) -> None:
    done = fal("sandbox", "serve", "--port", "0", "--cert", str(certificates.cert), code=2)
    assert "--key" in done.stderr


def test_a_certificate_that_is_not_there_is_what_the_error_names(fal: Program, tmp_path: Path) -> None:
    absent = tmp_path / "absent.pem"
    done = fal("sandbox", "serve", "--port", "0", "--cert", str(absent), "--key", str(absent), code=None)
    assert done.code != 0
    assert "absent.pem" in done.stderr
    assert "--port" not in done.stderr


def test_a_key_of_another_certificate_is_what_the_error_names(fal: Program, certificates: Certificates) -> None:
    words = ("--cert", str(certificates.authority), "--key", str(certificates.key))
    done = fal("sandbox", "serve", "--port", "0", *words, code=None)
    assert done.code != 0
    assert "--port" not in done.stderr
