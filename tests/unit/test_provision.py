"""The set-up names what is missing in one sentence and installs nothing that is there."""

from __future__ import annotations

import gzip
import os
import subprocess
import threading

import pytest

from scripts import provision
from scripts.front import FrontError, free_hosts, tile_origin
from scripts.provision import Provision, ProvisionError, compress


def test_missing_packages_without_apt_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(provision, "find_programs", lambda: None)
    monkeypatch.setattr(provision, "find_nginx", lambda: None)
    monkeypatch.setattr(provision.shutil, "which", lambda _name: None)
    with pytest.raises(ProvisionError, match=r"Missing: postgresql postgresql-postgis nginx.*no apt-get"):
        Provision(tmp_path, os.environ).packages(for_tests=False)


def test_missing_packages_without_root_or_sudo_say_what_to_type(monkeypatch, tmp_path):
    monkeypatch.setattr(provision, "find_nginx", lambda: None)
    monkeypatch.setattr(
        provision.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None
    )
    monkeypatch.setattr(provision.os, "geteuid", lambda: 1000)
    with pytest.raises(ProvisionError, match=r"run as root: apt-get install -y .*nginx"):
        Provision(tmp_path, os.environ).packages(for_tests=False)


def test_a_failed_step_quotes_the_program(monkeypatch, tmp_path):
    step = Provision(tmp_path, os.environ)
    with pytest.raises(ProvisionError, match=r"It failed: E: no such thing \(all of it: .*setup\.log\)"):
        step._run(
            "Trying",
            ["sh", "-c", "echo fine; echo 'E: no such thing' >&2; exit 1"],
            "It failed",
            cwd=tmp_path,
        )


def test_old_node_counts_as_missing(tmp_path):
    for name, says in (("node", "v18.19.0"), ("npm", "9.2.0")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {says}\n")
        program.chmod(0o755)
    assert not provision._node_works({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    (tmp_path / "node").write_text("#!/bin/sh\necho v20.19.1\n")
    assert provision._node_works({"PATH": f"{tmp_path}:/usr/bin:/bin"})


def test_only_what_shrinks_is_compressed(tmp_path):
    (tmp_path / "app.js").write_text("let a = 1;\n" * 500)
    (tmp_path / "tiny.js").write_text("1")
    (tmp_path / "photo.png").write_bytes(b"\0" * 5000)
    compress(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.gz")) == ["app.js.gz"]
    assert gzip.decompress((tmp_path / "app.js.gz").read_bytes()) == (tmp_path / "app.js").read_bytes()


@pytest.mark.parametrize(
    ("template", "origin"),
    [
        ("", ""),
        ("https://t{s}.tianditu.gov.cn/vec_w/wmts?x={x}&y={y}&z={z}&tk=k", "https://*.tianditu.gov.cn"),
        ("http://tiles.local:8080/{z}/{x}/{y}.png", "http://tiles.local:8080"),
    ],
)
def test_the_content_policy_allows_the_tile_origin_only(template, origin):
    assert tile_origin(template) == origin


@pytest.mark.parametrize("template", ["javascript:alert(1)", "https://a b/{z}", "https://x;script-src *"])
def test_a_tile_address_cannot_widen_the_policy(template):
    with pytest.raises(FrontError, match="TILE_URL"):
        tile_origin(template)


def test_a_privileged_port_is_explained(monkeypatch):
    def refuse(*_arguments):
        raise PermissionError

    monkeypatch.setattr("socket.socket.bind", refuse)
    with pytest.raises(FrontError, match="Port 80 is for root only"):
        free_hosts("127.0.0.1", 80)


def test_python_that_is_too_old_is_told(tmp_path):
    code = "import sys; sys.version_info = (3, 10, 1)\nimport scripts"
    ran = subprocess.run(["python3", "-c", code], cwd=provision.ROOT, capture_output=True, text=True)
    assert ran.returncode != 0
    assert ran.stderr.startswith("ironfeet: Python 3.11 or newer is needed, this is 3.10")


class _Steps(Provision):
    """A set-up whose steps are noted, not done."""

    def __init__(self, var, install):
        super().__init__(var, os.environ)
        self.install, self.done = install, []
        self.python_done, self.pages_done = threading.Event(), threading.Event()
        self.python_waits = False

    def packages(self, *, for_tests):
        return self.install

    def python(self, *, for_tests):
        if self.python_waits:
            assert self.pages_done.wait(20)
        self.done.append("python")
        self.python_done.set()

    def pages(self):
        self.done.append("pages")

    def node_packages(self):
        self.done.append("node packages")
        self.pages_done.set()
        return {}


@pytest.fixture
def no_node(monkeypatch):
    """A machine to which node comes with the packages of Python."""
    monkeypatch.setattr(provision, "_node_works", lambda _environ: False)


def test_system_packages_are_installed_beside_the_rest(monkeypatch, tmp_path, no_node):
    monkeypatch.setattr(provision, "_can_make_venv", lambda: True)
    met = []
    steps = _Steps(tmp_path, lambda: met.append(steps.python_done.wait(20)))
    steps.everything(for_tests=True)
    assert met == [True]
    assert steps.done == ["python", "pages", "node packages"]


def test_system_packages_come_first_where_the_environment_needs_them(monkeypatch, tmp_path, no_node):
    monkeypatch.setattr(provision, "_can_make_venv", lambda: False)
    steps = _Steps(tmp_path, lambda: steps.done.append("packages"))
    steps.everything(for_tests=False)
    assert steps.done == ["packages", "python", "pages"]


def test_pages_are_built_beside_the_packages_of_python_where_node_is_there(monkeypatch, tmp_path):
    monkeypatch.setattr(provision, "_can_make_venv", lambda: True)
    monkeypatch.setattr(provision, "_node_works", lambda _environ: True)
    steps = _Steps(tmp_path, None)
    steps.python_waits = True
    steps.everything(for_tests=True)
    assert steps.done == ["pages", "node packages", "python"]


def test_pages_that_fail_beside_the_rest_are_told(monkeypatch, tmp_path):
    def pages(_steps):
        raise ProvisionError("npm ci failed")

    monkeypatch.setattr(provision, "_can_make_venv", lambda: True)
    monkeypatch.setattr(provision, "_node_works", lambda _environ: True)
    monkeypatch.setattr(_Steps, "pages", pages)
    with pytest.raises(ProvisionError, match="npm ci failed"):
        _Steps(tmp_path, None).everything(for_tests=False)


def test_system_packages_that_fail_beside_the_rest_are_told(monkeypatch, tmp_path):
    def install():
        raise ProvisionError("no space left")

    monkeypatch.setattr(provision, "_can_make_venv", lambda: True)
    with pytest.raises(ProvisionError, match="no space left"):
        _Steps(tmp_path, install).everything(for_tests=False)
