"""The house rules of app/ that no linter knows: sizes, docstrings, and where a commit may stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAY_COMMIT = ("core/pipeline.py", "worker.py", "cli/")

FILES = {str(path.relative_to(APP)): path.read_text(encoding="utf-8") for path in sorted(APP.rglob("*.py"))}
TREES = {name: ast.parse(text) for name, text in FILES.items()}
Function = ast.FunctionDef | ast.AsyncFunctionDef

every_file = pytest.mark.parametrize("name", FILES)


def definitions(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """Functions and classes of the module, and the methods of its classes; not what functions hide."""
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef):
            yield node
        if isinstance(node, ast.ClassDef):
            yield from (inner for inner in node.body if isinstance(inner, Function))


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def ends_a_transaction(call: ast.Call) -> bool:
    """True for ``….commit()`` and for ``with ….begin()``, which commits at its end."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in {"commit", "begin"}


@every_file
def test_a_file_needs_no_map(name: str) -> None:
    assert len(FILES[name].splitlines()) <= MAX_FILE_LINES


@every_file
def test_a_function_needs_no_scrolling(name: str) -> None:
    long = {function.name: length(function) for function in functions(TREES[name])}
    assert {who: lines for who, lines in long.items() if lines > MAX_FUNCTION_LINES} == {}


@every_file
def test_what_is_public_says_what_it_is(name: str) -> None:
    assert ast.get_docstring(TREES[name]), "the module"
    silent = [node.name for node in definitions(TREES[name]) if not ast.get_docstring(node)]
    assert [who for who in silent if not who.startswith("_")] == []


@every_file
def test_only_the_endpoint_the_worker_and_commands_commit(name: str) -> None:
    calls = [
        node.lineno
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Call) and ends_a_transaction(node)
    ]
    assert name.startswith(MAY_COMMIT) or calls == []


def test_the_rules_would_see_a_breach() -> None:
    tree = ast.parse("def act():\n    session.commit()\n    with engine.begin():\n        pass\n")
    assert [ast.get_docstring(node) for node in definitions(tree)] == [None]
    assert sum(ends_a_transaction(node) for node in ast.walk(tree) if isinstance(node, ast.Call)) == 2
    assert [length(function) for function in functions(tree)] == [4]
