"""The private database server survives the death of its parent and never outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from scripts.cluster import SOCKET_PATH_LIMIT, Cluster, ClusterError

ROOT = Path(__file__).resolve().parents[2]

PARENT = """
import sys, time
from pathlib import Path
from scripts.cluster import Cluster
cluster = Cluster(Path(sys.argv[1]), durable=False)
cluster.start()
cluster.ensure_database()
cluster.sql("create table if not exists kept (n int)", "ironfeet")
cluster.sql("insert into kept values (1)", "ironfeet")
print(cluster.process.pid, flush=True)
time.sleep(600)
"""


def start_in_a_parent(home: Path) -> tuple[subprocess.Popen[str], int]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(home)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    line = parent.stdout.readline()
    parent.stdout.close()
    assert line, "the parent did not start its server"
    return parent, int(line)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until_gone(pid: int, within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


def test_the_server_dies_with_a_killed_parent_and_keeps_its_rows(tmp_path):
    for kills in (1, 2):
        parent, server = start_in_a_parent(tmp_path)
        parent.kill()
        parent.wait()
        if kills == 1:
            wait_until_gone(server)  # the second round starts while the first server is still ending
    cluster = Cluster(tmp_path, durable=False)
    cluster.start()
    try:
        assert cluster.sql("select count(*) from kept", "ironfeet") == "2"
    finally:
        cluster.stop()


def test_a_killed_server_comes_back_with_its_rows(tmp_path):
    cluster = Cluster(tmp_path)
    cluster.start()
    try:
        cluster.ensure_database()
        cluster.sql("create table kept as select 1 as n", "ironfeet")
        os.kill(cluster.process.pid, signal.SIGKILL)
        cluster.revive()
        assert cluster.sql("select n from kept", "ironfeet") == "1"
    finally:
        cluster.stop()


def test_a_deep_folder_gets_a_short_socket(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    cluster = Cluster(deep, durable=False)
    cluster.start()
    try:
        assert len(bytes(cluster.socket)) <= SOCKET_PATH_LIMIT
        assert cluster.socket.stat().st_mode & 0o777 == 0o700
        assert cluster.sql("select 1") == "1"
    finally:
        cluster.stop()
        cluster.socket.rmdir()


def test_two_servers_never_share_one_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.cluster.STOP_TIMEOUT_S", 0.5)
    first = Cluster(tmp_path, durable=False)
    first.start()
    try:
        with pytest.raises(ClusterError, match=r"Another server \(process \d+\) is running"):
            Cluster(tmp_path, durable=False).start()
    finally:
        first.stop()


def test_broken_data_are_told_in_one_sentence(tmp_path):
    cluster = Cluster(tmp_path, durable=False)
    cluster.start()
    cluster.stop()
    (cluster.data / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(ClusterError, match=r"The database did not start: .*pg_control") as told:
        cluster.start()
    assert "\n" not in str(told.value)


def test_data_of_another_major_version_are_not_touched(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(ClusterError, match="made by PostgreSQL 9, which is not installed"):
        Cluster(tmp_path).start()


def test_a_folder_with_other_things_in_it_is_not_touched(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "diary.txt").write_text("dear diary")
    with pytest.raises(ClusterError, match="is not empty and holds no database"):
        Cluster(tmp_path).start()


def test_the_application_role_is_no_superuser(server):
    assert server.cluster.sql("select rolsuper from pg_roles where rolname = 'ironfeet_app'") == "f"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
@pytest.mark.parametrize("reachable", [True, False])
def test_root_without_namespaces_starts_as_postgres(monkeypatch, reachable):
    """Also where the postgres user cannot enter the folder: then the data lie in a shared place."""
    monkeypatch.setattr("scripts.cluster._namespaces_work", lambda: False)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o755)
        monkeypatch.setattr("scripts.cluster.SHARED_PLACES", base / "shared")
        home = base / "home"
        home.mkdir(mode=0o755 if reachable else 0o700)
        for _start in (1, 2):
            cluster = Cluster(home, durable=False)
            cluster.start()
            try:
                cluster.ensure_database()
                assert cluster.data.owner() == "postgres"
                assert cluster.data.is_relative_to(home if reachable else base / "shared")
            finally:
                cluster.stop()
