"""The rules of the architecture that a machine can check: imports and documentation."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from conftest import ROOT, loaded_modules

PACKAGE = ROOT / "cnnzoo"
MODULES = sorted(PACKAGE.rglob("*.py"))

# A package imports from itself and from the packages before it.
PACKAGES = (
    "text",
    "errors",
    "extras",
    "network",
    "regular_files",
    "limits",
    "config",
    "architecture",
    "runs",
    "datasets",
    "models",
    "training",
    "evaluation",
    "exporting",
    "studies",
    "cluster",
    "reporting",
    "serving",
    "terminal",
    "cli",
)
HEAVY = ("keras", "tensorflow", "jax", "numpy", "sklearn", "matplotlib", "PIL", "rich")


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(tree: ast.AST) -> set[str]:
    """Every module that a tree imports, in functions too."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


class RunTimeOnly(ast.NodeTransformer):
    """Remove what only type checkers see."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)


def import_graph() -> dict[str, set[str]]:
    """Module → the modules of cnnzoo that it imports at run time, in functions too."""
    names = {module_of(path) for path in MODULES}
    graph = {}
    for path in MODULES:
        tree = RunTimeOnly().visit(ast.parse(path.read_text()))
        graph[module_of(path)] = (imported_modules(tree) & names) - {module_of(path)}
    return graph


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one import cycle, empty if there is none."""
    finished: set[str] = set()

    def search(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in finished:
            return []
        for imported in sorted(graph[module]):
            if found := search(imported, [*path, module]):
                return found
        finished.add(module)
        return []

    return next((found for module in sorted(graph) if (found := search(module, []))), [])


def test_imports_follow_the_order_of_the_packages():
    for path in MODULES:
        package = package_of(path)
        if package in ("__init__", "__main__"):
            continue
        imported = imported_modules(ast.parse(path.read_text()))
        packages = {name.split(".")[1] for name in imported if name.startswith("cnnzoo.")}
        later = PACKAGES[PACKAGES.index(package) + 1 :]
        assert not packages & set(later), f"{module_of(path)} imports from a package to its right"


def test_no_import_cycle():
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    graph = import_graph()
    # The package itself resolves its public names lazily, and any module may ask for its version.
    graph["cnnzoo"] = set()
    assert cycle_in(graph) == []


def test_datasets_and_models_do_not_know_each_other():
    for path in MODULES:
        other = {"datasets": "models", "models": "datasets"}.get(package_of(path))
        if other:
            imported = imported_modules(ast.parse(path.read_text()))
            assert not any(name.startswith(f"cnnzoo.{other}") for name in imported), path


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
