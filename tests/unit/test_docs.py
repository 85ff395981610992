"""What the documents name exists: links, commands, problems, reasons for doubt, dependencies."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import click
import pytest

from app.core.problems import catalogue
from app.evidence.rules import LIMITS, REASONS
from app.people.rights import VERB_ROLES
from app.sync.kinds import KINDS
from app.wiring import create_app
from config import read_settings

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "data/README.md"])
NAMES = [str(path.relative_to(ROOT)) for path in DOCS]

every_document = pytest.mark.parametrize("name", NAMES)


@cache
def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def code_of(name: str) -> str:
    """Everything that a document sets as code, a line each."""
    text = text_of(name)
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return "\n".join([*fenced, *inline])


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@every_document
def test_every_relative_link_leads_somewhere(name: str) -> None:
    here = ROOT / name
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(name)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        to = (here.parent / path).resolve() if path else here
        if not to.exists() or (anchor and anchor not in anchors(to)):
            dead.append(target)
    assert dead == []


@every_document
def test_every_make_target_exists(name: str) -> None:
    known = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"(?<![\w-])make ([a-z][a-z0-9-]*)", code_of(name)))
    assert named - known - {"git"} == set()  # "apt-get install … make git"


@cache
def commands() -> dict[str, click.Command]:
    settings = read_settings({"IRONFEET_MODE": "testing", "DATABASE_URL": "postgresql://nowhere/none"})
    return dict(create_app(settings).cli.commands)


def resolves(words: list[str]) -> bool:
    """True where *words* begin with a command and, in a group, go on with one of its own."""
    command = commands().get(words[0])
    if isinstance(command, click.Group) and len(words) > 1:
        return words[1] in command.commands
    return command is not None


@every_document
def test_every_flask_command_exists_with_its_options(name: str) -> None:
    wrong = []
    for call in re.findall(r"(?<![\w-])flask ([a-z][^\n`;|&#]*)", code_of(name)):
        words = call.split()
        if not resolves(words):
            wrong.append(call)
            continue
        command = commands()[words[0]]
        if isinstance(command, click.Group) and len(words) > 1:
            command = command.commands[words[1]]
        options = {option for parameter in command.params for option in parameter.opts}
        if set(re.findall(r"--[a-z-]+", call)) - options:
            wrong.append(call)
    assert wrong == []


@every_document
def test_every_file_named_exists(name: str) -> None:
    folders = "app|bench|data|deploy|docs|migrations|pwa|scripts|tests"
    named = re.findall(rf"(?<![\w./-])((?:{folders})/[\w./-]*\w)", code_of(name))
    built = ("pwa/dist", "pwa/node_modules")
    assert [path for path in named if not path.startswith(built) and not (ROOT / path).exists()] == []


@every_document
def test_every_problem_named_exists(name: str) -> None:
    named = set(re.findall(r"/problems/([a-z-]+)", text_of(name)))
    if name == "docs/phone-log.md":
        named |= set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", text_of(name)))
    assert named - set(catalogue()) == set()


@every_document
def test_every_verb_named_exists(name: str) -> None:
    named = set(re.findall(r"@endpoint\(\"([^\"…]+)\"\)", text_of(name)))
    assert named - set(VERB_ROLES) == set()


def test_the_phones_log_tells_every_kind_with_all_its_members() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `(\{.*)\|$", text_of("docs/phone-log.md"), re.M))
    assert tuple(rows) == tuple(KINDS)
    told = {kind: set(re.findall(r'"(\w+)"\??: ', row)) for kind, row in rows.items()}
    shapes: dict[str, Any] = {kind: KINDS[kind].read.__self__.load_fields for kind in KINDS}  # type: ignore[attr-defined]
    assert told == {
        kind: {member.data_key or name for name, member in shape.items()} for kind, shape in shapes.items()
    }


def grading_rows() -> dict[str, str]:
    return dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", text_of("docs/grading.md"), re.M))


def test_grading_explains_every_reason_in_the_order_in_which_they_are_shown() -> None:
    assert tuple(grading_rows()) == REASONS


def minutes(seconds: float) -> int:
    return round(seconds / 60)


@pytest.mark.parametrize(
    ("reason", "figures"),
    [
        ("outside_radius", [LIMITS.accuracy_m]),
        ("poor_accuracy", [LIMITS.accuracy_m, LIMITS.tagged_accuracy_m]),
        ("stale_fix", [LIMITS.fix_age_s]),
        ("impossible_speed", [LIMITS.speed_mps, minutes(LIMITS.memory.total_seconds()), LIMITS.jump_m]),
        ("out_of_window", [minutes(LIMITS.window_slack.total_seconds())]),
        ("future_time", [LIMITS.future_slack.total_seconds()]),
        ("late_arrival", [LIMITS.late.total_seconds() / 3600]),
        ("clock_skew", [minutes(LIMITS.skew_s)]),
    ],
)
def test_grading_gives_the_limits_of_the_code_in_both_languages(reason: str, figures: list[float]) -> None:
    for words in grading_rows()[reason].split("|"):
        assert {round(figure) for figure in figures} <= {int(n) for n in re.findall(r"\d+", words)}


def words_of(app: str) -> dict[str, str]:
    words: dict[str, str] = json.loads(text_of(f"pwa/src/messages/{app}.zh.json"))
    return words


def test_grading_uses_the_words_of_the_apps() -> None:
    quoted = re.findall("“([^”]+)”", text_of("docs/grading.md"))
    assert {words_of("common")[key] for key in ("grade.verified", "grade.doubtful")} == set(quoted)


def test_privacy_uses_the_words_of_the_apps() -> None:
    text = text_of("docs/privacy.md")
    assert f"“{words_of('field')['looks.title']}”" in text
    assert all(words_of("common")[f"role.{role}"] in text for role in ("supervisor", "leader", "admin"))
    assert not re.search("值勤|下班|班次", text)  # 上岗, 在岗, 下岗


def test_every_dependency_has_its_reason_and_every_reason_its_dependency() -> None:
    wanted = set()
    for file in ("requirements.in", "requirements-dev.in", "requirements-node.in"):
        lines = [line.split("#")[0].strip() for line in text_of(file).splitlines()]
        wanted |= {re.sub(r"[\[=<>].*", "", line) for line in lines if line and not line.startswith("-")}
    package = json.loads(text_of("pwa/package.json"))
    wanted |= {*package["dependencies"], *package["devDependencies"]}
    rows = re.findall(r"^\| (`.*?) \|", text_of("docs/adr/0007-dependencies.md"), re.M)
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == wanted
