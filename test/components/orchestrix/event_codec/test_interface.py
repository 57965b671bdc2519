from pathlib import Path

import orchestrix.event_codec


def test_the_interface_is_sorted_and_complete() -> None:
    names = orchestrix.event_codec.__all__

    assert names == sorted(names)
    assert all(hasattr(orchestrix.event_codec, name) for name in names)


def test_the_example_in_the_readme_runs() -> None:
    readme = Path(orchestrix.event_codec.__file__).with_name("README.md").read_text()
    example = readme.split("```python\n")[1].split("```")[0]

    exec(compile(example, "README.md", "exec"), {"__name__": "builtins"})  # noqa: S102 - ours
