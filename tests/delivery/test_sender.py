"""HTTP to receivers that answer badly, late, never or from where they must not be."""

from __future__ import annotations

import datetime
import socket
import ssl
import time
from contextlib import closing
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flask_scim.delivery.addresses import RefusedAddress
from flask_scim.delivery.sender import Caution, Reply, Sender
from tests.delivery.receivers import Answer, Received, answer, hang, receiving, say_raw
from tests.waiting import PATIENCE

HERE = Caution(http=True, private=True, connect=PATIENCE, total=PATIENCE)
#: For receivers that never come to an end.
HASTY = replace(HERE, total=0.4)
HEADERS = {"Content-Type": "application/json", "webhook-id": "evt_1"}


def send_to(answer: Answer, caution: Caution = HERE) -> Reply:
    """Send to a receiver that answers so."""
    with receiving(answer) as receiver, closing(Sender(receiver.url, caution)) as sender:
        return sender.send(b"{}", HEADERS)


def test_request() -> None:
    """What arrives is what was sent, to the path that was named, over one connection."""
    with receiving(answer(202, b"thank you")) as receiver:
        sender = Sender(receiver.url, HERE)
        replies = [sender.send(b'{"a":1}', HEADERS) for _ in range(3)]
        sender.close()
    assert replies == [Reply(202, "Accepted thank you")] * 3
    assert receiver.connections == 1
    received = receiver.received[0]
    assert (received.path, received.body) == ("/hook?of=acme", b'{"a":1}')
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert received.headers["webhook-id"] == "evt_1"
    assert received.headers["user-agent"] == "Flask-SCIM"


@pytest.mark.parametrize("status", [200, 204, 400, 404, 410, 429, 500, 503])
def test_statuses(status: int) -> None:
    """The status is told as it is."""
    assert send_to(answer(status)).status == status


