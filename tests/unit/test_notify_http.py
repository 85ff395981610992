"""Outside servers are called only where that is allowed, and never for longer than the deadline."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from app.notify.channels import http
from app.notify.channels.http import BadAddress, Reach, Unreachable, check_address, is_public
from config import PUSH_HOSTS, SettingsError, read_settings
from tests import peer
from tests.peer import answer

PUSH = Reach(hosts=PUSH_HOSTS)
HERE = Reach(hosts=("nobody.example",), loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://fcm.googleapis.com/fcm/send/abc:def",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://web.push.apple.com/QABC",
        "https://wns2-by3p.notify.windows.com/w/?token=BQ%3d",
        "https://fcm.googleapis.com:443/x",
    ],
)
def test_the_push_services_of_the_browsers_may_be_called(url: str) -> None:
    assert check_address(url, PUSH).hostname


@pytest.mark.parametrize(
    "url",
    [
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://push.services.mozilla.com.evil.example/",
        "https://fcm.googleapis.com@evil.example/",
        "https://user:word@fcm.googleapis.com/",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://localhost/x",
        "https://169.254.169.254/latest/meta-data",
        "https://fcm.googleapis.com/x#part",
        "https://fcm.googleapis.com:0/x",
        "https://fcm.googleapis.com:22/x",
        "https://*.push.apple.com/x",
        "https://.push.apple.com/x",
        "https://fcm.googleapis.com:99999/x",
        "https://fcm.googleapis.com/\r\nHost: x",
        "https://fcm.googleapis.com/ x",
        "https://ﬁcm.googleapis.com/",
        "ftp://fcm.googleapis.com/",
        "file:///etc/passwd",
        "https:///x",
        "https://[fcm/",
        "",
        "https://fcm.googleapis.com/" + "x" * 2048,
    ],
)
def test_nothing_else_may(url: str) -> None:
    with pytest.raises(BadAddress) as refused:
        check_address(url, PUSH)
    assert not url or url not in str(refused.value)


def test_this_machine_may_be_called_while_developing_only() -> None:
    assert check_address("http://127.0.0.1:8080/x", HERE).port == 8080
    with pytest.raises(BadAddress):
        check_address("http://127.0.0.1:8080/x", PUSH)
    with pytest.raises(BadAddress):
        check_address("http://10.0.0.1:8080/x", HERE)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("ff02::1", False),
        ("not an address", False),
    ],
)
def test_what_counts_as_out_on_the_internet(address: str, public: bool) -> None:
    assert is_public(address) is public


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[Any]:
    """Let every name lead to *addresses*; returns the look-ups and connections made."""
    made: list[Any] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        made.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    def connect(found: Any, **_: Any) -> socket.socket:
        made.append(found)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    return made


def test_a_name_that_leads_inside_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    made = names(monkeypatch, "8.8.8.8", "10.0.0.1")
    with pytest.raises(BadAddress, match="private network"):
        http.call("https://fcm.googleapis.com/x", "POST", {}, b"", reach=PUSH, deadline_s=1)
    assert made == ["fcm.googleapis.com"]


def test_a_name_is_looked_up_once_and_that_address_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    made = names(monkeypatch, "8.8.8.8")
    with pytest.raises(Unreachable):
        http.call("https://fcm.googleapis.com/x", "POST", {}, b"", reach=PUSH, deadline_s=1)
    assert made == ["fcm.googleapis.com", ("8.8.8.8", 443)]


def test_an_operators_own_server_may_stand_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    made = names(monkeypatch, "10.0.0.1")
    reach = Reach(hosts=("wecom.gov.example",), private=True)
    with pytest.raises(Unreachable):
        http.call("https://wecom.gov.example/x", "POST", {}, b"", reach=reach, deadline_s=1)
    assert made[-1] == ("10.0.0.1", 443)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (peer.hang, "no answer in time"),
        (peer.trickle_head, "no answer in time"),
        (peer.trickle_body, "no answer in time"),
        (peer.close_in_the_middle, "broken: IncompleteRead"),
        (peer.close_at_once, "broken: RemoteDisconnected"),
        (peer.babble, "broken: BadStatusLine"),
    ],
)
def test_a_bad_server_is_left_within_the_deadline(behaviour: peer.Behaviour, said: str) -> None:
    with peer.running(behaviour) as server:
        began = time.monotonic()
        with pytest.raises(Unreachable, match=said):
            http.call(server.origin + "/x", "POST", {}, b"body", reach=HERE, deadline_s=0.4)
        assert time.monotonic() - began < 2
    assert [request.body for request in server.received] == [b"body"]


def test_a_handshake_that_trickles_is_left_within_the_deadline() -> None:
    """TLS to a server that says nothing: the time-out of the socket alone would not see a slow one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(Unreachable, match="no answer in time"):
            http.call(f"https://127.0.0.1:{port}/", "GET", {}, None, reach=HERE, deadline_s=0.3)


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="broken: ConnectionRefusedError"):
        http.call(f"http://127.0.0.1:{port}/", "GET", {}, None, reach=HERE, deadline_s=1)


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with peer.running() as other, peer.running(answer(307, Location=other.origin)) as server:
        found = http.call(server.origin + "/x?y=1", "POST", {"A": "b"}, b"z", reach=HERE, deadline_s=1)
    assert (found.status, other.received) == (307, [])
    (request,) = server.received
    assert (request.method, request.path, request.headers["a"]) == ("POST", "/x?y=1", "b")


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("120", 120, 120),
        ("0", 0, 0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0, 0),
        ("Fri, 31 Dec 2100 23:59:59 GMT", 1e8, 1e10),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, low: float, high: float) -> None:
    found = http.Answer(429, {"retry-after": value}, b"").retry_after_s
    assert found is not None
    assert low <= found <= high


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e3", "9" * 30])
def test_retry_after_without_sense_is_none(value: str) -> None:
    assert http.Answer(429, {"retry-after": value}, b"").retry_after_s is None


