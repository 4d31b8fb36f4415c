"""The floors of the house: no module imports from a floor above its own, and none takes part in a cycle."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "messaging_app"

# From the ground up; the longest name that fits decides. Rooms on one floor may use each other.
FLOORS = [
    {"", "errors", "actors", "paths", "text", "files", "storage", "mail.headers", "oidc.settings", "ops.metrics"},
    {"config", "db", "extensions", "bus", "formats", "ops.request_log"},
    {"models", "policies", "search.documents", "search.asking"},
    {"queries"},
    {"services", "accounts", "oidc", "mail", "search", "directory", "doctor", "demo", "ops.health"},
    {"web", "api", "cli"},
    {"ops", "factory", "gunicorn_conf"},
]
MODULES = {
    ".".join(("messaging_app", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
ROOT_MODULES = 10
OWN = ("self", "cls")
DOCUMENTED = {
    "_asdict",
    "_replace",
    "_make",
    "_fields",
    "_exit",
}  # of named tuples and os: public despite the underscore


def floor_of(module: str) -> int:
    """The floor of a module, by the longest name in FLOORS that it begins with."""
    name = module.removeprefix("messaging_app").removeprefix(".")
    fitting = [
        (len(room), number)
        for number, rooms in enumerate(FLOORS)
        for room in rooms
        if name == room or name.startswith(f"{room}.")
    ]
    assert fitting, f"{module} stands on no floor: give it one in FLOORS"
    return max(fitting)[1]


def imported(path: Path) -> set[str]:
    """The package's own modules that a file imports when it is loaded."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "messaging_app":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else str(node.module))
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "messaging_app"}
    return found


GRAPH = {module: imported(path) - {module} for module, path in MODULES.items()}


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_from_a_floor_above(module: str) -> None:
    own = floor_of(module)
    above = {other: floor_of(other) for other in GRAPH[module] if floor_of(other) > own}
    assert not above, f"{module} is on floor {own}"


def test_no_imports_go_round_in_circles() -> None:
    try:
        list(TopologicalSorter(GRAPH).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_the_package_root_stays_small() -> None:
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert len(modules) <= ROOT_MODULES, sorted(modules)


@pytest.mark.parametrize("module", MODULES)
def test_no_module_uses_a_private_name_of_another(module: str) -> None:
    """A private name of a library changes without notice; one of our own belongs to its module."""
    used = []
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id in OWN):
            used.append(node.attr)
        elif isinstance(node, ast.ImportFrom):
            used += [part for part in (node.module or "").split(".") if part != "__future__"]
            used += [alias.name for alias in node.names]
    private = {name for name in used if re.match("_[^_]", name)} - DOCUMENTED
    assert not private, "look for the public way"


def test_any_stands_on_few_lines() -> None:
    """With `Any` a type checker looks away. What remains is JSON, rows whose statement names them, and untyped libraries."""
    lines = [line for path in MODULES.values() for line in path.read_text().splitlines() if re.search(r"\bAny\b", line)]
    assert len(lines) < 100, "give it a type of its own"
