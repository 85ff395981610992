"""The case board and the case map of a street with 10,000, 100,000 and 1,000,000 cases.

The cases are made by SQL: two in a hundred are live, in all states, with owners, deadlines to both sides of
now and the people and events that boards read; the others ended within the last two years. Each lies at a
random spot of its community.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import create_engine, text

from app.cli.demo import DEMO_STREET
from bench import load
from bench.field import Api, Street
from bench.load import Load
from bench.stack import Served

COUNTS = (10_000, 100_000, 1_000_000)
AREA = f"{DEMO_STREET}-P1"
LIVE_EVERY = 50  # one of so many cases is live
SPOTS = 1500  # in each community
OWNERS = 40

_SPOTS = text("""
    create table bench_spot as
    select row_number() over (order by random()) - 1 as n, code, ST_Y(spot) as lat, ST_X(spot) as lon, spot
    from (select code, (ST_Dump(ST_GeneratePoints(outline, :spots, 7))).geom as spot
          from place where street_code = :street and level = 'community') spots
""")
_CLASSES = text("""
    create table bench_class as
    select row_number() over (order by key) - 1 as n, * from case_class
    where street_code = :street and version = (select max(version) from catalogue where street_code = :street)
""")
_OWNERS = text("""
    create table bench_owner as
    select row_number() over (order by id) - 1 as n, id from app_user where username like 'listowner%'
""")
_CASES = text("""
    insert into case_file (
        street_code, id, number, on_day, source, fingerprint, catalogue_version, policy_version, calendar_version,
        class_key, level, mode, urgent, department, text, address, place_code, lat, lon, accuracy_m, position,
        state, version, owner_id, watcher_id, reporter_id, filed_at, found_at, clock_from, dispatched_at,
        acknowledged_at, resolved_at, verified_at, ended_at, acknowledge_amount, acknowledge_unit,
        resolve_amount, resolve_unit, extension_amount, due_at, next_due_at, overdue_at, returns, reworks,
        reopenings, reports, fired)
    select :street, gen_random_uuid(), 'BN' || made.n, filed_at::date,
           case when made.n % 9 = 0 then 'hotline' else 'patrol' end, '', c.version, 1, 1, c.key, c.level, c.mode, false,
           c.department, '店外摆了两张桌子', '枣阳路 ' || made.n % 900 || ' 号', s.code, s.lat, s.lon, 8, s.spot,
           state, 3, owner, case when c.mode = 'watch' then watcher end, owner, filed_at, filed_at, filed_at,
           filed_at, filed_at + interval '10 minutes',
           case when state in ('resolved','verified','closed') then filed_at + interval '2 hours' end,
           case when state in ('verified','closed') then filed_at + interval '3 hours' end,
           case when state in ('closed','void','duplicate') then filed_at + interval '4 hours' end,
           c.acknowledge_amount, c.acknowledge_unit, c.resolve_amount, c.resolve_unit, 0,
           case when state <> 'on_hold' then due_at end,
           case when state in ('closed','void','duplicate','on_hold') then null else due_at end,
           case when due_at < now() and state in ('dispatched','acknowledged','on_scene') then due_at end,
           0, 0, 0, 1, '{}'
    from (
        select n, case when n % :live_every = 0
                       then (array['dispatched','acknowledged','on_scene','resolved','on_hold','verified'])
                            [1 + (n / :live_every) % 6]
                       when n % 40 = 1 then 'void' when n % 40 = 2 then 'duplicate' else 'closed' end as state,
               case when n % :live_every = 0 then now() - random() * interval '5 days'
                    else now() - interval '5 days' - random() * interval '720 days' end as filed_at,
               now() + (random() - 0.3) * interval '4 days' as due_at,
               (select id from bench_owner o where o.n = g.n % :owners) as owner,
               (select id from bench_owner o where o.n = (g.n + 1) % :owners) as watcher
        from generate_series(cast(:first as int), cast(:last as int)) as g(n)
    ) made
    join bench_spot s on s.n = (made.n + made.n / :live_every) % (select count(*) from bench_spot)
    join bench_class c on c.n = (made.n + made.n / :live_every) % (select count(*) from bench_class)
