import importlib

import pytest
from documented_paths import DOCUMENTED


@pytest.mark.parametrize("path", DOCUMENTED)
def test_a_documented_name_is_the_very_object_of_its_brick(path: str) -> None:
    facade = importlib.import_module(path)
    for brick, names in DOCUMENTED[path].items():
        for name in names:
            assert getattr(facade, name) is getattr(importlib.import_module(brick), name)


@pytest.mark.parametrize("path", DOCUMENTED)
def test_a_documented_path_offers_nothing_else(path: str) -> None:
    names = [name for names in DOCUMENTED[path].values() for name in names]

    assert importlib.import_module(path).__all__ == sorted(names)
