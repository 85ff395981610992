"""The first tables, their partitions, and the ledger's locks."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

# Partitions are made by a function of the owner, because the application's role may not create tables.
# Ledger: one partition a month. Track fixes: one a week, so that retention can drop whole weeks.
PARTITIONS = (
    """
create function ensure_partitions(around timestamptz, ahead interval) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare made integer := 0; starts timestamptz; part text;
begin
  perform pg_advisory_xact_lock(hashtext('ensure_partitions'));
  starts := date_trunc('month', around at time zone 'UTC') at time zone 'UTC';
  while starts < around + ahead loop
    part := 'ledger_row_y' || to_char(starts at time zone 'UTC', 'YYYY"m"MM');
    if to_regclass(part) is null then
      execute format('create table %I partition of ledger_row for values from (%L) to (%L)',
                     part, starts, (starts at time zone 'UTC' + interval '1 month') at time zone 'UTC');
      perform lock_ledger_partition(part);
      made := made + 1;
    end if;
    starts := (starts at time zone 'UTC' + interval '1 month') at time zone 'UTC';
  end loop;
  starts := date_trunc('week', around at time zone 'UTC') at time zone 'UTC';
  while starts < around + ahead loop
    part := 'track_fix_y' || to_char(starts at time zone 'UTC', 'IYYY"w"IW');
    if to_regclass(part) is null then
      execute format('create table %I partition of track_fix for values from (%L) to (%L)',
                     part, starts, starts + interval '7 days');
      made := made + 1;
    end if;
    starts := starts + interval '7 days';
  end loop;
  return made;
end $$
""",
    """
create function drop_track_fixes_before(keep_from timestamptz) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare dropped integer := 0; part record;
begin
  if keep_from > now() - interval '7 days' then
    raise exception 'track fixes are kept for at least 7 days';
  end if;
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'track_fix'::regclass and c.relname like 'track_fix_y%'
  loop
    if to_date(right(part.relname, 7), 'IYYY"w"IW') + 7 <= (keep_from at time zone 'UTC')::date then
      execute format('drop table %I', part.relname);
      dropped := dropped + 1;
    end if;
  end loop;
  delete from track_fix_rest where received_at < keep_from;
  return dropped;
end $$
""",
)

# Made last: new tables get the rights that GRANTS gives to all, and a ledger partition loses some again.
FIRST_PARTITIONS = (
    "create table ledger_row_rest partition of ledger_row default",
    "select lock_ledger_partition('ledger_row_rest')",
    "create table track_fix_rest partition of track_fix default",
    "select ensure_partitions(now(), interval '40 days')",
)

# Append-only twice over: the application's role has no right to change rows, and a trigger refuses
# everybody (the owner too) until somebody removes the trigger by name, which is itself visible.
LEDGER_LOCKS = (
    """
create function ledger_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only' using errcode = 'insufficient_privilege';
end $$
""",
    """
create trigger ledger_row_append_only before update or delete on ledger_row
for each row execute function ledger_is_append_only()
""",
    """
create trigger ledger_row_no_truncate before truncate on ledger_row
for each statement execute function ledger_is_append_only()
""",
    """
create trigger ledger_batch_append_only before update or delete on ledger_batch
for each row execute function ledger_is_append_only()
""",
    """
create trigger ledger_batch_no_truncate before truncate on ledger_batch
for each statement execute function ledger_is_append_only()
""",
    # A partition is a table of its own: rights and triggers on TRUNCATE do not come down from its parent.
    """
create function lock_ledger_partition(part text) returns void language plpgsql as $$
begin
  execute format('create trigger ledger_row_no_truncate before truncate on %I '
                 'for each statement execute function ledger_is_append_only()', part);
  if exists (select from pg_roles where rolname = 'ironfeet_app') then
    execute format('revoke update, delete, truncate on %I from ironfeet_app', part);
  end if;
end $$
""",
    # The mark of the last seal moves, but only forward.
    """
create function ledger_mark_goes_forward() returns trigger language plpgsql as $$
begin
  if new.street_code <> old.street_code or new.batch_no <= old.batch_no then
    raise exception 'the mark of the last seal only goes forward' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$
""",
    """
create trigger ledger_seal_mark_forward before update on ledger_seal_mark
for each row execute function ledger_mark_goes_forward()
""",
    """
create trigger ledger_seal_mark_stays before delete on ledger_seal_mark
for each row execute function ledger_is_append_only()
""",
    """
