"""`fal doctor`: what it finds, what it says to do, and what it never says."""

import json
import os
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from fal_cli.api.hosts import Hosts
from fal_cli.cli.completion import install, scripts
from fal_cli.commands.doctor import network, program, route
from tests.conftest import Program, Service
from tests.support import filled_home as filled
from tests.support.pseudo_terminal import Screen
from tests.support.sandbox_keys import sandbox_at

HOSTS = ("RUN", "QUEUE_RUN", "REST", "CDN", "API")
SECRET = "not-to-be-shown-0123456789"


def found(tool: Program, *words: str, code: int | None = 0, **env: str) -> dict[str, dict[str, Any]]:
    """The findings by their names."""
    done = tool(*words, "doctor", env=env, code=code)
    assert SECRET not in done.text + done.stderr
    lines = [json.loads(line) for line in done.text.splitlines()]
    assert all(set(line) == {"name", "state", "fact", "way_out"} for line in lines)
    assert all((line["state"] == "ok") == (line["way_out"] is None) for line in lines)
    return {line["name"]: line for line in lines}


def all_at(url: str) -> dict[str, str]:
    """Every host at one address."""
    return {f"FAL_{name}_HOST": url for name in HOSTS}


def closed_port() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


NOWHERE = all_at(closed_port())


class TestTheWhole:
    def test_in_the_sandbox_all_is_well(self, fal: Program) -> None:
        findings = found(fal, "--sandbox")
        assert [finding["state"] for finding in findings.values()].count("problem") == 0
        assert findings["key"]["fact"] == "from the sandbox"
        assert findings["service"]["fact"] == "the key is accepted"
        assert {f"host {name}" for name in Hosts._fields} <= set(findings)
        assert "connect" in findings["host queue"]["fact"]

    def test_at_a_served_one_the_key_is_shown_to_it(self, served: Program) -> None:
        assert found(served)["service"]["state"] == "ok"
        refused = found(served, code=1, FAL_KEY=f"nobody:{SECRET}")["service"]
        assert refused["state"] == "problem"
        assert "key" in refused["fact"]

    def test_in_a_terminal_it_is_a_list(self, served: Program) -> None:
        screen = Screen([*served.argv, "doctor"], served.env, columns=80)
        assert screen.finish() == 0
        assert all(len(line) <= 80 for line in screen.lines)
        for part in (
            "✓ versions",
            "✓ key           from FAL_KEY",
            "✓ host queue",
            "✓ service       the key is accepted",
        ):
            assert part in screen.text
        assert "80 columns, colour, utf-8" in screen.text

    def test_json_in_a_terminal(self, served: Program) -> None:
        screen = Screen([*served.argv, "doctor", "--json"], served.env, columns=300)
        assert screen.finish() == 0
        assert '{"name":"versions","state":"ok"' in screen.text


class TestTheKey:
    def test_none(self, fal: Program) -> None:
        key = found(fal, code=1, **NOWHERE)["key"]
        assert (key["state"], key["fact"], "fal auth login" in key["way_out"]) == ("problem", "none", True)

    def test_where_it_is_from(self, fal: Program) -> None:
        findings = found(fal, code=1, FAL_KEY=f"id:{SECRET}", **NOWHERE)
        assert findings["key"]["fact"] == "from FAL_KEY"

    def test_a_profile_that_others_can_read(self, fal: Program) -> None:
        fal("auth", "login", "--with-key", "--no-check", stdin=f"id:{SECRET}".encode(), env=NOWHERE)
        path = fal.home / "fal" / "config" / "profiles.toml"
        path.chmod(0o644)
        settings = found(fal, code=1, **NOWHERE)["settings"]
        assert (settings["state"], settings["way_out"]) == ("problem", f"chmod 600 {path}")

    def test_a_line_of_netrc(self, fal: Program) -> None:
        netrc = fal.home / ".netrc"
        netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
        netrc.chmod(0o600)
        told = found(fal, code=1, **NOWHERE)["netrc"]
        assert (told["state"], "127.0.0.1" in told["fact"], "does not use them" in told["fact"]) == ("ok", True, True)