GOOD = {"IRONFEET_MODE": "testing", "DATABASE_URL": "postgresql://app@db/ironfeet"}
SMS = {"SMS_URL": "https://sms.example/send", "SMS_BODY": '{"to": "{phone}", "say": "{text}"}'}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"VAPID_CONTACT": "me"}, "VAPID_CONTACT"),
        ({"VAPID_PRIVATE_KEY": "c2hvcnQ"}, "^VAPID_PRIVATE_KEY is not"),
        ({"VAPID_PRIVATE_KEY": "_" * 43}, "^VAPID_PRIVATE_KEY is not"),
        ({"PUSH_ENDPOINT_HOSTS": "https://x.example"}, "PUSH_ENDPOINT_HOSTS"),
        ({"PUSH_ENDPOINT_HOSTS": "*"}, "PUSH_ENDPOINT_HOSTS"),
        ({"WECOM_HOSTS": "a,,b"}, "WECOM_HOSTS"),
        ({"WECOM_MENTION_PHONES": "true"}, "WECOM_MENTION_PHONES"),
        ({"SEND_DEADLINE_S": "0"}, "SEND_DEADLINE_S"),
        (SMS | {"SMS_URL": "sms.example"}, "^SMS_URL is not"),
        (SMS | {"SMS_BODY": "{"}, "SMS_BODY is not JSON"),
        (SMS | {"SMS_BODY": "[]"}, "SMS_BODY must be"),
        (SMS | {"SMS_BODY": '{"to": "{phone}"}'}, "where {phone} and {text} go"),
        (SMS | {"SMS_METHOD": "PUT"}, "SMS_METHOD"),
        (SMS | {"SMS_FORMAT": "xml"}, "SMS_FORMAT"),
        (SMS | {"SMS_HEADERS": '{"A": 1}'}, "SMS_HEADERS"),
        (SMS | {"SMS_HEADERS": '{"A": "x\\r\\nB: y"}'}, "SMS_HEADERS"),
        (SMS | {"SMS_SUCCESS": "("}, "SMS_SUCCESS"),
    ],
)
def test_a_bad_setting_of_a_channel_is_refused_by_name(change: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_settings(GOOD | change)


def test_secrets_of_channels_are_not_shown() -> None:
    secret = {"SMS_HEADERS": '{"Authorization": "Bearer kept4me"}', "VAPID_PRIVATE_KEY": "A" * 42 + "E"}
    settings = read_settings(GOOD | SMS | secret)
    assert "kept4me" not in repr(settings.channels)
    assert "private_key" not in repr(settings.channels)
    assert settings.channels.sms.headers["Authorization"] == "Bearer kept4me"
