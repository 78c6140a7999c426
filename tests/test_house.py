"""The rules of the house that a machine can hold: who may import whom, and what is documented."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from conftest import ROOT, loaded_modules

PACKAGE = ROOT / "cnnzoo"
MODULES = sorted(PACKAGE.rglob("*.py"))

# A room imports from itself and from the rooms before it.
ROOMS = (
    "errors",
    "extras",
    "network",
    "config",
    "architecture",
    "runs",
    "datasets",
    "doctor",
    "models",
    "training",
    "evaluation",
    "reporting",
    "cli",
)
HEAVY = ("keras", "tensorflow", "jax", "numpy", "sklearn", "matplotlib", "PIL", "rich")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    rooms = {name.split(".")[1] for name in imported_modules(path) if name.startswith("cnnzoo.")}
    later = ROOMS[ROOMS.index(room) + 1 :]
    assert not rooms & set(later), f"{room} imports from a room to its right"


def test_datasets_and_models_do_not_know_each_other():
    for path in MODULES:
        other = {"datasets": "models", "models": "datasets"}.get(room_of(path))
        if other:
            assert not any(name.startswith(f"cnnzoo.{other}") for name in imported_modules(path)), (
                path
            )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_public_is_documented(path):
    tree = ast.parse(path.read_text())
    missing = []
    if tree.body and not ast.get_docstring(tree):
        missing.append("module")
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            members = [node, *(node.body if isinstance(node, ast.ClassDef) else [])]
            missing += [
                member.name
                for member in members
                if isinstance(member, ast.ClassDef | ast.FunctionDef)
                and not member.name.startswith("_")
                and not ast.get_docstring(member)
            ]
    assert not missing


def test_no_module_is_too_long_to_read():
    long = {str(p): n for p in MODULES if (n := len(p.read_text().splitlines())) > 600}
    assert not long


def test_importing_cnnzoo_loads_nothing_heavy():
    assert loaded_modules("import cnnzoo", (*HEAVY, "pydantic", "yaml", "click")) == []


def test_the_public_names_are_there():
    import cnnzoo

    for name in cnnzoo.__all__:
        assert getattr(cnnzoo, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        cnnzoo.trian  # noqa: B018