class TestTheNetwork:
    def test_a_host_that_refuses(self, fal: Program) -> None:
        findings = found(fal, code=1, FAL_KEY=f"id:{SECRET}", **NOWHERE)
        assert re.search(r"no host can be reached: [\w.:]+ refused the connection", findings["network"]["fact"])
        assert findings["service"]["state"] == "warning"

    def test_one_of_several(self, served: Program) -> None:
        url = closed_port()
        findings = found(served, code=1, FAL_CDN_HOST=url)
        assert findings["host"]["fact"] == "{0}: {0} refused the connection".format(urlsplit(url).netloc)
        assert findings["host queue"]["state"] == "ok"

    def test_one_that_never_answers_is_told_within_five_seconds(self, fal: Program) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            begin = time.monotonic()
            findings = found(fal, code=1, FAL_KEY=f"id:{SECRET}", **all_at(url))
            assert time.monotonic() - begin < network.LIMIT_SECONDS + 3  # with the start of the program
        assert "no host can be reached" in findings["network"]["fact"]

    def test_a_name_lookup_that_never_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **more: time.sleep(60))
        monkeypatch.setattr(network, "LIMIT_SECONDS", 0.3)
        inquiry = network.Inquiry(_context({}), Hosts(), None, "")
        begin = time.monotonic()
        told = {finding.name: finding for finding in inquiry.findings()}
        assert time.monotonic() - begin < 2
        assert told["network"].fact == "no host can be reached: no answer within 0.3 s"

    def test_hosts_that_are_none(self, fal: Program) -> None:
        hosts = found(fal, code=1, FAL_KEY=f"id:{SECRET}", FAL_RUN_HOST="ftp://x")["hosts"]
        assert "FAL_RUN_HOST is not a host" in hosts["fact"]


class TestTLS:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @pytest.fixture
    def secure(self, fal: Program, authority: trustme.CA, tmp_path: Path) -> Any:
        """A sandbox that serves TLS, and what points the program at it."""
        issued, cert, key = authority.issue_cert("127.0.0.1", "localhost"), tmp_path / "cert.pem", tmp_path / "key.pem"
        issued.cert_chain_pems[0].write_to_path(cert)
        issued.private_key_pem.write_to_path(key)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        sandbox = sandbox_at(tmp_path / "secure", cert=cert, key=key)
        sandbox.start()
        yield Program(fal.home, Service(sandbox, tmp_path / "secure").env)
        sandbox.stop()

    def test_with_its_authority(self, secure: Program, tmp_path: Path) -> None:
        findings = found(secure, REQUESTS_CA_BUNDLE=str(tmp_path / "ca.pem"))
        assert "TLS" in findings["host queue"]["fact"]
        assert "1 authorities" in findings["certificates"]["fact"]
        assert findings["service"]["state"] == "ok"

    def test_without_it(self, secure: Program) -> None:
        findings = found(secure, code=1)
        assert "is not trusted" in findings["network"]["fact"]

    def test_a_file_that_is_not_there(self, fal: Program) -> None:
        told = found(fal, code=1, SSL_CERT_FILE="/no/such.pem", **NOWHERE)["certificates"]
        assert (told["state"], "SSL_CERT_FILE" in told["way_out"]) == ("problem", True)


