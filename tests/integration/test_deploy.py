"""What ``deploy/`` holds for production is real: nginx, systemd and PostgreSQL take it as it is."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.cluster import APPLICATION, Cluster
from scripts.front import find_nginx
from scripts.probe import accepts
from scripts.processes import Child, end_all

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

# The http block as Debian ships it: what our site must get along with.
DEBIAN = """
pid {work}/pid; error_log {work}/error.log; events {{ worker_connections 64; }}
http {{
    sendfile on; tcp_nopush on; types_hash_max_size 2048; gzip on;
    include /etc/nginx/mime.types; default_type application/octet-stream;
    include {work}/site.conf;
}}
"""


def test_nginx_takes_the_site_inside_debians_configuration(tmp_path):
    certificate = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    certificate += ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "fullchain.pem")]
    subprocess.run(certificate, check=True, capture_output=True)
    site = (DEPLOY / "nginx" / "ironfeet.conf").read_text()
    for there, here in (
        ("/opt/ironfeet", ROOT),
        ("/etc/ironfeet/tls", tmp_path),
        ("/var/log/nginx", tmp_path),
    ):
        site = site.replace(there, str(here))
    (tmp_path / "site.conf").write_text(site)
    (tmp_path / "nginx.conf").write_text(DEBIAN.format(work=tmp_path))
    tried = subprocess.run(
        [find_nginx(), "-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        capture_output=True,
        text=True,
    )
    complaints = [line for line in tried.stderr.splitlines() if "[warn]" not in line]
    assert (tried.returncode, complaints) == (0, [])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_understands_the_units(tmp_path):
    for unit in (DEPLOY / "systemd").iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/ironfeet", str(ROOT)))
    for unit in ("ironfeet-web.service", "ironfeet-live.service", "ironfeet-worker@1.service"):
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / unit)],
            capture_output=True,
            text=True,
        )
        ours = [
            line for line in checked.stderr.splitlines() if "ironfeet" in line and "not found" not in line
        ]
        assert ours == []


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    """A server set up with ``deploy/roles.sql`` and migrated by an owner who is no superuser."""
    cluster = Cluster(tmp_path_factory.mktemp("production"), durable=False)
    cluster.start()
    try:
        psql = ["psql", "-X", "-q", "-h", str(cluster.socket), "-U", "ironfeet", "-d", "postgres"]
        subprocess.run([*psql, "-f", str(DEPLOY / "roles.sql")], check=True, capture_output=True)
        environ = os.environ | {
            "IRONFEET_MODE": "production",
            "SECRET_KEY": "0123456789abcdef" * 3,
            "DATABASE_URL": cluster.url(APPLICATION),
            "OWNER_DATABASE_URL": cluster.url("ironfeet_owner"),
            "FLASK_APP": "wsgi.py",
        }
        migrate = [sys.executable, "-m", "flask", "db", "upgrade"]
        subprocess.run(migrate, check=True, cwd=ROOT, env=environ, capture_output=True)
        yield cluster, environ
    finally:
        cluster.stop()


def test_the_roles_give_the_application_what_it_needs_and_no_more(production):
    cluster, _environ = production
    rights = cluster.sql(
        "select string_agg(privilege_type, ' ' order by privilege_type)"
        " from information_schema.role_table_grants"
        " where grantee = 'ironfeet_app' and table_name = 'ledger_row'",
        "ironfeet",
    )
    assert rights == "INSERT SELECT"
    assert cluster.sql("select has_table_privilege('ironfeet_app', 'app_user', 'update')", "ironfeet") == "t"
    assert cluster.sql("select has_schema_privilege('ironfeet_app', 'public', 'create')", "ironfeet") == "f"


@pytest.mark.parametrize(("unit", "name"), [("web", "web.sock"), ("live", "live.sock")])
def test_a_unit_opens_its_socket_for_the_group(production, tmp_path, unit, name):
    _cluster, environ = production
    text = (DEPLOY / "systemd" / f"ironfeet-{unit}.service").read_text().replace("\\\n", " ")
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    command = shlex.split(line.removeprefix("ExecStart=").replace(f"/run/ironfeet-{unit}", str(tmp_path)))
    command[0] = sys.executable
    child = Child(unit, command, tmp_path / "out.log", environ, ROOT)
    try:
        deadline = time.monotonic() + 30
        while not accepts(tmp_path / name):
            assert child.exit_code is None, child.last_words()
            assert time.monotonic() < deadline, child.last_words()
            time.sleep(0.05)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o660
    finally:
        end_all([child], 5)
