"""Draw docs/projection-demo.svg from what the demo prints: ``uv run development/picture.py``."""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "projection-demo.svg"
WIDTH = 80
COMMAND = [sys.executable, "-m", "orchestrix.projection_demo", "--store", "bank.db"]


def main() -> int:
    """Run the demo without a terminal and draw its lines."""
    environment = {**os.environ, "COLUMNS": str(WIDTH), "PYTHONIOENCODING": "utf-8"}
    with tempfile.TemporaryDirectory() as folder:
        printed = subprocess.run(
            COMMAND, cwd=folder, env=environment, capture_output=True, check=True
        )
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text(printed.stdout.decode()), end="")
    svg = console.export_svg(
        title="uv run projection-demo --store bank.db", theme=MONOKAI, unique_id="demo"
    )
    svg = re.sub(r"@font-face\s*{.*?}", "", svg, flags=re.DOTALL)  # nothing from elsewhere
    PICTURE.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")
    print(f"{PICTURE.relative_to(ROOT)}: {len(svg)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
