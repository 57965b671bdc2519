"""Where the bank's file is when the user names none."""

import tempfile
from pathlib import Path


def new_file() -> Path:
    """Return a file that is not there yet, in a new folder, which stays for the user to look at."""
    return Path(tempfile.mkdtemp(prefix="projection-demo-")) / "bank.db"
