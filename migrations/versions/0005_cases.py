"""The catalogue, responsibilities, policies and cases."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    _case_file()
    _case_event()
    _case_person()
    _case_pause()
    _case_request()
    _case_report()
    _case_approach()
    _case_number()
    _catalogue()
    _case_class()
    _filing_condition()
    _department()
    _responsibility()
    _absence()
    _case_policy()


def _case_file() -> None:
    op.create_table(
        "case_file",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_ref", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("catalogue_version", sa.Integer(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("calendar_version", sa.Integer(), nullable=False),
        sa.Column("class_key", sa.Text(), nullable=False),
        sa.Column("condition", sa.Integer(), nullable=True),
        sa.Column("measured", sa.Float(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("accuracy_m", sa.Float(), nullable=False),
        sa.Column("position", Geometry("POINT", srid=4326, spatial_index=False), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("previous_state", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("watcher_id", sa.Uuid(), nullable=True),
        sa.Column("arbiter_id", sa.Uuid(), nullable=True),
        sa.Column("verifier_id", sa.Uuid(), nullable=True),
        sa.Column("reporter_id", sa.Uuid(), nullable=True),
        sa.Column("resolver_id", sa.Uuid(), nullable=True),
        sa.Column("owner_is_final", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("on_scene_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledge_amount", sa.Float(), nullable=False),
        sa.Column("acknowledge_unit", sa.Text(), nullable=False),
        sa.Column("resolve_amount", sa.Float(), nullable=False),
        sa.Column("resolve_unit", sa.Text(), nullable=False),
        sa.Column("extension_amount", sa.Float(), nullable=False),
        sa.Column("acknowledge_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verify_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("reworks", sa.Integer(), nullable=False),
        sa.Column("reopenings", sa.Integer(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("fired", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fixed_on_spot", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("level in ('common','key','difficult')", name=op.f("ck_case_file_level")),
        sa.CheckConstraint("mode in ('point','assign','watch')", name=op.f("ck_case_file_mode")),
        sa.CheckConstraint(
            "source in ('patrol','hotline','shop_code','sensor','video','inspection')",
            name=op.f("ck_case_file_source"),
        ),
        sa.CheckConstraint(
            "state in ('open','dispatched','acknowledged','on_scene','returned','on_hold','resolved','verified','closed','void','duplicate')",
            name=op.f("ck_case_file_state"),
        ),
        sa.PrimaryKeyConstraint("street_code", "id", name=op.f("pk_case_file")),
        sa.UniqueConstraint("street_code", "number", name=op.f("uq_case_file_street_code_number")),
    )
    op.create_index(
        "ix_case_file_ended",
        "case_file",
        ["street_code", "ended_at", "id"],
        unique=False,
        postgresql_where="ended_at is not null",
    )
    op.create_index("ix_case_file_filed", "case_file", ["street_code", "filed_at", "id"], unique=False)
    op.create_index(
        "ix_case_file_live_due",
        "case_file",
        ["street_code", "next_due_at", "id"],
        unique=False,
        postgresql_where="state not in ('closed','void','duplicate')",
    )
    op.create_index(
        "ix_case_file_live_position",
        "case_file",
        ["position"],
        unique=False,
        postgresql_using="gist",
        postgresql_where="state not in ('closed','void','duplicate')",
    )
    op.create_index(
        "ix_case_file_owner",
        "case_file",
        ["owner_id", "due_at"],
        unique=False,
        postgresql_where="state not in ('closed','void','duplicate')",
    )
    op.create_index(
        "ix_case_file_place_filed", "case_file", ["street_code", "place_code", "filed_at", "id"], unique=False
    )
    op.create_index("ix_case_file_position", "case_file", ["position"], unique=False, postgresql_using="gist")
    op.create_index("ix_case_file_reporter", "case_file", ["reporter_id", "filed_at"], unique=False)
    op.create_index(
        "ix_case_file_source_ref",
        "case_file",
        ["street_code", "source", "source_ref"],
        unique=True,
        postgresql_where="source_ref is not null",
    )
    op.create_index(
        "ix_case_file_live_state",
        "case_file",
        ["street_code", "state", "place_code"],
        unique=False,
        postgresql_include=["overdue_at", "lat", "lon"],
        postgresql_where="state not in ('closed','void','duplicate')",
    )
    op.create_index(
        "ix_case_file_watcher",
        "case_file",
        ["watcher_id"],
        unique=False,
        postgresql_where="state not in ('closed','void','duplicate')",
    )


def _case_event() -> None:
    op.create_table(
        "case_event",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "case_id", "ordinal", name=op.f("pk_case_event")),
        sa.UniqueConstraint("street_code", "id", name=op.f("uq_case_event_street_code_id")),
    )


def _case_person() -> None:
    op.create_table(
        "case_person",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "part in ('owner','co_handler','watcher','arbiter','verifier')", name=op.f("ck_case_person_part")
        ),
        sa.PrimaryKeyConstraint(
            "street_code", "case_id", "user_id", "part", "since", name=op.f("pk_case_person")
        ),
    )
    op.create_index(
        "ix_case_person_user",
        "case_person",
        ["user_id", "part"],
        unique=False,
        postgresql_where="until is null",
    )


def _case_pause() -> None:
    op.create_table(
        "case_pause",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "case_id", "starts_at", name=op.f("pk_case_pause")),
    )


def _case_request() -> None:
    op.create_table(
        "case_request",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount", sa.Float(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("decision in ('granted','denied')", name=op.f("ck_case_request_decision")),
        sa.CheckConstraint("kind in ('hold','extension')", name=op.f("ck_case_request_kind")),
        sa.PrimaryKeyConstraint("street_code", "id", name=op.f("pk_case_request")),
    )
    op.create_index(
        "ix_case_request_open",
        "case_request",
        ["street_code", "case_id"],
        unique=False,
        postgresql_where="decision is null",
    )


def _case_report() -> None:
    op.create_table(
        "case_report",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_ref", sa.Text(), nullable=True),
        sa.Column("reporter_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "id", name=op.f("pk_case_report")),
    )
    op.create_index("ix_case_report_case", "case_report", ["street_code", "case_id"], unique=False)


def _case_approach() -> None:
    op.create_table(
        "case_approach",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("distance_m", sa.Float(), nullable=False),
        sa.Column("accuracy_m", sa.Float(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("inside", sa.Integer(), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("street_code", "case_id", "user_id", name=op.f("pk_case_approach")),
    )


def _case_number() -> None:
    op.create_table(
        "case_number",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("last", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "on_day", name=op.f("pk_case_number")),
    )


def _catalogue() -> None:
    op.create_table(
        "catalogue",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "version", name=op.f("pk_catalogue")),
    )


def _case_class() -> None:
    op.create_table(
        "case_class",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("major", sa.Text(), nullable=False),
        sa.Column("minor", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("pinyin", sa.Text(), nullable=False),
        sa.Column("initials", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("acknowledge_amount", sa.Float(), nullable=False),
        sa.Column("acknowledge_unit", sa.Text(), nullable=False),
        sa.Column("resolve_amount", sa.Float(), nullable=False),
        sa.Column("resolve_unit", sa.Text(), nullable=False),
        sa.Column("filing_condition", sa.Text(), nullable=False),
        sa.Column("closing_condition", sa.Text(), nullable=False),
        sa.Column("radius_m", sa.Float(), nullable=False),
        sa.Column("local", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("standard_ref", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("kind in ('part','matter')", name=op.f("ck_case_class_kind")),
        sa.CheckConstraint("level in ('common','key','difficult')", name=op.f("ck_case_class_level")),
        sa.CheckConstraint("mode in ('point','assign','watch')", name=op.f("ck_case_class_mode")),
        sa.PrimaryKeyConstraint("street_code", "version", "key", name=op.f("pk_case_class")),
    )


def _filing_condition() -> None:
    op.create_table(
        "filing_condition",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("class_key", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("measure_en", sa.Text(), nullable=False),
        sa.Column("measure_unit", sa.Text(), nullable=False),
        sa.Column("comparison", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("resolve_amount", sa.Float(), nullable=False),
        sa.Column("resolve_unit", sa.Text(), nullable=False),
        sa.Column("closing_condition", sa.Text(), nullable=False),
        sa.CheckConstraint("comparison in ('>','>=','any')", name=op.f("ck_filing_condition_comparison")),
        sa.PrimaryKeyConstraint(
            "street_code", "version", "class_key", "ordinal", name=op.f("pk_filing_condition")
        ),
    )


def _department() -> None:
    op.create_table(
        "department",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "name", name=op.f("pk_department")),
    )


def _responsibility() -> None:
    op.create_table(
        "responsibility",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("selector_kind", sa.Text(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "duty in ('handler','owner','deputy','watcher','arbiter')", name=op.f("ck_responsibility_duty")
        ),
        sa.CheckConstraint(
            "selector_kind in ('class','department','any')", name=op.f("ck_responsibility_selector_kind")
        ),
        sa.PrimaryKeyConstraint("street_code", "id", name=op.f("pk_responsibility")),
    )
    op.create_index(
        "ix_responsibility_place", "responsibility", ["street_code", "place_code", "duty"], unique=False
    )
    op.create_index("ix_responsibility_user", "responsibility", ["user_id"], unique=False)


def _absence() -> None:
    op.create_table(
        "absence",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "id", name=op.f("pk_absence")),
    )
    op.create_index("ix_absence_user", "absence", ["user_id", "ends_at"], unique=False)


def _case_policy() -> None:
    op.create_table(
        "case_policy",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "version", name=op.f("pk_case_policy")),
    )
