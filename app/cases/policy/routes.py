"""HTTP doors of the escalation policy."""

from __future__ import annotations

from typing import Any

from app.cases.policy import queries as policy_queries
from app.cases.policy import schemas as policy_schemas
from app.cases.policy import versions as policies
from app.core import clock, pipeline
from app.core.pipeline import endpoint
from app.core.web import Blueprint

blp = Blueprint("policies", __name__, url_prefix="/api/v1", description="Escalation policies, dry run")


@blp.get("/policies")
@endpoint("policy.read")
@blp.response(200, policy_schemas.PolicyVersionsOut)
def list_policies() -> dict[str, Any]:
    """The versions of one's street's policy."""
    return {"items": policy_queries.versions_of(pipeline.principal().street_code)}


@blp.get("/policies/<int:version>")
@endpoint("policy.read")
@blp.response(200, policy_schemas.PolicyOut)
def read_policy(version: int) -> dict[str, Any]:
    """One version with its rules."""
    return policy_queries.version_of(pipeline.principal().street_code, version)


@blp.post("/policies")
@endpoint("policy.manage")
@blp.arguments(policy_schemas.NewPolicyBody)
@blp.response(201, policy_schemas.SavedPolicyOut)
def save_policy(body: dict[str, Any]) -> dict[str, Any]:
    """Put a policy in force for cases filed from now on; the same again changes nothing."""
    pipeline.require("policy.manage", body["street_code"])
    by = pipeline.principal().user_id
    return {"version": policies.save_policy(body["street_code"], body["document"], by, clock.now())}


@blp.post("/policies/check")
@endpoint("policy.read")
@blp.arguments(policy_schemas.PolicyBody)
@blp.response(200, policy_schemas.PolicyFaultsOut)
def check_policy(body: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with a policy; nothing is stored."""
    return {"faults": policies.check(body["document"])[1]}


@blp.post("/policies/dry-run")
@endpoint("policy.read")
@blp.arguments(policy_schemas.DryRunBody)
@blp.response(200, policy_schemas.DryRunOut)
def dry_run(body: dict[str, Any]) -> dict[str, Any]:
    """The whole timeline that a policy would give a case, as data and in words; nothing is stored."""
    return policy_queries.dry_run(pipeline.principal().street_code, body)
