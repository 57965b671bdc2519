"""The workspace as data, for the tests of its rules."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "orchestrix"
FACADES = {"core", "infrastructure"}
"""Bricks whose module names are documented elsewhere; for users, not for other bricks."""

BRICKS = sorted(
    path
    for kind in ("components", "bases")
    for path in (ROOT / kind / NAMESPACE).iterdir()
    if path.is_dir() and path.name != "__pycache__"
)
PROJECTS = sorted(path for path in (ROOT / "projects").iterdir() if path.is_dir())


def table(path: Path, *keys: str) -> Any:
    """Return what stands under `keys` in a TOML file, None when it is missing."""
    found: Any = tomllib.loads(path.read_text())
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def bricks_of(pyproject: Path) -> set[str]:
    """Return the names of the bricks that a project lists."""
    return {Path(key).name for key in table(pyproject, "tool", "polylith", "bricks") or {}}


def imports_of(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line, module and names of each import in a Python file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, []
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module, [alias.name for alias in node.names]


def bricks_imported_by(brick: Path) -> set[str]:
    """Return the names of the other bricks that a brick imports."""
    modules = [
        module.split(".") for path in brick.rglob("*.py") for _, module, _ in imports_of(path)
    ]
    used = {parts[1] for parts in modules if parts[0] == NAMESPACE and len(parts) > 1}
    return used - {brick.name}


def reached_from(names: set[str]) -> set[str]:
    """Return `names` and every brick they import, directly or not."""
    by_name = {path.name: path for path in BRICKS}
    reached: set[str] = set()
    while new := names - reached:
        reached |= new
        names = {
            used for name in new if name in by_name for used in bricks_imported_by(by_name[name])
        }
    return reached


def interface(brick: Path) -> list[str]:
    """Return a brick's ``__all__`` as it is written."""
    for node in ast.parse((brick / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            return list(ast.literal_eval(node.value))
    return []
