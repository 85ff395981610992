"""The front: pages with the right headers, and its own refusals in the API's language."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from scripts.front import Front, FrontError, free_hosts
from scripts.probe import ask
from scripts.processes import Child, end_all
from tests.stack import free_port

SCRIPT = b"export const answer = 42\n" * 200


class Upstream(BaseHTTPRequestHandler):
    """Answers with what it was asked; stands for the API."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({"path": self.path, "from": self.headers["X-Forwarded-For"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    do_PUT = do_POST

    def address_string(self):
        return "unix"

    def log_message(self, *_arguments):
        """Quiet."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    folder = tmp_path_factory.mktemp("front")
    pages = folder / "pages"
    for path, content in {
        "field/index.html": b"<title>field</title>",
        "field/service-worker.js": SCRIPT,
        "field/app.webmanifest": b"{}",
        "console/index.html": b"<title>console</title>",
        "assets/app-1a2b.js": SCRIPT,
        "assets/app-1a2b.js.gz": gzip.compress(SCRIPT),
        ".vite/manifest.json": b"{}",
    }.items():
        (pages / path).parent.mkdir(parents=True, exist_ok=True)
        (pages / path).write_bytes(content)
    port = free_port()
    front = Front(
        work=folder / "work",
        hosts=free_hosts("127.0.0.1", port),
        port=port,
        web=folder / "w.sock",
        live=folder / "l.sock",
        log=folder / "nginx.log",
        pages=pages,
        tile_url="https://t{s}.tiles.example/{z}/{x}/{y}",
    )
    upstream = Server(str(front.web), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    child = Child("nginx", front.command(), folder / "out.log", os.environ, folder)
    deadline = time.monotonic() + 10
    while ask("127.0.0.1", port, "/field/")[0] != 200:
        assert time.monotonic() < deadline, child.last_words()
        time.sleep(0.05)
    yield front
    end_all([child], 5)
    upstream.shutdown()
    upstream.server_close()


def call(front, path, method="GET", body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/field/", b"field"),
        ("/field/rounds/0190a7c2-0000-7000-8000-000000000000", b"field"),
        ("/console/", b"console"),
        ("/console/reviews?state=open", b"console"),
    ],
)
def test_a_path_of_an_app_is_its_page(front, path, title):
    answer, body = call(front, path)
    assert (answer.status, body) == (200, b"<title>" + title + b"</title>")
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "target"), [("/", "/field/"), ("/field", "/field/"), ("/console", "/console/")]
)
def test_short_addresses_lead_to_the_apps(front, path, target):
    assert call(front, path)[0].headers["Location"] == target


@pytest.mark.parametrize(
    "path", ["/assets/gone-1a2b.js", "/field/gone.js", "/.vite/manifest.json", "/field/.env", "/etc/passwd"]
)
def test_a_missing_or_hidden_file_is_a_404_that_nobody_keeps(front, path):
    answer, _body = call(front, path)
    assert answer.status == 404
    assert answer.headers["Cache-Control"] is None


def test_hashed_files_are_kept_for_ever_and_come_compressed(front):
    answer, body = call(front, "/assets/app-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == SCRIPT


def test_the_service_worker_is_asked_for_again_each_time(front):
    assert call(front, "/field/service-worker.js")[0].headers["Cache-Control"] == "no-cache"
    assert (
        call(front, "/field/app.webmanifest")[0]
        .headers["Content-Type"]
        .startswith("application/manifest+json")
    )


@pytest.mark.parametrize("path", ["/field/", "/api/v1/me", "/assets/gone.js"])
def test_every_answer_carries_the_content_policy(front, path):
    policy = call(front, path)[0].headers["Content-Security-Policy"]
    assert "script-src 'self' 'wasm-unsafe-eval';" in policy
    assert "img-src 'self' data: blob: https://*.tiles.example;" in policy
    assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")


def test_the_api_is_passed_on_and_not_kept(front):
    answer, body = call(front, "/api/v1/me?x=1", headers={"X-Forwarded-For": "6.6.6.6"})
    assert json.loads(body) == {"path": "/api/v1/me?x=1", "from": "127.0.0.1"}
    assert answer.headers.get_all("Cache-Control") == ["no-store"]


def problem(answer, body):
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    document = json.loads(body)
    assert document["status"] == answer.status
    return answer.status, document["type"]


def test_four_megabytes_pass_and_more_is_a_problem_document(front):
    assert call(front, "/api/v1/sync", "POST", b"x" * 4 * 1024 * 1024)[0].status == 200
    assert problem(*call(front, "/api/v1/sync", "POST", b"x" * 4 * 1024 * 1024 + b"x")) == (
        413,
        "/problems/too-large",
    )


def test_a_photo_may_have_eight_megabytes(front):
    path = "/api/v1/photos/" + "0" * 64
    assert call(front, path, "PUT", b"x" * 8 * 1024 * 1024)[0].status == 200
    assert problem(*call(front, path, "PUT", b"x" * 8 * 1024 * 1024 + b"x")) == (413, "/problems/too-large")


def test_a_server_that_is_away_is_a_503_problem(front):
    answer, body = call(front, "/api/v1/live")
    assert problem(answer, body) == (503, "/problems/unavailable")
    assert answer.headers["Retry-After"] == "2"


def test_a_request_line_that_cannot_be_read_is_a_problem_document(front):
    assert problem(*call(front, "/api/v1/" + "x" * 40_000)) == (400, "/problems/bad-request")
    assert problem(*call(front, "/api/v1/me", headers={"Bad": "x" * 70_000})) == (
        400,
        "/problems/bad-request",
    )


@pytest.mark.parametrize(
    "head",
    [
        "GET /api/v1/me HTTP/3.0\r\nHost: x\r\n",
        "POST /api/v1/sync HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: zip\r\n",
    ],
)
def test_a_protocol_that_is_not_spoken_is_a_problem_document(front, head):
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as connection:
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert problem(answer, answer.read()) == (400, "/problems/bad-request")


def test_a_method_that_a_page_does_not_know_is_a_problem_document(front):
    assert problem(*call(front, "/field/", "POST", b"x")) == (405, "/problems/method-not-allowed")
    assert problem(*call(front, "/api/v1/me", "TRACE")) == (405, "/problems/method-not-allowed")


def test_what_lies_below_the_health_page_is_the_apis_to_answer(front):
    assert json.loads(call(front, "/healthz/")[1])["path"] == "/healthz/"


def test_a_busy_port_is_told_with_a_way_out(front):
    with pytest.raises(
        FrontError, match=f"Port {front.port} is used by another program.*PORT={front.port + 1}"
    ):
        free_hosts("127.0.0.1", front.port)


def test_a_refused_configuration_is_told(front, tmp_path):
    broken = Front(
        work=tmp_path / "w",
        hosts=("300.0.0.1",),
        port=1,
        web=front.web,
        live=front.live,
        log=tmp_path / "log",
        pages=tmp_path,
    )
    with pytest.raises(FrontError, match="nginx refuses its configuration"):
        broken.command()