""")
_PEOPLE = text("""
    insert into case_person (street_code, case_id, user_id, part, since, why, accepted_at)
    select street_code, id, owner_id, 'owner', filed_at, 'responsible', acknowledged_at from case_file c
    where ended_at is null and number like 'BN%' and not exists (select from case_person p
      where p.street_code = c.street_code and p.case_id = c.id)
""")
_EVENTS = text("""
    insert into case_event (street_code, case_id, ordinal, id, step, to_state, at, received_at, text, data,
                            fingerprint)
    select street_code, c.id, step.n, gen_random_uuid(), step.name, c.state, filed_at, filed_at, '', '{}', ''
    from case_file c, (values (1, 'file'), (2, 'dispatch'), (3, 'accept')) as step(n, name)
    where ended_at is null and number like 'BN%' and not exists (select from case_event e
      where e.street_code = c.street_code and e.case_id = c.id)
""")


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is read: the name of its figure, who asks, and the address."""

    figure: str
    asker: str
    path: str


def questions(box: tuple[float, float, float, float]) -> list[Question]:
    """What is measured; *box*: west, south, east and north of the street."""
    west, south, east, north = box
    corner = {
        "west": west,
        "south": south,
        "east": west + (east - west) / 5,
        "north": south + (north - south) / 5,
    }
    board = "/api/v1/cases?"
    return [
        Question("case_board_street", "leader", board),
        Question("case_board_area", "supervisor", board),
        Question("case_board_state", "leader", board + urlencode({"state": "acknowledged"})),
        Question("case_board_department", "leader", board + urlencode({"department": "城管执法"})),
        Question("case_board_overdue", "leader", board + urlencode({"overdue": "true"})),
        Question("case_board_ended", "leader", board + urlencode({"view": "ended"})),
        Question("case_board_ended_area", "supervisor", board + urlencode({"view": "ended"})),
        Question("case_map_corner", "leader", "/api/v1/cases/map?" + urlencode(corner)),
        Question(
            "case_map_street",
            "leader",
            "/api/v1/cases/map?" + urlencode({"west": west, "south": south, "east": east, "north": north}),
        ),
    ]


class CaseLists:
    """A street that is filled step by step, and those who look at it."""

    def __init__(self, servers: Served, street: Street, api: Api) -> None:
        self._servers = servers
        self._owner = create_engine(servers.environ["OWNER_DATABASE_URL"], isolation_level="AUTOCOMMIT")
        street.hire("listleader", "leader", DEMO_STREET)
        street.hire("listsupervisor", "supervisor", AREA)
        for number in range(OWNERS):
            street.hire(f"listowner{number:02}", "handler", DEMO_STREET)
        self._tokens = {role: api.sign_in(f"list{role}") for role in ("leader", "supervisor")}
        self._filled = 0
        with self._owner.connect() as connection:
            connection.execute(_SPOTS, {"street": DEMO_STREET, "spots": SPOTS})
            connection.execute(_CLASSES, {"street": DEMO_STREET})
            connection.execute(_OWNERS)
            extent = "select ST_Extent(outline) from place where code = :street"
            sides = f"select ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) from ({extent}) b(e)"
            west, south, east, north = connection.execute(text(sides), {"street": DEMO_STREET}).one()
        self.questions = questions((west, south, east, north))

    def fill(self, count: int) -> None:
        """Have *count* cases."""
        given = {"street": DEMO_STREET, "live_every": LIVE_EVERY, "owners": OWNERS}
        with self._owner.connect() as connection:
            connection.execute(text("set synchronous_commit = off"))
            connection.execute(_CASES, given | {"first": self._filled + 1, "last": count})
            connection.execute(_PEOPLE)
            connection.execute(_EVENTS)
            for table in ("case_file", "case_person", "case_event"):
                connection.execute(text(f"vacuum analyze {table}"))
        self._filled = count

    def ask(self, question: Question, seconds: int) -> Load:
        """Ask again and again, as one person does: the next time when the answer is there."""
        token = self._tokens[question.asker]
        return load.get(self._servers.sync_url, question.path, token, seconds=seconds, clients=1)

    def close(self) -> None:
        """Leave the database."""
        self._owner.dispose()