create trigger ledger_seal_mark_no_truncate before truncate on ledger_seal_mark
for each statement execute function ledger_is_append_only()
""",
)

# A restored database must be sealed once while nobody writes; locking needs more than the
# application's role may do.
LEDGER_PAUSE = (
    """
create function pause_ledger() returns void
language sql security definer set search_path = public, pg_temp as $$
  lock table ledger_row in share mode
$$
""",
)

# The application's role, where the installation has one (see docs/operations.md).
GRANTS = (
    """
do $$
begin
  if exists (select from pg_roles where rolname = 'ironfeet_app') then
    grant usage on schema public to ironfeet_app;
    grant select, insert, update, delete on all tables in schema public to ironfeet_app;
    grant usage on all sequences in schema public to ironfeet_app;
    revoke update, delete, truncate on ledger_row, ledger_batch from ironfeet_app;
    revoke delete, truncate on ledger_seal_mark from ironfeet_app;
    revoke insert, update, delete on alembic_version, spatial_ref_sys from ironfeet_app;
    alter default privileges in schema public grant select, insert, update, delete on tables to ironfeet_app;
    alter default privileges in schema public grant usage on sequences to ironfeet_app;
  end if;
end $$
""",
    "revoke execute on function drop_track_fixes_before, ensure_partitions, lock_ledger_partition, "
    "pause_ledger from public",
    """
do $$
begin
  if exists (select from pg_roles where rolname = 'ironfeet_app') then
    grant execute on function drop_track_fixes_before, ensure_partitions, pause_ledger to ironfeet_app;
  end if;
