"""What all tests share: a throw-away PostgreSQL, an application on it, and a clean database per test.

Each pytest process starts a server of its own in a temporary folder and migrates a template database
once. Tests may commit as they like: after each test that used the database, every table is emptied.
``IRONFEET_TEST_SERVER`` (a socket folder with the roles ``ironfeet``, superuser, and ``ironfeet_app``)
reuses a running server, which saves about a second a run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import flask_migrate
import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, Engine, create_engine, pool, text
from sqlalchemy.orm import scoped_session
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from app.core.extensions import Base, db
from app.people import passwords
from app.wiring import create_app
from config import Settings, read_settings
from scripts.cluster import APPLICATION, OWNER, Cluster
from tests import factories

# Rules know no clock, and how long a machine takes that others use as well proves nothing.
hypothesis.settings.register_profile("ironfeet", deadline=None)
hypothesis.settings.load_profile("ironfeet")

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = f"ironfeet_template_{os.getpid()}"

# Rules between tables and the ledger's locks are off for the one transaction that empties the tables.
_EMPTY_TABLES = "set local lock_timeout = '5s'; set local session_replication_role = replica; " + "; ".join(
    f'delete from "{name}"' for name in Base.metadata.tables
)


# Of the tests with a database these take longest: begun last, they would be waited for by idle cores.
_LONGEST = {
    "test_run.py",
    "test_schemathesis.py",
    "test_demo.py",
    "test_case_timer_faults.py",
    "test_every_route_every_role.py",
}


def _turn(item: pytest.Item) -> int:
    if item.path.parent.name != "integration":
        return 0
    return 1 if item.path.name in _LONGEST else 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first; of the slow ones with a database, those that take longest."""
    items.sort(key=_turn)


class _Together(LoadScopeScheduling):
    """Shares the tests among processes so that a file's stay in one, because they share what it sets up.

    In front of the browsers there are two installations: one whose pages are looked at, and one where
    people work. Our own, because the plugin's ``loadgroup`` writes groups into the tests' names, which
    pytest 9.2 no longer lets it do (pytest-xdist#1386): it then shares singly, without a word.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        if "/e2e/" not in file:
            return file
        return "pictures" if "_pages" in file else "people"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Together:
    """What pytest-xdist asks for where ``--dist`` is given."""
    return _Together(config, log)


class Server:
    """The PostgreSQL that this test run uses: its own, or one that was given."""

    def __init__(self, cluster: Cluster, photos: Path) -> None:
        self.cluster = cluster
        self.photos = photos
        self.made = 0

    def settings(self, database: str) -> Settings:
        """Settings of an application on *database*, in testing mode."""
        return read_settings(
            {
                "IRONFEET_MODE": "testing",
                "DATABASE_URL": self.cluster.url(APPLICATION, database),
                "OWNER_DATABASE_URL": self.cluster.url(OWNER, database),
                "PHOTO_DIR": str(self.photos),
            }
        )

    def clone(self) -> str:
        """Make a fresh, migrated, empty database and return its name."""
        self.made += 1
        name = f"ironfeet_test_{os.getpid()}_{self.made}"
        self.cluster.sql(f"create database {name} template {TEMPLATE}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        self.cluster.sql(f"drop database if exists {database} with (force)")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server with the migrated template database."""
    given = os.environ.get("IRONFEET_TEST_SERVER")
    with tempfile.TemporaryDirectory(prefix="ironfeet-test-") as folder:
        cluster = Cluster(Path(folder), durable=False)
        if given:
            cluster.socket = Path(given)
        else:
            cluster.start()
        found = Server(cluster, Path(folder) / "photos")
        try:
            cluster.ensure_database(TEMPLATE)
            application = create_app(found.settings(TEMPLATE))
            with application.app_context():
                flask_migrate.upgrade(directory=str(ROOT / "migrations"))
                db.engine.dispose()
            yield found
        finally:
            found.drop(TEMPLATE)
            cluster.stop()


@pytest.fixture
def fresh_database(server: Server) -> Iterator[Callable[[], str]]:
    """Makes further empty databases, for tests that break or restart things; removed afterwards."""
    made: list[str] = []

    def make() -> str:
        made.append(server.clone())
        return made[-1]

    yield make
    for name in made:
        server.drop(name)


@pytest.fixture(scope="session")
def _application(server: Server) -> Iterator[Flask]:
    database = server.clone()
    # The hashes of tests that run in this process cost next to nothing; how dear they are otherwise is a
    # test of its own, and every server that a test starts uses the real ones.
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    application = create_app(server.settings(database))
    yield application
    with application.app_context():
        db.engine.dispose()
    server.drop(database)


@pytest.fixture(scope="session")
def _owner_engine(_application: Flask) -> Iterator[Engine]:
    address = _application.config["SETTINGS"].owner_database_url
    engine = create_engine(address, poolclass=pool.QueuePool, pool_size=2)
    yield engine
    engine.dispose()


@pytest.fixture
def database(_application: Flask, _owner_engine: Engine) -> Iterator[str]:
    """Address of the empty database (the application's role); emptied again after the test."""
    factories.bind(_owner_engine)
    yield _application.config["SETTINGS"].database_url
    factories.bind(None)
    with _owner_engine.begin() as connection:
        connection.exec_driver_sql(_EMPTY_TABLES)


@pytest.fixture
def app(_application: Flask, database: str) -> Flask:
    """The application on the empty database. No context is pushed: requests get their own."""
    return _application


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client with a cookie jar of its own; for a second person use ``app.test_client()``."""
    return app.test_client()


@pytest.fixture
def session(app: Flask) -> Iterator[scoped_session[Session]]:
    """The application's database session, for tests of services and queries (not beside requests)."""
    with app.app_context():
        yield db.session
        db.session.rollback()


@pytest.fixture
def owner_db(database: str, _owner_engine: Engine) -> Iterator[Connection]:
    """A connection of the role that owns the tables; every statement is its own transaction."""
    with _owner_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection
        connection.execute(text("reset all"))
