"""Both stores keep what they say they kept; the S3 one is held against a server that checks signatures."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from flask import Flask
from sqlalchemy import Connection, text

from app.core import clock
from app.media import bucket, service, storage
from app.media.bucket import Bucket, make_pool
from app.media.storage import Folder, GoneError, Kept, Store, StoreError, make_key
from app.worker import JOBS, Worker
from config import PhotoSettings
from scripts.processes import Child, end_all
from scripts.provision import VENV
from tests import factories
from tests.integration.photos import PhotoPhone, a_photo, name_of, problem
from tests.peer import Peer, Received, answer, running

ACCESS_KEY, SECRET_KEY, BUCKET = "AKIAIRONFEET0001", "a-secret-of-the-tests-0123456789", "photos"
NAME = "0f" * 32


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhotoSettings]:
    """A real S3 server on this machine, with one bucket."""
    folder = tmp_path_factory.mktemp("s3")
    (folder / "data" / BUCKET).mkdir(parents=True)
    port = free_port()
    command = [str(VENV / "bin" / "rclone"), "serve", "s3", str(folder / "data")]
    command += ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
    command += ["--vfs-cache-mode", "off", "--config", str(folder / "none")]
    server = Child("rclone", command, folder / "rclone.log", os.environ, folder)
    deadline = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert server.exit_code is None and time.monotonic() < deadline, server.last_words()
        time.sleep(0.05)
    yield PhotoSettings(
        folder="",
        s3_endpoint=f"http://127.0.0.1:{port}",
        s3_bucket=BUCKET,
        s3_region="us-east-1",
        s3_access_key=ACCESS_KEY,
        s3_secret_key=SECRET_KEY,
    )
    end_all([server], 5)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return Folder(tmp_path / "photos")
    return Bucket(request.getfixturevalue("s3"))


# ---- both


def test_what_was_put_is_there_until_it_is_removed(store: Store) -> None:
    key, body = make_key("310107990", NAME), os.urandom(300_000)
    assert not store.exists(key)
    store.put(key, body)
    store.put(key, body)
    assert store.exists(key)
    assert store.get(key) == body
    for _ in range(2):
        store.delete(key)
    assert not store.exists(key)
    with pytest.raises(GoneError):
        store.get(key)


def test_a_part_of_the_store_lists_all_that_is_in_it_with_its_age(store: Store) -> None:
    inside = {
        make_key(street, name) for street in ("310107990", "310107991") for name in (NAME, "0f1" + "a" * 61)
    }
    inside |= {storage.size_key(key, "small") for key in inside}
    outside = make_key("310107990", "f0" * 32)
    before = clock.now() - timedelta(seconds=2)  # some stores know whole seconds
    for key in (*inside, outside):
        store.put(key, b"x")
    try:
        found = list(store.shard(0x0F))
        assert {kept.key for kept in found} == inside
        assert all(before <= kept.modified_at <= clock.now() + timedelta(seconds=2) for kept in found)
        assert [kept.key for kept in store.shard(0xF0)] == [outside]
        assert list(store.shard(0x00)) == []
    finally:
        for key in (*inside, outside):
            store.delete(key)


def test_eight_writers_at_once_do_not_disturb_each_other(store: Store) -> None:
    keys = [make_key("310107990", NAME) for _ in range(8)]
    bodies = {key: os.urandom(50_000) for key in keys}
    with ThreadPoolExecutor(len(keys)) as writers:
        list(writers.map(store.put, keys, (bodies[key] for key in keys)))  # what one raises is raised here
    assert {key: store.get(key) for key in keys} == bodies
    for key in keys:
        store.delete(key)


def test_a_key_is_never_made_twice() -> None:
    assert len({make_key("310107990", NAME) for _ in range(1000)}) == 1000
    key = make_key("310107990", NAME)
    assert key.startswith(f"0f/310107990/{NAME}-")
    assert storage.original_key(storage.size_key(key, "large")) == storage.original_key(key) == key


# ---- the folder


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, key = Folder(tmp_path), make_key("310107990", NAME)
    folder.put(key, b"whole")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            folder.put(key, b"half")
    assert folder.get(key) == b"whole"
    assert [kept.key for kept in folder.shard(0x0F)] == [key]


def test_file_and_folders_are_on_the_disk_before_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    really = os.fsync

    def fsync(number: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{number}").readlink()))
        really(number)

    monkeypatch.setattr(os, "fsync", fsync)
    key = make_key("310107990", NAME)
    Folder(tmp_path / "photos").put(key, b"x")
    where = (tmp_path / "photos" / key).parent
    assert {str(where), str(where.parent), str(where.parent.parent), str(tmp_path)} <= set(synced)
    assert any(path.endswith(".part") for path in synced)
    assert synced.index(next(path for path in synced if path.endswith(".part"))) < len(synced) - 1


def test_a_file_that_a_killed_process_left_half_written_is_listed_and_belongs_to_nothing(
    tmp_path: Path,
) -> None:
    folder, key = Folder(tmp_path), make_key("310107990", NAME)
    folder.put(key, b"x")
    (tmp_path / key).with_name(".left.part").write_bytes(b"ha")
    others = [kept.key for kept in folder.shard(0x0F) if storage.original_key(kept.key) != key]
    assert others == ["0f/310107990/.left.part"]
    folder.delete(others[0])
    assert len(list(folder.shard(0x0F))) == 1


# ---- S3


def refused(act: Any, *arguments: Any) -> str:
    with pytest.raises(StoreError) as error:
        act(*arguments)
    said = str(error.value)
    assert SECRET_KEY not in said
    assert ACCESS_KEY not in said
    return said


def test_a_wrong_secret_is_refused_by_the_server(s3: PhotoSettings) -> None:
    wrong = Bucket(replace(s3, s3_secret_key="another-secret-0123456789012345"))
    key = make_key("310107990", NAME)
    for act, arguments in ((wrong.put, (key, b"x")), (wrong.delete, (key,)), (wrong.exists, (key,))):
        refused(act, *arguments)
    assert "Signature" in refused(wrong.put, key, b"x")
    assert not Bucket(s3).exists(key)


class Tampering(urllib3.PoolManager):
    """Somebody on the way who changes what is sent after it was signed."""

    def __init__(self, change: str) -> None:
        super().__init__(retries=urllib3.Retry(0), timeout=urllib3.Timeout(5))
        self.change = change

    def urlopen(self, method: str, url: str, redirect: bool = True, **kw: Any) -> Any:
        """Send something else than was signed."""
        if self.change == "body":
            kw["body"] = bytes(len(kw["body"]))
        if self.change == "key":
            url = url.replace("0f/", "0e/")
        if self.change == "hash":
            kw["headers"]["x-amz-content-sha256"] = "0" * 64
        if self.change == "signature":
            kw["headers"]["Authorization"] = kw["headers"]["Authorization"][:-4] + "0000"
        return super().urlopen(method, url, redirect, **kw)


@pytest.mark.parametrize("change", ["key", "hash", "signature"])
def test_a_request_that_was_changed_on_the_way_is_refused(s3: PhotoSettings, change: str) -> None:
    key = make_key("310107990", NAME)
    assert "Signature" in refused(Bucket(s3, Tampering(change)).put, key, b"the real bytes")
    assert not Bucket(s3).exists(key)
    assert not Bucket(s3).exists(key.replace("0f/", "0e/"))


def test_bytes_that_were_changed_on_the_way_or_in_the_store_are_not_shown(
    store: Store, s3: PhotoSettings
) -> None:
    """Not every store checks the bytes against their signed hash; the reader does."""
    body = a_photo()
    key, other = make_key("310107990", name_of(body)), make_key("310107990", name_of(body))
    store.put(key, body)
    store.put(other, body[:-1] + bytes([body[-1] ^ 1]))
    assert storage.get_original(store, key) == body
    with pytest.raises(GoneError):
        storage.get_original(store, other)
    Bucket(s3, Tampering("body")).put(key, body)
    with pytest.raises(GoneError):
        storage.get_original(Bucket(s3), key)


def test_a_bucket_that_does_not_exist_is_told(s3: PhotoSettings) -> None:
    assert "NoSuchBucket" in refused(
        Bucket(replace(s3, s3_bucket="elsewhere")).put, make_key("3", NAME), b"x"
    )


def test_a_store_that_nobody_runs_is_told_at_once() -> None:
    settings = PhotoSettings(
        "", f"http://127.0.0.1:{free_port()}", BUCKET, "us-east-1", ACCESS_KEY, SECRET_KEY
    )
    started = time.monotonic()
    assert "cannot be reached" in refused(Bucket(settings).put, make_key("3", NAME), b"x")
    assert time.monotonic() - started < bucket.CONNECT_WITHIN_S


@pytest.fixture
def silent() -> Iterator[PhotoSettings]:
    """A server that takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield PhotoSettings("", address, BUCKET, "us-east-1", ACCESS_KEY, SECRET_KEY)


