"""Calls to outside servers that may hang, lie, trickle, or stand where they should not.

Written on the standard library's client, because it must hold the socket itself: the name is looked up
once and checked, the connection goes to exactly that address (a second lookup could answer otherwise),
and one deadline covers everything. Time-outs of single reads do not: a server that sends a byte a
second never runs into them. So a watchdog shuts the socket when the deadline has come. Redirects are
answers like any other and are not followed.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from urllib.parse import SplitResult, urlsplit

MAX_URL = 2048
MAX_ANSWER_BYTES = 64 * 1024
USER_AGENT = "ironfeet"
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class BadAddress(ValueError):
    """An address that must not be called; the text says why, without the address."""


class Unreachable(Exception):
    """The server could not be reached, broke off, or did not answer in time; the text says which."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be called.

    Attributes:
        hosts: allowed names; ``*.example.com`` stands for every name below; None: any (the operator
            has written the address down).
        private: names may lead to addresses inside the network.
        loopback: http to this machine is allowed (testing and development only).
        plain: http is allowed anywhere.
    """

    hosts: tuple[str, ...] | None
    private: bool = False
    loopback: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: status, headers by lower-case name, the beginning of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after_s(self) -> float | None:
        """Seconds of Retry-After, from now; None where it is missing or no sense can be made of it."""
        text = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,9}", text):
            return float(text)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
        except (ValueError, OverflowError):
            return None


def check_address(url: str, reach: Reach) -> SplitResult:
    """The parts of *url* where its form and host are allowed. What the name leads to is checked later.

    Raises:
        BadAddress: where they are not.
    """
    if len(url) > MAX_URL or not re.fullmatch(r"[\x21-\x7e]+", url):
        raise BadAddress("Not an address.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise BadAddress("Not an address.") from error
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None or parts.fragment:
        raise BadAddress("Not an https address.")
    if port == 0:
        raise BadAddress("Not an https address.")
    if reach.loopback and _is_loopback(host):
        return parts
    if parts.scheme != "https" and not reach.plain:
        raise BadAddress("Not an https address.")
    if reach.hosts is not None and (port not in {None, 443} or not _HOST.fullmatch(host)):
        raise BadAddress("Not an https address.")
    if reach.hosts is not None and not any(_fits(host, pattern) for pattern in reach.hosts):
        raise BadAddress("The host is not on the list of this installation.")
    return parts


def _fits(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_public(address: str) -> bool:
    """True for an IP address out on the internet, also looked at through the ways to wrap IPv4 in IPv6."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def call(
    url: str, method: str, headers: Mapping[str, str], body: bytes | None, *, reach: Reach, deadline_s: float
) -> Answer:
    """Send one request and return the answer, whatever its status.

    Raises:
        BadAddress: where the address, or what its name leads to, must not be called.
        Unreachable: where there is no whole answer within *deadline_s*.
    """
    parts = check_address(url, reach)
    ends_at = time.monotonic() + deadline_s
    try:
        found = _look_up(parts, reach)
        with _Connection(parts, found, ends_at) as connection:
            return connection.ask(method, headers, body)
    except (OSError, http.client.HTTPException) as error:
        late = time.monotonic() >= ends_at or isinstance(error, TimeoutError)
        raise Unreachable("no answer in time" if late else f"broken: {type(error).__name__}") from error


def _look_up(parts: SplitResult, reach: Reach) -> tuple[str, int]:
    """An allowed IP address of the host, and the port."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    anywhere = reach.private or (reach.loopback and _is_loopback(host))
    if not anywhere and not all(is_public(address) for address in found):
        raise BadAddress("The name leads into a private network.")
    return found[0], port


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Connection:
    """One connection with a watchdog that shuts it at the deadline."""

    def __init__(self, parts: SplitResult, found: tuple[str, int], ends_at: float) -> None:
        self._parts, self._found, self._ends_at = parts, found, ends_at
        self._socket: socket.socket | None = None
        self._watchdog: threading.Timer | None = None

    def __enter__(self) -> _Connection:
        plain = socket.create_connection(self._found, timeout=self._left())
        try:
            plain.settimeout(self._left())
            if self._parts.scheme == "https":
                # the handshake comes after the watchdog knows the socket: it can be trickled, too
                self._socket = _tls().wrap_socket(
                    plain, server_hostname=self._parts.hostname, do_handshake_on_connect=False
                )
            else:
                self._socket = plain
        except BaseException:
            plain.close()
            raise
        self._watchdog = threading.Timer(self._left(), self._shut)
        self._watchdog.daemon = True
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        if self._socket is not None:
            self._socket.close()

    def _left(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _shut(self) -> None:
        if self._socket is not None:
            try:
                # the plain method: that of the TLS socket would touch its state beside the reader
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return  # it has just ended by itself

    def ask(self, method: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send the request and read the answer."""
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.do_handshake()
        client = http.client.HTTPConnection(self._parts.netloc)
        client.sock = self._socket
        target = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        usual = {"User-Agent": USER_AGENT, "Connection": "close", "Accept-Encoding": "identity"}
        client.request(method, target, body, usual | dict(headers))
        answer = client.getresponse()
        content = answer.read(MAX_ANSWER_BYTES)
        if time.monotonic() >= self._ends_at:
            raise TimeoutError  # what was read may have been cut off by the watchdog
        if answer.length and len(content) < MAX_ANSWER_BYTES:
            raise http.client.IncompleteRead(content, answer.length)
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, content)