class TestProxies:
    def test_are_told_without_their_passwords(self, fal: Program) -> None:
        env = {"HTTPS_PROXY": f"http://me:{SECRET}@proxy.example:3128", "NO_PROXY": "internal.example"}
        told = found(fal, code=1, **NOWHERE, **env)["proxy"]
        assert told["fact"] == "HTTPS_PROXY http://proxy.example:3128; not for internal.example"

    @pytest.mark.parametrize(("status", "reason"), [("200 OK", ""), ("407 Proxy Authentication Required", "407")])
    def test_are_gone_through(self, status: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = []

        def answer() -> None:
            client, _ = listener.accept()
            with client:
                seen.append(client.recv(65536))
                client.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass@127.0.0.1:{listener.getsockname()[1]}")
            monkeypatch.delenv("NO_PROXY", raising=False)
            with pytest.raises(route.Unreachable, match=reason or "TLS"):
                route.reach("https://api.example")
            thread.join()
        assert seen[0].startswith(b"CONNECT api.example:443 HTTP/1.")
        assert b"Proxy-Authorization: Basic bWU6cGFzcw==" in seen[0]


class TestTheClock:
    @pytest.mark.parametrize(
        ("minutes", "state", "told"),
        [(0, "ok", "that of"), (2, "ok", "120 s behind"), (-10, "warning", "600 s ahead of"), (6, "warning", "360 s")],
    )
    def test_more_than_five_minutes_are_too_many(self, minutes: int, state: str, told: str) -> None:
        finding = network._clock("https://api.example", datetime.now(UTC) + timedelta(minutes=minutes))
        assert finding.state == state
        assert told in finding.fact


class TestWhatIsKept:
    def test_is_counted(self, fal: Program) -> None:
        filled.fill(fal.home / "fal")
        findings = found(fal, code=1, **NOWHERE)
        assert "4 requests, 2 unfinished" in findings["ledger"]["fact"]
        assert "whole" in findings["ledger"]["fact"]
        assert "4 files" in findings["cache"]["fact"]
        assert "models of just now" in findings["cache"]["fact"]
        assert "2 profiles, work is active" in findings["settings"]["fact"]

    def test_nothing_is_made_or_changed(self, fal: Program) -> None:
        found(fal, code=1, **NOWHERE)
        assert not (fal.home / "fal").exists()

    def test_a_broken_ledger(self, fal: Program) -> None:
        path = fal.home / "fal" / "state" / "ledger.db"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"nonsense" * 1000)
        told = found(fal, code=1, **NOWHERE)["ledger"]
        assert (told["state"], f"mv {path}" in told["way_out"]) == ("problem", True)

    def test_a_damaged_one(self, fal: Program) -> None:
        filled.fill(fal.home / "fal")
        path = fal.home / "fal" / "state" / "ledger.db"
        db = sqlite3.connect(path)
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'requests_by_request_id'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
        db.close()
        with open(path, "r+b") as stream:
            stream.seek((page - 1) * size)
            stream.write(b"\xff" * size)
        told = found(fal, code=1, **NOWHERE)["ledger"]
        assert told["state"] == "problem"

    def test_one_that_others_can_read(self, fal: Program) -> None:
        filled.fill(fal.home / "fal")
        path = fal.home / "fal" / "state" / "ledger.db"
        path.chmod(0o640)
        told = found(fal, code=1, **NOWHERE)["ledger"]
        assert (told["state"], told["way_out"]) == ("warning", f"chmod 600 {path}")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_cannot_be_written(self, fal: Program) -> None:
        fal.home.chmod(0o500)
        told = found(fal, code=1, **NOWHERE)["ledger"]
        fal.home.chmod(0o700)
        assert "cannot be created" in told["fact"]

    def test_settings_that_are_no_toml(self, fal: Program) -> None:
        path = fal.home / "fal" / "config" / "config.toml"
        path.parent.mkdir(parents=True)
        path.write_text("[")
        told = found(fal, code=1, **NOWHERE)["settings"]
        assert (told["state"], "is not TOML" in told["fact"]) == ("problem", True)


class TestTheVendors:
    def launcher(self, folder: Path, module: str, name: str = "fal") -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/usr/bin/python3\nimport sys\nfrom {module} import entry\nsys.exit(entry())\n")
        path.chmod(0o755)
        return path

    def test_stands_first_on_the_path(self, fal: Program, tmp_path: Path) -> None:
        theirs = self.launcher(tmp_path / "theirs", "fal.cli")
        ours = self.launcher(tmp_path / "ours", "fal_cli.__main__")
        self.launcher(tmp_path / "ours", "fal_cli.__main__", "fal-cli")
        path = f"{theirs.parent}:{ours.parent}:/usr/bin:/bin"
        told = found(fal, code=1, PATH=path, **NOWHERE)["fal"]
        assert told["state"] == "warning"
        assert f"starts {theirs}, fal.ai's own CLI" in told["fact"]
        assert told["way_out"] == "Use this one as: fal-cli"

    def test_stands_behind_ours(self, fal: Program, tmp_path: Path) -> None:
        theirs = self.launcher(tmp_path / "theirs", "fal.cli")
        ours = self.launcher(tmp_path / "ours", "fal_cli.__main__")
        told = found(fal, code=1, PATH=f"{ours.parent}:{theirs.parent}", **NOWHERE)["fal"]
        assert (told["state"], str(theirs) in told["fact"]) == ("ok", True)

    def test_is_the_only_one(self, fal: Program, tmp_path: Path) -> None:
        theirs = self.launcher(tmp_path / "theirs", "fal.cli")
        told = found(fal, code=1, PATH=str(theirs.parent), **NOWHERE)["fal"]
        assert told["state"] == "warning"
        assert "not on the PATH" in told["fact"]


class TestCompletion:
    @pytest.mark.parametrize(("text", "state"), [(None, "warning"), ("old", "warning"), ("current", "ok")])
    def test_is_looked_for(self, text: str | None, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(install, "_of_parents", lambda: "fish")
        (path, other) = install.place_of("fish", {}, tmp_path).files
        if text:
            path.parent.mkdir(parents=True)
            for one in (path, other):
                one.write_text(scripts.script("fish") if text == "current" else scripts.MARK, "utf-8")
        finding = program._completion(_context({"HOME": str(tmp_path)}))
        assert finding.state == state
        assert finding.way_out == ("" if state == "ok" else "fal completion install")


def _context(env: Mapping[str, str]) -> Any:
    import io

    from fal_cli.context import Context
    from fal_cli.terminal.terminal import Streams

    return Context(Streams(None, io.BytesIO(), io.StringIO(), False, False, False), env)
