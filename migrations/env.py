"""Runs migrations with the role that owns the tables (OWNER_DATABASE_URL), one transaction each."""

from alembic import context
from flask import current_app
from geoalchemy2 import alembic_helpers
from sqlalchemy import create_engine, pool, text

from app.core.extensions import Base

MIGRATION_LOCK = 7_310_107_005  # any fixed number: two migrating processes take turns


def include_object(obj, name, type_, reflected, compare_to):
    """Leave PostGIS's own tables and the partitions (made by the database) out of comparisons."""
    if type_ == "table" and ("_y20" in name or name.endswith("_rest")):
        return False
    return alembic_helpers.include_object(obj, name, type_, reflected, compare_to)


def run() -> None:
    """Connect as the owner and migrate under a lock."""
    engine = create_engine(current_app.config["SETTINGS"].owner_database_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=include_object,
            process_revision_directives=alembic_helpers.writer,
            render_item=alembic_helpers.render_item,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
