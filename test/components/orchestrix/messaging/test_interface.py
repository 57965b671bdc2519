import json
import subprocess
import sys
from pathlib import Path

import orchestrix.messaging

LOGGING = """
import json, logging
import orchestrix.messaging
loggers = [logging.getLogger(name) for name in (None, "orchestrix", "orchestrix.messaging")]
print(json.dumps([[len(each.handlers), each.level] for each in loggers]))
"""


def test_importing_the_brick_configures_no_logging() -> None:
    components = Path(orchestrix.messaging.__file__).parents[2]
    output = subprocess.check_output([sys.executable, "-c", LOGGING], cwd=components, text=True)

    assert json.loads(output) == [[0, 30], [0, 0], [0, 0]]


def test_the_interface_is_sorted_and_complete() -> None:
    names = orchestrix.messaging.__all__

    assert names == sorted(names)
    assert all(hasattr(orchestrix.messaging, name) for name in names)


def test_the_example_in_the_readme_runs() -> None:
    readme = Path(orchestrix.messaging.__file__).with_name("README.md").read_text()
    example = readme.split("```python\n")[1].split("```")[0]

    exec(compile(example, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - ours
