"""Where there is no front, the server serves as without accel, and the status says why."""

import datetime
import json
import os
import re
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from accel.lane import eligibility, fronts
from support.forks import in_a_fork
from support.lane import REQUEST, read_response
from support.processes import HOST, ManagedProcess, answers, free_port, wait_until

APP = "support.lane_served:app"
RUNNING = re.compile(r"Uvicorn running on \w+://127\.0\.0\.1:(\d+) ")


@contextmanager
def served(
    directory: Path, command: Sequence[str], until: re.Pattern[str], environ: Mapping[str, str]
) -> Iterator[re.Match[str]]:
    """The command, once it has written this."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ACCEL_")}
    tests = str(Path(__file__).parents[1])
    variables = {**own, "PYTHONPATH": tests, "ACCEL_REQUEST_LANE": "on", **environ}
    process = ManagedProcess("the server", command, log=directory / "log", environ=variables)
    with process:
        process.wait_until(lambda: until.search(process.output()) is not None, 30)
        found = until.search(process.output())
        assert found is not None
        yield found


def uvicorn(*arguments: str) -> list[str]:
    options = ("--host", HOST, "--port", "0", "--loop", "asyncio", "--http", "h11", "--lifespan", "off")
    return [sys.executable, "-m", "uvicorn", *options, *arguments]


def asked(connection: socket.socket) -> dict[str, Any]:
    """Two requests over the connection, and what the second one is told of the feature."""
    with connection:
        connection.sendall(REQUEST)
        assert json.loads(read_response(connection)[1])["path"] == "/v1/chat/completions"
        connection.sendall(b"GET /self HTTP/1.1\r\nhost: here\r\n\r\n")
        lane: dict[str, Any] = json.loads(read_response(connection)[1])["lane"]
        return lane


def assert_none(lane: dict[str, Any], reason: str) -> None:
    assert lane["front"] == {"state": "none", "reason": reason}
    assert lane["calls"]["native"] == 0
    assert lane["calls"]["python"] == {}


def test_there_is_one_if_nothing_speaks_against_it(tmp_path: Path) -> None:
    """Or the others would prove nothing."""
    with served(tmp_path, uvicorn(APP), RUNNING, {}) as running:
        lane = asked(socket.create_connection((HOST, int(running[1])), timeout=60))
    assert lane["front"]["state"] == "serving"
    assert sum(lane["calls"]["python"].values()) == 2


@pytest.mark.parametrize(
    ("arguments", "environ", "reason"),
    [
        (("support.lane_served:mounting",), {}, "the application is not LiteLLM's proxy"),
        (("support.lane_app:app",), {}, None),
        ((APP, "--http", "support.lane_served:Subclass"), {}, "the HTTP protocol is Subclass"),
        ((APP,), {"LANE_VARIANT": "unknown body"}, "H11Protocol is not one that accel knows"),
        (
            (APP,),
            {"LANE_VARIANT": "unknown start"},
            "uvicorn.server:Server.startup is not the function of a release of uvicorn that accel knows",
        ),
        ((APP,), {"LANE_VARIANT": "no native front"}, "this platform cannot pass descriptors"),
        ((APP,), {"ACCEL_REQUEST_LANE": "off"}, "off when the server started"),
        ((APP,), {"ACCEL_ENABLED": "0"}, "ACCEL_ENABLED=0"),
    ],
)
def test_uvicorn(tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], reason: str | None) -> None:
    with served(tmp_path, uvicorn(*arguments), RUNNING, environ) as running:
        lane = asked(socket.create_connection((HOST, int(running[1])), timeout=60))
    if reason is None:
        assert lane is None, "accel is not there at all"
    else:
        assert_none(lane, reason)


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    running = re.compile("Uvicorn running on unix socket")
    with served(tmp_path, uvicorn(APP, "--uds", str(path)), running, {}):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(str(path))
        assert_none(asked(connection), "not a TCP socket")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    signed = builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    key_path, certificate_path = tmp_path / "key.pem", tmp_path / "certificate.pem"
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    key_path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    certificate_path.write_bytes(signed.public_bytes(pem))
    return key_path, certificate_path


def test_tls_in_uvicorn(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    key, chain = map(str, certificate)
    command = uvicorn(APP, "--ssl-keyfile", key, "--ssl-certfile", chain)
    context = ssl.create_default_context(cafile=chain)
    context.check_hostname = False
    with served(tmp_path, command, RUNNING, {}) as running:
        plain = socket.create_connection((HOST, int(running[1])), timeout=60)
        assert_none(asked(context.wrap_socket(plain)), "TLS in uvicorn")


def test_granian(tmp_path: Path) -> None:
    pytest.importorskip("granian")
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", HOST, "--port", str(port), APP]
    with served(tmp_path, command, re.compile("Started worker"), {}):
        wait_until(lambda: answers(f"http://{HOST}:{port}/told"))
        assert_none(asked(socket.create_connection((HOST, port), timeout=60)), "served by granian, not by uvicorn")


class TestDescription:
    @pytest.fixture(autouse=True)
    def _nothing_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fronts, "_open", [])
        monkeypatch.setattr(fronts, "_reasons", [])
        for name in ("granian", "hypercorn"):
            monkeypatch.delitem(sys.modules, name, raising=False)

    def reason(self, absent: str | None = None) -> object:
        front = fronts.describe(absent)["front"]
        assert front["state"] == "none"
        return front["reason"]

    def test_no_server(self) -> None:
        assert self.reason() == "uvicorn has started no server since accel was imported"

    def test_another_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "hypercorn", sys)
        assert self.reason() == "served by hypercorn, not by uvicorn"

    def test_another_platform(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        guard = SimpleNamespace(status=lambda: {"mode": "on"})
        assert eligibility.before_start(guard) == "tested on Linux only, not on darwin"

    def test_the_seam_is_not_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "hypercorn", sys)
        assert self.reason("somebody else replaced the name") == "somebody else replaced the name"

    def test_what_the_server_met_comes_first(self) -> None:
        fronts.note("TLS in uvicorn")
        assert self.reason("not asked for") == "TLS in uvicorn"
        fronts.note(None)
        assert self.reason("not asked for") == "not asked for"

    def test_a_fork_of_a_server_has_none(self) -> None:
        fronts.opened(self)
        assert in_a_fork(lambda: fronts.describe(None)["front"]["state"]) == "none"

    def test_a_server_that_is_gone(self) -> None:
        fronts.opened(type(self)())
        assert fronts.describe(None)["front"] == {"state": "stopped", "reason": "its server is gone"}
