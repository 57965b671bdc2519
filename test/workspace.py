"""The workspace as data, for the tests of its rules."""

import ast
import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "orchestrix"
FACADES = {"core", "infrastructure"}
"""Bricks whose module names are documented elsewhere; for users, not for other bricks."""

MADE = {"__pycache__", "dist"}
"""Folders that tools make; they may outlive a brick or project that git has removed."""


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in `folder` that hold a file which no tool has made."""
    return sorted(
        each
        for each in folder.glob("*/")
        if any(
            path.is_file() and MADE.isdisjoint(path.relative_to(folder).parts)
            for path in each.rglob("*")
        )
    )


BRICKS = [
    brick for kind in ("components", "bases") for brick in folders_in(ROOT / kind / NAMESPACE)
]
BASES = {brick.name for brick in BRICKS if brick.parts[-3] == "bases"}
PROJECTS = sorted(path.parent for path in (ROOT / "projects").glob("*/pyproject.toml"))


def outside_environments(paths: list[Path]) -> list[Path]:
    """Return `paths` but for those in a folder that holds a ``pyvenv.cfg``."""
    environments = {path.parent for path in paths if path.name == "pyvenv.cfg"}
    return [path for path in paths if not environments.intersection(path.parents)]


def table(path: Path, *keys: str) -> Any:
    """Return what stands under `keys` in a TOML file, None when either is missing."""
    found: Any = tomllib.loads(path.read_text()) if path.is_file() else None
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def source_of(path: Path) -> ast.Module:
    """Return a Python file as a tree, an empty one when it is missing."""
    return ast.parse(path.read_text() if path.is_file() else "")


def comments_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each comment in a Python file."""
    with path.open("rb") as lines:
        for token in tokenize.tokenize(lines.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def bricks_of(pyproject: Path) -> set[str]:
    """Return the names of the bricks that a project lists."""
    return {Path(key).name for key in table(pyproject, "tool", "polylith", "bricks") or {}}


def line_of(name: str) -> str:
    """Return the line with which a project lists a brick."""
    kind = "bases" if name in BASES else "components"
    return f'"../../{kind}/{NAMESPACE}/{name}" = "{NAMESPACE}/{name}"'


def layered() -> set[str]:
    """Return the names of the bricks that have a layer."""
    contracts = table(ROOT / "pyproject.toml", "tool", "importlinter", "contracts") or []
    layers = [layer for contract in contracts for layer in contract.get("layers", [])]
    return {name for layer in layers for name in re.findall(r"\w+", layer)}


def tried() -> set[str]:
    """Return the names of the projects whose wheel has a trial."""
    for node in source_of(ROOT / "development" / "wheels.py").body:
        match node:
            case ast.Assign(targets=[ast.Name(id="TRIALS")], value=ast.Dict(keys=keys)):
                return {str(key.value) for key in keys if isinstance(key, ast.Constant)}
            case _:
                pass
    return set()


def imports_of(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line, module and names of each import in a Python file."""
    for node in ast.walk(source_of(path)):
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
    """Return a brick's ``__all__`` as it is written, empty when there is none."""
    for node in source_of(brick / "__init__.py").body:
        if (names := names_in(node)) is not None:
            return names
    return []


def names_in(node: ast.stmt) -> list[str] | None:
    """Return the texts of a statement ``__all__ = ["text", ...]``, None for any other."""
    match node:
        case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=items)):
            names = [item.value for item in items if isinstance(item, ast.Constant)]
            texts = [name for name in names if isinstance(name, str)]
            return texts if len(texts) == len(items) else None
        case _:
            return None
