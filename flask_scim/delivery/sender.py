"""HTTP to receivers that nobody here knows: slow, broken, hostile or gone.

It stands on :mod:`http.client`, which follows no redirect, reads no proxy from the environment, and
takes a connection that was made to an address that was checked.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, partial
from typing import Any

from .addresses import RefusedAddress, read_target, resolve

#: For how many seconds to wait for an answer, where nobody says.
TIMEOUT = 15.0
#: The most of an answer that is read, in bytes: enough to say what is wrong.
_LARGEST_ANSWER = 4_096
_LONGEST_REASON = 300
#: What a receiver does that has given up a connection which we had kept.
_DROPPED = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


@dataclass(frozen=True, slots=True)
class Caution:
    """What receivers may be, and how long they may take.

    :param http: whether they may do without TLS.
    :param private: whether they may be on this machine or its network.
    :param connect: for how many seconds to try to connect to one address.
    :param total: for how many seconds to wait for an answer, all in all.
    """

    http: bool = False
    private: bool = False
    connect: float = 5.0
    total: float = TIMEOUT


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver has answered.

    :param status: the HTTP status; 0 where there was no answer.
    :param reason: what it says, or why there is no answer.
    :param retry_after: for how many seconds it wants to be left alone; ``None`` if it does not say.
    """

    status: int
    reason: str = ""
    retry_after: float | None = None


class Sender:
    """Sends to one receiver, over one connection for as long as it lasts.

    :param url: the URL of the receiver.
    :param caution: what it may be, and how long it may take.
    :param context: how to speak TLS; left out, with the authorities that the system trusts.
    :raises RefusedAddress: if the URL cannot, or must not, be called.
    """

    def __init__(self, url: str, caution: Caution, context: ssl.SSLContext | None = None) -> None:
        self._target = read_target(url, allow_http=caution.http, allow_private=caution.private)
        self._caution = caution
        self._context = context
        self._connection: http.client.HTTPConnection | None = None

    def send(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body with ``POST``.

        :param body: the body.
        :param headers: the headers.
        :return: what the receiver has answered.
        """
        deadline = time.monotonic() + self._caution.total
        if self._connection is not None:
            try:
                return self._exchange(self._connection, body, headers, deadline)
            except _DROPPED:
                # It was closed while nobody used it; what is sent twice has the same id.
                self.close()
            except (OSError, http.client.HTTPException) as error:
                return self._fail(error)
        try:
            self._connection = self._connect(deadline)
            return self._exchange(self._connection, body, headers, deadline)
        except (OSError, http.client.HTTPException, RefusedAddress) as error:
            return self._fail(error)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fail(self, error: Exception) -> Reply:
        self.close()
        match error:
            case TimeoutError():
                reason = f"no answer within {self._caution.total:g} seconds"
            case RefusedAddress() | socket.gaierror() | ssl.SSLError():
                reason = str(error)
            case http.client.HTTPException() if not isinstance(error, ConnectionError):
                reason = f"the answer is no HTTP ({type(error).__name__})"
            case _:
                reason = str(error) or type(error).__name__
        return Reply(0, reason[:_LONGEST_REASON])

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        target = self._target
        tried: OSError | None = None
        for family, address in resolve(target, allow_private=self._caution.private):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(min(self._caution.connect, _remaining(deadline)))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if target.secure:
                    sock.settimeout(_remaining(deadline))
                    context = self._context or _trusting()
                    sock = context.wrap_socket(sock, server_hostname=target.host)
            except OSError as error:
                sock.close()
                tried = error
                continue
            connection = http.client.HTTPConnection(target.host, target.port)
            # Nothing but what is made here may be connected to.
            connection.auto_open = 0
            connection.sock = sock
            return connection
        raise tried or OSError("the name of the receiver has no address")

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        body: bytes,
        headers: Mapping[str, str],
        deadline: float,
    ) -> Reply:
        assert connection.sock is not None
        connection.sock.settimeout(_remaining(deadline))
        respond = partial(_TimedResponse, deadline=deadline)
        connection.response_class = respond  # type: ignore[assignment]  # not a class alone will do
        own = {"Host": self._target.authority, "User-Agent": "Flask-SCIM"}
        connection.request("POST", self._target.path, body, {**own, **headers})
        response = connection.getresponse()
        answered = response.read(_LARGEST_ANSWER)
        if response.length and len(answered) < _LARGEST_ANSWER:
            raise http.client.IncompleteRead(answered, response.length)
        if not response.isclosed() or response.status < 200:
            # What is left of the answer must not be taken for the next one.
            self.close()
        return Reply(
            response.status,
            _tell(response.reason, answered),
            _read_retry_after(response.headers.get("Retry-After")),
        )


class _TimedResponse(http.client.HTTPResponse):
    """An answer that has to be there by some moment, however slowly it drips."""

    def __init__(self, sock: socket.socket, *args: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedReader(sock, deadline))


class _TimedReader(io.RawIOBase):
    """Reads from a socket until some moment."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._raw: Any = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_remaining(self._deadline))
        read: int | None = self._raw.readinto(buffer)
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()


@cache
def _trusting() -> ssl.SSLContext:
    """The certificates that the system trusts, which take long to read."""
    return ssl.create_default_context()


def _remaining(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _tell(phrase: str, body: bytes) -> str:
    """What an answer says, on one line."""
    text = " ".join(f"{phrase} {body.decode('utf-8', 'replace')}".split())
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:_LONGEST_REASON]


def _read_retry_after(value: str | None) -> float | None:
    """Read the header (:rfc:`9110#section-10.2.3`); nothing of what is none."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
