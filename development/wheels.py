"""Build each project's wheel and try it alone: ``uv run development/wheels.py [PROJECT ...]``.

Each wheel is installed in a fresh environment of its own, outside the workspace, and its
command is run there. Exit status 1 when one of them fails.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = os.environ.get("UV", "uv")
"""``uv run`` says which uv it is."""

TRIALS = {
    "orchestrix": ["python", str(ROOT / "test" / "documented_paths.py")],
    "projection_demo": ["projection-demo", "--quiet", "--store", "bank.db"],
}
"""Project -> the command that shows that its wheel works alone."""


def run(command: list[str], folder: Path) -> None:
    """Run `command` in `folder`, without what belongs to the environment we run in."""
    print("$", " ".join(command), flush=True)
    ours = {"VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT"}
    environment = {key: value for key, value in os.environ.items() if key not in ours}
    subprocess.run(command, cwd=folder, env=environment, check=True)


def try_project(name: str) -> None:
    """Build, install and run one project."""
    project = tomllib.loads((ROOT / "projects" / name / "pyproject.toml").read_text())
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        package = project["project"]["name"]
        run([UV, "build", "--quiet", "--package", package, "--out-dir", str(folder)], ROOT)
        (wheel,) = folder.glob("*.whl")
        run([UV, "venv", "--quiet", str(folder / "env")], folder)
        bin_folder = folder / "env" / "bin"
        python = str(bin_folder / "python")
        constraints = folder / "constraints.txt"
        constraints.write_text("\n".join(pins()))
        run(
            [
                UV,
                "pip",
                "install",
                "--quiet",
                "--python",
                python,
                "-c",
                str(constraints),
                str(wheel),
            ],
            folder,
        )
        program, *arguments = TRIALS[name]
        run([str(bin_folder / program), *arguments], folder)


def pins() -> list[str]:
    """Return the versions that the workspace is tested with."""
    root = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return root["tool"]["uv"]["constraint-dependencies"]


def main(names: list[str]) -> int:
    """Try the projects named, or all of them."""
    present = sorted(path.parent.name for path in (ROOT / "projects").glob("*/pyproject.toml"))
    for name in names or present:
        if name not in TRIALS or name not in present:
            print(f"{name}: add it to projects/ and to TRIALS in development/wheels.py")
            return 1
        print(f"== {name}")
        try:
            try_project(name)
        except subprocess.CalledProcessError as error:
            print(f"{name}: {' '.join(error.cmd)} ended with status {error.returncode}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
