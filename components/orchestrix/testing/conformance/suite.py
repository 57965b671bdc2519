"""What all suites have in common: a promise that is not made is named, with the reason."""

from typing import ClassVar

import pytest


class Suite:
    """Tests of promises; a subclass says in fixtures what is tested."""

    cannot: ClassVar[dict[str, str]] = {}
    """Test name -> reason, for promises that are not made."""

    @pytest.fixture(autouse=True)
    def _skip_what_it_cannot_do(self, request: pytest.FixtureRequest) -> None:
        unknown = [test for test in self.cannot if not hasattr(self, test)]
        assert not unknown, f"`cannot` of {type(self).__name__} names no test of it: {unknown}"
        if request.node.originalname in self.cannot:
            pytest.skip(self.cannot[request.node.originalname])
