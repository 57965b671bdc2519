"""The examples in Markdown run as tests; ``await`` works in them, one event loop per document."""

import ast
import asyncio
import builtins
from types import FunctionType
from typing import Any

import pytest
from sybil import Example, Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import CodeBlockParser, SkipParser


def start(namespace: dict[str, Any]) -> None:
    """Give a document its loop, and the builtins that C code looks for in its globals."""
    namespace["_runner"] = asyncio.Runner()
    namespace["__builtins__"] = builtins


def stop(namespace: dict[str, Any]) -> None:
    """Close the document's loop."""
    namespace["_runner"].close()


def evaluate(example: Example) -> None:
    """Run one example; line numbers in a failure are those of the document."""
    source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
    code = compile(source, example.path, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if (awaited := FunctionType(code, example.namespace)()) is not None:
        example.namespace["_runner"].run(awaited)


pytest_collect_file = Sybil(
    parsers=[CodeBlockParser("python", evaluate), SkipParser()],
    patterns=["*.md"],
    setup=start,
    teardown=stop,
).pytest()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Replace Sybil's own traceback filter, which raises IndexError on some chained errors."""
    if isinstance(item, SybilItem):
        item._traceback_filter = lambda excinfo: excinfo.traceback  # pyright: ignore[reportPrivateUsage] - it has no public name