def test_a_store_that_never_answers_is_not_waited_for_long(silent: PhotoSettings) -> None:
    store = Bucket(silent, make_pool(answer_within_s=0.3))
    started = time.monotonic()
    for act, arguments in ((store.put, ("k", b"x")), (store.get, ("k",)), (store.delete, ("k",))):
        assert "cannot be reached" in refused(act, *arguments)
    assert "cannot be reached" in refused(lambda: list(store.shard(1)))
    assert time.monotonic() - started < 5


S3_SAYS = b"<Error><Code>%s</Code><Message>Sorry</Message></Error>"


@contextmanager
def failing(times: int, status: int) -> Iterator[tuple[Bucket, Peer]]:
    """A store that answers the first requests with an error of its own, and then does as asked."""
    with running() as peer:

        def behave(the_peer: Peer, request: Received, connection: socket.socket) -> None:
            failed = len(the_peer.received) <= times
            body = S3_SAYS % b"InternalError" if failed else b""
            answer(status if failed else 200, body, Content_Type="application/xml", ETag='"0"')(
                the_peer, request, connection
            )

        peer.behaviour = behave
        yield Bucket(PhotoSettings("", peer.origin, BUCKET, "us-east-1", ACCESS_KEY, SECRET_KEY)), peer


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_what_the_store_fails_at_once_is_sent_again_with_the_same_bytes(status: int) -> None:
    with failing(1, status) as (store, peer):
        store.put("k", b"the bytes")
        assert [(sent.method, sent.body) for sent in peer.received] == [("PUT", b"the bytes")] * 2
    with failing(1, status) as (store, peer):
        assert store.exists("k")
        store.delete("k")
        assert [sent.method for sent in peer.received] == ["HEAD", "HEAD", "DELETE"]