end $$
""",
)


def upgrade() -> None:
    _create_tables()
    for statement in (*PARTITIONS, *LEDGER_LOCKS, *LEDGER_PAUSE, *GRANTS, *FIRST_PARTITIONS):
        op.execute(statement)


def _create_tables() -> None:  # noqa: PLR0915 - a list of tables
    op.create_table(
        "app_user",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("display_name_en", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("demo", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_user")),
        sa.UniqueConstraint("username", name=op.f("uq_app_user_username")),
    )
    op.create_index(op.f("ix_app_user_street_code"), "app_user", ["street_code"], unique=False)
    op.create_table(
        "check_in",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "id", name=op.f("pk_check_in")),
    )
    op.create_index("ix_check_in_round", "check_in", ["round_id", "ordinal"], unique=False)
    op.create_geospatial_table(
        "last_position",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accuracy_m", sa.Float(), nullable=False),
        sa.Column(
            "position",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("street_code", "user_id", name=op.f("pk_last_position")),
    )
    op.create_geospatial_index(
        "idx_last_position_position",
        "last_position",
        ["position"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "ledger_batch",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("batch_no", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cluster_id", sa.Text(), nullable=False),
        sa.Column("floor_id", sa.BigInteger(), nullable=False),
        sa.Column("horizon_tx", sa.BigInteger(), nullable=False),
        sa.Column("last_tx", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("row_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("row_hashes", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "batch_no", name=op.f("pk_ledger_batch")),
    )
    op.create_table(
        "ledger_seal_mark",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("batch_no", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("street_code", name=op.f("pk_ledger_seal_mark")),
    )
    op.create_table(
        "ledger_row",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "tx",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text::bigint)"),
            nullable=False,
        ),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "at", "id", name=op.f("pk_ledger_row")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_ledger_row_follow", "ledger_row", ["tx", "id"], unique=False)
    op.create_index(
        "ix_ledger_row_viewed",
        "ledger_row",
        [sa.literal_column("(data ->> 'user_id')"), "at"],
        unique=False,
        postgresql_where=sa.text("action = 'track.viewed'"),
    )
    op.create_index("ix_ledger_row_subject", "ledger_row", ["subject_kind", "subject_id", "id"], unique=False)
    op.create_table(
        "log_entry",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("waits_for", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("clock_skew_s", sa.Double(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('applied','held','refused')", name=op.f("ck_log_entry_state")),
        sa.PrimaryKeyConstraint("street_code", "log_id", "id", name=op.f("pk_log_entry")),
    )
    op.create_index(
        "ix_log_entry_held",
        "log_entry",
        ["log_id", "seq"],
        unique=False,
        postgresql_where="state = 'held'",
    )
    op.create_index(
        "ix_log_entry_refused",
        "log_entry",
        ["log_id", "received_at"],
        unique=False,
        postgresql_where="state = 'refused'",
    )
    op.create_index(
        "ix_log_entry_received", "log_entry", ["received_at"], unique=False, postgresql_using="brin"
    )
    op.create_index("ix_log_entry_seq", "log_entry", ["log_id", "seq"], unique=False)
    op.create_geospatial_table(
        "place",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column("path", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("standard_ref", sa.Text(), nullable=False),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "outline",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("level in ('street','area','unit','community')", name=op.f("ck_place_level")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_place")),
    )
    op.create_geospatial_index(
        "idx_place_outline", "place", ["outline"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index("ix_place_path", "place", ["path"], unique=False, postgresql_using="gin")
    op.create_index(op.f("ix_place_street_code"), "place", ["street_code"], unique=False)
    op.create_table(
        "proof",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("log_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_skew_s", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("datum", sa.Text(), nullable=True),
        sa.Column("accuracy_m", sa.Float(), nullable=True),
        sa.Column("distance_m", sa.Float(), nullable=True),
        sa.Column("tag_state", sa.Text(), nullable=False),
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("review_state", sa.Text(), nullable=False),
        sa.CheckConstraint("grade in ('verified','doubtful')", name=op.f("ck_proof_grade")),
        sa.PrimaryKeyConstraint("street_code", "id", name=op.f("pk_proof")),
    )
    op.create_index("ix_proof_device_captured", "proof", ["device_id", "captured_at"], unique=False)
    op.create_index(
        "ix_proof_decided",
        "proof",
        ["user_id", "received_at"],
        unique=False,
        postgresql_where="review_state in ('accepted','rejected','answered')",
    )
    op.create_index(
        "ix_proof_review",
        "proof",
        ["street_code", "review_state", "id"],
        unique=False,
        postgresql_where="review_state in ('pending','answered')",
    )
    op.create_index("ix_proof_user_captured", "proof", ["user_id", "captured_at"], unique=False)
    op.create_table(
        "review",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("proof_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("decision in ('accepted','rejected')", name=op.f("ck_review_decision")),
        sa.PrimaryKeyConstraint("street_code", "proof_id", "ordinal", name=op.f("pk_review")),
        sa.UniqueConstraint("id", name=op.f("uq_review_id")),
    )
    op.create_table(
        "review_answer",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("proof_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "proof_id", name=op.f("pk_review_answer")),
    )
    op.create_table(
        "stop_skip",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "id", name=op.f("pk_stop_skip")),
    )
    op.create_index("ix_stop_skip_round", "stop_skip", ["round_id"], unique=False)
    op.create_table(
        "track_fix",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=True),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("datum", sa.Text(), nullable=False),
        sa.Column("accuracy_m", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(
            "street_code", "received_at", "entry_id", "ordinal", name=op.f("pk_track_fix")
        ),
        postgresql_partition_by="RANGE (received_at)",
    )
    op.create_index("ix_track_fix_round", "track_fix", ["round_id", "fixed_at"], unique=False)
    op.create_index("ix_track_fix_user", "track_fix", ["user_id", "fixed_at"], unique=False)
    op.create_table(
        "track_gap",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "id", name=op.f("pk_track_gap")),
    )
    op.create_index("ix_track_gap_round", "track_gap", ["round_id"], unique=False)
    op.create_table(
        "checkpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("floor_label", sa.Text(), nullable=False),
        sa.Column("radius_m", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("community_code", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("radius_m between 5 and 500", name=op.f("ck_checkpoint_radius")),
        sa.ForeignKeyConstraint(
            ["community_code"], ["place.code"], name=op.f("fk_checkpoint_community_code_place")
        ),
        sa.ForeignKeyConstraint(["unit_code"], ["place.code"], name=op.f("fk_checkpoint_unit_code_place")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoint")),
        sa.UniqueConstraint("street_code", "code", name=op.f("uq_checkpoint_street_code_code")),
    )
    op.create_table(
        "phone_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_skew_s", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_phone_log_user_id_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_log")),
    )
    op.create_index(op.f("ix_phone_log_device_id"), "phone_log", ["device_id"], unique=False)
    op.create_index(op.f("ix_phone_log_public_key"), "phone_log", ["public_key"], unique=False)
    op.create_index(op.f("ix_phone_log_user_id"), "phone_log", ["user_id"], unique=False)
    op.create_table(
        "post",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "role in ('patroller','handler','dispatcher','supervisor','leader','admin')",
            name=op.f("ck_post_role"),
        ),
        sa.ForeignKeyConstraint(["place_code"], ["place.code"], name=op.f("fk_post_place_code_place")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_post_user_id_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
        sa.UniqueConstraint("user_id", "role", "place_code", name=op.f("uq_post_user_id_role_place_code")),
    )
    op.create_index(op.f("ix_post_user_id"), "post", ["user_id"], unique=False)
    op.create_table(
        "route",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("ordered", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["place_code"], ["place.code"], name=op.f("fk_route_place_code_place")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route")),
    )
    op.create_table(
        "shift",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_kind", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_shift_user_id_app_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
    )
    op.create_index(
        "ix_shift_open", "shift", ["started_at"], unique=False, postgresql_where="ended_at is null"
    )
    op.create_index("ix_shift_user_started", "shift", ["user_id", "started_at"], unique=False)
    op.create_table(
        "sign_in_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_sign_in_session_user_id_app_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_session")),
    )
    op.create_index(op.f("ix_sign_in_session_user_id"), "sign_in_session", ["user_id"], unique=False)
    op.create_table(
        "refresh_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("predecessor_hash", sa.LargeBinary(), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sign_in_session.id"], name=op.f("fk_refresh_token_session_id_sign_in_session")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_token")),
    )
    op.create_index(op.f("ix_refresh_token_session_id"), "refresh_token", ["session_id"], unique=False)
    op.create_table(
        "route_stop",
        sa.Column("route_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_route_stop_checkpoint_id_checkpoint")
        ),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_route_stop_route_id_route")),
        sa.PrimaryKeyConstraint("route_id", "ordinal", name=op.f("pk_route_stop")),
    )
    op.create_table(
        "schedule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("route_id", sa.Uuid(), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at_local", sa.Text(), nullable=False),
        sa.Column("recurrence", sa.Text(), nullable=False),
        sa.Column("window_minutes", sa.Integer(), nullable=False),
        sa.Column("generated_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("window_minutes between 5 and 1440", name=op.f("ck_schedule_window")),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["app_user.id"], name=op.f("fk_schedule_assignee_id_app_user")
        ),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_schedule_route_id_route")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
    )
    op.create_index(op.f("ix_schedule_route_id"), "schedule", ["route_id"], unique=False)
    op.create_index(
        "ix_schedule_generated",
        "schedule",
        ["generated_until"],
        unique=False,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "sign_in_failure",
        sa.Column("name_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name_hash", name=op.f("pk_sign_in_failure")),
    )
    op.create_table(
        "tag_sheet",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_sheet")),
    )
    op.create_table(
        "tag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("checkpoint_id", sa.Uuid(), nullable=False),
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.Uuid(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_tag_checkpoint_id_checkpoint")
        ),
        sa.ForeignKeyConstraint(["sheet_id"], ["tag_sheet.id"], name=op.f("fk_tag_sheet_id_tag_sheet")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
    )
    op.create_index(op.f("ix_tag_sheet_id"), "tag", ["sheet_id"], unique=False)
    op.create_index(op.f("ix_tag_checkpoint_id"), "tag", ["checkpoint_id"], unique=False)
    op.create_table(
        "round",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("route_id", sa.Uuid(), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=False),
        sa.Column("ordered", sa.Boolean(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("window_starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("missed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('planned','started','finished','ended_early','missed')", name=op.f("ck_round_state")
        ),
        sa.CheckConstraint("closed_by in ('phone','worker')", name=op.f("ck_round_closed_by")),
        sa.ForeignKeyConstraint(["assignee_id"], ["app_user.id"], name=op.f("fk_round_assignee_id_app_user")),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_round_route_id_route")),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedule.id"], name=op.f("fk_round_schedule_id_schedule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_round")),
        sa.UniqueConstraint(
            "schedule_id", "window_starts_at", name=op.f("uq_round_schedule_id_window_starts_at")
        ),
    )
    op.create_index("ix_round_assignee_window", "round", ["assignee_id", "window_starts_at"], unique=False)
    op.create_index("ix_round_street_day", "round", ["street_code", "on_day"], unique=False)
    op.create_index(
        "ix_round_planned",
        "round",
        ["window_ends_at"],
        unique=False,
        postgresql_where=sa.text("state = 'planned'"),
    )
    op.create_index(
        "ix_round_started",
        "round",
        ["window_ends_at"],
        unique=False,
        postgresql_where=sa.text("state = 'started'"),
    )
    op.create_table(
        "worker_heartbeat",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker_heartbeat")),
    )
    op.create_table(
        "round_stop",
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_round_stop_checkpoint_id_checkpoint")
        ),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name=op.f("fk_round_stop_round_id_round")),
        sa.PrimaryKeyConstraint("round_id", "ordinal", name=op.f("pk_round_stop")),
    )