def test_redirects_are_not_followed() -> None:
    """Whatever a redirect leads to is left alone."""
    with receiving(answer(200)) as secret:
        reply = send_to(answer(302, Location=secret.url))
    assert reply.status == 302
    assert secret.received == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("99999999999999999999", 999_999_999.0),
        ("Fri, 01 Jan 1999 00:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    """Seconds or a date; what is neither says nothing."""
    assert send_to(answer(503, Retry_After=value)).retry_after == seconds


def test_retry_after_a_date() -> None:
    """A date is so many seconds from now."""
    began = datetime.datetime.now(datetime.UTC)
    later = began.replace(microsecond=0) + datetime.timedelta(seconds=90)
    seconds = send_to(answer(429, Retry_After=format_datetime(later, usegmt=True))).retry_after
    assert seconds is not None
    # It was read at some time between.
    assert (
        began <= later - datetime.timedelta(seconds=seconds) <= datetime.datetime.now(datetime.UTC)
    )


TOO_LATE = Reply(0, "no answer within 0.4 seconds")


def test_no_answer() -> None:
    """Who says nothing is given up."""
    assert send_to(hang, HASTY) == TOO_LATE


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n", *[b"a"] * 600],
        [b"HTTP/1.1 100 Continue\r\n\r\n"] * 600,
    ],
    ids=["drip", "continue"],
)
def test_an_answer_that_drips(pieces: list[bytes]) -> None:
    """Who takes too long for all of it is given up, however soon each piece comes."""
    said_all = False

    def say(handler: Any, received: Received) -> None:
        nonlocal said_all
        say_raw(*pieces, pause=0.1)(handler, received)
        said_all = True

    assert send_to(say, HASTY) == TOO_LATE
    assert not said_all


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (say_raw(b"\x16\x03\x01 what is this\r\n\r\n"), "no HTTP"),
        (say_raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), "no HTTP"),
        (say_raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"), "no HTTP"),
        (say_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "no HTTP"),
        (say_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf"), "no HTTP"),
        (say_raw(), "closed connection without response"),
    ],
    ids=["garbage", "headers", "line", "chunks", "half", "nothing"],
)  # fmt: skip
def test_what_is_no_answer(answer: Answer, reason: str) -> None:
    """What is no answer is told so."""
    reply = send_to(answer)
    assert reply.status == 0
    assert reason in reply.reason


def test_long_answers_are_cut() -> None:
    """Of a large answer only the beginning is read, and its rest is not taken for the next one."""
    with receiving(answer(500, b"<html>\x00 " + b"x" * 1_000_000)) as receiver:
        sender = Sender(receiver.url, HERE)
        replies = [sender.send(b"{}", HEADERS) for _ in range(2)]
        sender.close()
    assert [reply.status for reply in replies] == [500, 500]
    assert len(replies[0].reason) == 300
    assert replies[0].reason.isprintable()
    assert receiver.connections == 2


def test_a_connection_that_was_closed_meanwhile() -> None:
    """A receiver may close what is idle: the next message opens another connection."""

    def close(handler: Any, received: Received) -> None:
        answer(200)(handler, received)
        handler.close_connection = True

    with receiving(close) as receiver:
        sender = Sender(receiver.url, HERE)
        for _ in range(3):
            assert sender.send(b"{}", HEADERS).status == 200
            time.sleep(0.02)
        sender.close()
    assert len(receiver.received) == 3


def test_nobody_listens() -> None:
    """A port where nobody listens is told so."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        # As long as it is held, nobody else begins to listen there.
        reply = Sender(f"http://127.0.0.1:{free.getsockname()[1]}/", HERE).send(b"{}", HEADERS)
    assert reply.status == 0
    assert "refused" in reply.reason


def test_private_addresses_are_refused_when_they_are_called() -> None:
    """A name is judged by where it leads at that moment, and nothing is sent there."""
    caution = replace(HERE, private=False)
    with receiving(answer(200)) as receiver:
        url = f"http://localhost:{receiver.port}/"
        reply = Sender(url, caution).send(b"{}", HEADERS)
        assert (reply.status, receiver.connections) == (0, 0)
        assert "public internet" in reply.reason
        with pytest.raises(RefusedAddress):
            Sender(receiver.url, caution)


def test_a_name_that_changes_its_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up once, and what was checked is what is called."""
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def rebind(host: str, port: int, **options: Any) -> Any:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return look_up(address, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebind)
    with receiving(answer(200)) as receiver:
        sender = Sender(f"http://hook.example:{receiver.port}/", HERE)
        assert sender.send(b"{}", HEADERS).status == 200
        sender.close()
    assert asked == ["hook.example"]
    assert receiver.received[0].headers["host"] == f"hook.example:{receiver.port}"


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment gets nothing to see."""
    with receiving(answer(200)) as proxy, receiving(answer(200)) as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with closing(Sender(receiver.url, HERE)) as sender:
            assert sender.send(b"{}", HEADERS).status == 200
    assert (len(receiver.received), len(proxy.received)) == (1, 0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of ``hook.example`` and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "hook.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize(("host", "status"), [("hook.example", 200), ("other.example", 0)])
def test_tls(certificate: Path, monkeypatch: pytest.MonkeyPatch, host: str, status: int) -> None:
    """The certificate has to be of the name that was asked for, at the address that was checked."""
    named: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _, name, __: named.append(name)
    trusting = ssl.create_default_context(cafile=certificate)
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _, port, **options: look_up("127.0.0.1", port, **options)
    )
    with receiving(answer(200), context) as receiver:
        sender = Sender(f"https://{host}:{receiver.port}/", HERE, trusting)
        reply = sender.send(b"{}", HEADERS)
        sender.close()
    assert reply.status == status
    assert named == [host]
    assert len(receiver.received) == (1 if status else 0)
    if not status:
        assert "certificate" in reply.reason.lower()


def test_a_certificate_that_nobody_trusts(certificate: Path) -> None:
    """Without an authority that the system trusts, nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with receiving(answer(200), context) as receiver:
        reply = Sender(f"https://127.0.0.1:{receiver.port}/", HERE).send(b"{}", HEADERS)
    assert reply.status == 0
    assert "certificate" in reply.reason.lower()
    assert receiver.received == []