def test_a_store_that_fails_twice_is_told_in_its_own_words() -> None:
    with failing(2, 500) as (store, peer):
        assert "InternalError" in refused(store.put, "k", b"x")
        assert len(peer.received) == 2


def test_what_the_store_refuses_is_not_sent_again() -> None:
    with failing(9, 403) as (store, peer):
        refused(store.put, "k", b"x")
        assert len(peer.received) == 1


def test_a_secret_is_never_printed(s3: PhotoSettings) -> None:
    assert SECRET_KEY not in repr(s3)
    assert ACCESS_KEY not in repr(s3)


# ---- the whole way with S3


def test_a_photo_goes_through_a_bucket_from_the_phone_to_the_page(
    app: Flask, database: str, owner_db: Connection, s3: PhotoSettings
) -> None:
    settings = app.config["SETTINGS"]
    phone = PhotoPhone(app, factories.make_street())
    body = a_photo()
    app.config["SETTINGS"] = replace(settings, photos=s3)
    try:
        assert phone.put(body).json["state"] == "stored"
        Worker(app, ()).tick(next(job for job in JOBS if job.name == "photos.sizes"))
        assert owner_db.scalar(text("select state from photo")) == "ready"
        with app.app_context():
            for size in ("small", "large"):
                assert service.photo_for(phone.street.code, name_of(body), size).body.startswith(b"\xff\xd8")
            found: list[Kept] = list(storage.open_store(s3).shard(int(name_of(body)[:2], 16)))
        assert len(found) == 3
        owner_db.execute(text("update photo set received_at = received_at - interval '8 days'"))
        Worker(app, ()).tick(next(job for job in JOBS if job.name == "photos.forget_unused"))
        assert list(storage.open_store(s3).shard(int(name_of(body)[:2], 16))) == []
        app.config["SETTINGS"] = replace(
            settings, photos=replace(s3, s3_secret_key="wrong-0123456789012345678")
        )
        assert problem(phone.put(body)) == (503, "photo-store-away")
    finally:
        app.config["SETTINGS"] = settings
