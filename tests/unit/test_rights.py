"""Who may do what, where: the table, the place tree, the first and the last day."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people import rights
from app.people.principal import Principal
from app.people.rights import ROLES, VERB_ROLES, HeldPost, can, in_force, verbs_of

TODAY = date(2026, 11, 23)
STREET, AREA, UNIT, COMMUNITY = PATH = ["S", "P1", "G1", "C1"]

# One row a verb, in words: p(atroller) h(andler) d(ispatcher) s(upervisor) l(eader) a(dmin)
TABLE = {
    "place.read": "phdsla",
    "log.sync": "phs",
    "round.read": "dsla",
    "duty.read": "dsla",
    "track.read": "sl",
    "review.read": "sl",
    "review.decide": "s",
    "tag.issue": "sa",
    "checkpoint.manage": "sa",
    "route.manage": "sa",
    "staff.read": "dsla",
    "staff.manage": "a",
    "ledger.read": "la",
    "live.follow": "dsla",
    "photo.upload": "phdsla",
    "catalogue.read": "phdsla",
    "case.read": "phdsla",
    "case.intake": "da",
    "case.handle": "phs",
    "case.verify": "pds",
    "case.dispatch": "ds",
    "case.steer": "dsl",
    "case.arbitrate": "sl",
    "case.raise": "sl",
    "case.watch": "sl",
    "case.export": "dsl",
    "policy.read": "dsla",
    "policy.manage": "a",
    "responsibility.read": "dsla",
    "responsibility.manage": "sa",
}


def test_the_table_has_every_verb() -> None:
    assert TABLE.keys() == VERB_ROLES.keys()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("verb", TABLE)
def test_each_role_has_its_verbs_and_no_others(role: str, verb: str) -> None:
    allowed = role[0] in TABLE[verb]
    assert can([HeldPost(role, AREA)], verb, PATH, TODAY) is allowed
    assert (verb in verbs_of([HeldPost(role, AREA)], TODAY)) is allowed


@pytest.mark.parametrize(
    ("post_at", "path", "allowed"),
    [
        (AREA, [STREET, AREA], True),
        (AREA, [STREET, AREA, UNIT], True),
        (AREA, PATH, True),
        (AREA, [STREET], False),
        (AREA, [STREET, "P2", "G2"], False),
        (STREET, PATH, True),
        (UNIT, [STREET, AREA], False),
        (AREA, [], False),
    ],
)
def test_a_post_reaches_its_place_and_everything_below(post_at: str, path: list[str], allowed: bool) -> None:
    assert can([HeldPost("supervisor", post_at)], "review.decide", path, TODAY) is allowed


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "valid"),
    [
        (None, None, True),
        (TODAY, TODAY, True),
        (date(2026, 11, 24), None, False),
        (None, date(2026, 11, 22), False),
        (date(2026, 11, 1), date(2026, 11, 30), True),
    ],
)
def test_first_and_last_day_count(starts_on: date | None, ends_on: date | None, valid: bool) -> None:
    post = HeldPost("admin", STREET, starts_on, ends_on)
    assert in_force(post, TODAY) is valid
    assert can([post], "staff.manage", PATH, TODAY) is valid
    assert bool(verbs_of([post], TODAY)) is valid


def test_posts_do_not_lend_each_other_their_places() -> None:
    posts = [HeldPost("patroller", STREET), HeldPost("supervisor", "P2")]
    assert not can(posts, "review.decide", PATH, TODAY)
    assert can(posts, "log.sync", PATH, TODAY)


def test_a_verb_that_does_not_exist_is_an_error_and_not_a_no() -> None:
    with pytest.raises(KeyError):
        can([HeldPost("admin", STREET)], "staff.mange", PATH, TODAY)


TREE = {
    "S": ["S"],
    "P1": ["S", "P1"],
    "P2": ["S", "P2"],
    "G1": ["S", "P1", "G1"],
    "G2": ["S", "P2", "G2"],
}
DAYS = st.one_of(st.none(), st.dates(date(2026, 11, 20), date(2026, 11, 26)))
POSTS = st.lists(
    st.builds(HeldPost, st.sampled_from(ROLES), st.sampled_from(list(TREE)), DAYS, DAYS), max_size=4
)


@given(posts=POSTS, verb=st.sampled_from(list(VERB_ROLES)))
def test_the_scope_of_a_principal_is_exactly_where_can_says_yes(posts: list[HeldPost], verb: str) -> None:
    reach = {code: frozenset(below for below, path in TREE.items() if code in path) for code in TREE}
    held = tuple((post, reach[post.place_code]) for post in posts)
    principal = Principal(None, "S", None, TODAY, held)  # type: ignore[arg-type]
    assert principal.scope(verb) == {code for code, path in TREE.items() if can(posts, verb, path, TODAY)}


def test_scope_knows_no_unknown_verb() -> None:
    with pytest.raises(KeyError):
        Principal(None, "S", None, TODAY, ()).scope("nothing.known")  # type: ignore[arg-type]


def test_every_role_has_some_verb_and_only_field_roles_keep_a_log() -> None:
    assert all(rights.ROLE_VERBS[role] for role in ROLES)
    assert VERB_ROLES["log.sync"] == set(rights.FIELD_ROLES)
